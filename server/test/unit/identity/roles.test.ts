import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PERMISSIONS, type Permission, type Role } from '../../../src/contract/caller.ts';
import { callerOfKey, callerOfSession } from '../../../src/identity/callers.ts';
import {
  ALL,
  EVERYWHERE,
  highest,
  isPermission,
  isRole,
  mayGive,
  permissionsOf,
  ROLE_NAMES,
  ROLES,
} from '../../../src/identity/roles.ts';

const KEY = {
  id: 'key_1',
  tenant: 'acme',
  team: null,
  account: null,
  role: 'service' as Role,
  accountRole: null,
  scopes: Object.keys(PERMISSIONS),
  models: null,
  expiresAt: null,
};
const SESSION = {
  id: 'ses_1',
  tenant: 'acme',
  user: 'usr_1',
  email: 'a@b.c',
  name: null,
  role: 'viewer' as Role,
  everywhere: false,
  team: null,
  teamRole: null,
  expiresAt: Date.now() + 1000,
};

describe('roles', () => {
  it('have what the issue says of the ones that matter most', () => {
    const may = (role: Role, permission: Permission) => ROLES[role].includes(permission);
    for (const role of ['operator', 'member', 'viewer', 'service'] as const) {
      assert.ok(!may(role, 'content:read'), `${role} reads no stored prompts`);
      assert.ok(!may(role, 'key:write') && !may(role, 'user:write') && !may(role, 'team:write'), role);
    }
    assert.ok(may('admin', 'content:read') && may('owner', 'content:read'));
    assert.ok(!may('viewer', 'request:write'));
    assert.ok(may('member', 'request:write'));
    assert.ok(may('owner', 'tenant:write') && !may('admin', 'tenant:write'));
    for (const role of ROLE_NAMES)
      assert.ok(
        EVERYWHERE.every((permission) => !may(role, permission)),
        role,
      );
  });

  it('stand in an order in which each of the first three has all of the next', () => {
    for (const [more, less] of [
      ['owner', 'admin'],
      ['admin', 'operator'],
      ['operator', 'member'],
    ] as const) {
      assert.ok(
        ROLES[less].every((permission) => ROLES[more].includes(permission)),
        `${more} ⊇ ${less}`,
      );
    }
    assert.equal(highest(['viewer', 'admin', 'member']), 'admin');
    assert.equal(highest([]), null);
  });

  it('are given by nobody who has less', () => {
    for (const giver of ROLE_NAMES) {
      for (const role of ROLE_NAMES) {
        const expected = ROLES[role].every((permission) => ROLES[giver].includes(permission));
        assert.equal(mayGive(permissionsOf([giver]), role), expected, `${giver} gives ${role}`);
      }
    }
    assert.ok(!mayGive(permissionsOf(['admin']), 'owner'));
    assert.ok(mayGive(ALL, 'owner'));
  });

  it('are no names of Object.prototype', () => {
    for (const name of ['constructor', '__proto__', 'toString', 7, null]) {
      assert.equal(isRole(name), false);
      assert.equal(isPermission(name), false);
    }
  });
});

describe('what a caller may', () => {
  it('is of a key: its role, its scopes and its account, whichever has least', () => {
    assert.deepEqual([...callerOfKey(KEY).permissions].sort(), [...ROLES.service].sort());
    const scoped = callerOfKey({ ...KEY, role: 'admin', scopes: ['request:read', 'tenant:create', 'nonsense'] });
    assert.deepEqual([...scoped.permissions].sort(), ['request:read', 'self']);
    const ofViewer = callerOfKey({ ...KEY, role: 'admin', account: 'usr_1', accountRole: 'viewer' });
    assert.deepEqual([...ofViewer.permissions].sort(), [...ROLES.viewer].sort());
    assert.equal(ofViewer.user, 'usr_1');
    assert.equal(callerOfKey(KEY).everywhere, undefined);
  });

  it('is of a session: the role in the tenant and the one in the team', () => {
    assert.ok(!callerOfSession(SESSION).permissions.has('request:write'));
    const inTeam = callerOfSession({ ...SESSION, team: 'team_1', teamRole: 'member' });
    assert.ok(inTeam.permissions.has('request:write') && inTeam.permissions.has('operations:read'));
    assert.equal(inTeam.team, 'team_1');
    const everywhere = callerOfSession({ ...SESSION, everywhere: true });
    assert.equal(everywhere.everywhere, true);
    assert.ok(everywhere.permissions.has('tenant:create'));
  });
});
