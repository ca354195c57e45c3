import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Caller } from '../../../src/contract/caller.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { createIdentify } from '../../../src/identity/identify.ts';
import { createIssuers } from '../../../src/identity/issuers.ts';
import type { FoundKey } from '../../../src/identity/keys.ts';
import type { SessionRow } from '../../../src/identity/sessions.ts';
import { createTokens } from '../../../src/identity/tokens.ts';

const SECRET = 's'.repeat(64);
const OPERATOR = 'op_operator';

function world(auth: 'off' | 'required' = 'required') {
  const asked: string[] = [];
  const keys = new Map<string, FoundKey>();
  const sessions = new Map<string, SessionRow>();
  const state = { now: Date.now(), away: false };
  const look = async <T>(what: string, found: T | undefined): Promise<T | null> => {
    asked.push(what);
    if (state.away) throw new GoblinError('unavailable', 'The record is away.');
    return found ?? null;
  };
  const tokens = createTokens(SECRET);
  const identity = createIdentify({
    auth,
    find: {
      key: (key) => look(`key ${key}`, keys.get(key)),
      keyById: (id) =>
        look(
          `id ${id}`,
          [...keys.values()].find((one) => one.id === id),
        ),
      session: (id) => look(`session ${id}`, sessions.get(id)),
      outsider: async () => null,
    },
    tokens,
    issuers: createIssuers([], async () => assert.fail('nobody is asked')),
    operatorToken: OPERATOR,
    now: () => state.now,
  });
  const key = (text: string, more: Partial<FoundKey> = {}) =>
    keys.set(text, {
      id: `id-${text}`,
      tenant: 'acme',
      team: null,
      account: null,
      role: 'service',
      accountRole: null,
      scopes: ['request:read', 'request:write'],
      models: null,
      expiresAt: null,
      ...more,
    });
  const session = (id: string, more: Partial<SessionRow> = {}) =>
    sessions.set(id, {
      id,
      tenant: 'acme',
      user: `usr-${id}`,
      email: 'a@b.c',
      name: null,
      role: 'member',
      everywhere: false,
      team: null,
      teamRole: null,
      expiresAt: state.now + 86_400_000,
      ...more,
    });
  return { ...identity, asked, keys, sessions, state, tokens, key, session };
}

const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const refused = (error: unknown) => error instanceof GoblinError && error.code === 'unauthorized';

describe('who asks', () => {
  it('is anybody with authentication off, and nothing is looked at', () => {
    const { identify, asked } = world('off');
    for (const headers of [{}, bearer('x'), { cookie: 'goblin_session=x' }])
      assert.equal((identify(headers) as Caller).user, 'local');
    assert.deepEqual(asked, []);
  });

  it('is asked for once in a while, and known at once in between', async () => {
    const { identify, asked, key, state } = world();
    key('k');
    const first = await identify(bearer('k'));
    const second = identify({ 'x-api-key': 'k' });
    assert.ok(!(second instanceof Promise), 'no promise on the hot path');
    assert.equal(second, first, 'and no new object');
    state.now += 4001;
    assert.ok(identify(bearer('k')) instanceof Promise);
    await new Promise(setImmediate);
    assert.deepEqual(asked, ['key k', 'key k']);
  });

  it('is nobody without a credential, or with one that is none', async () => {
    const { identify, asked } = world();
    for (const headers of [
      {},
      { authorization: 'Basic eDp5' },
      { authorization: 'Bearer' },
      bearer('x'.repeat(513)),
      bearer(`eyJ${'x'.repeat(9000)}.a.b`),
    ]) {
      assert.throws(() => identify(headers), refused);
    }
    assert.deepEqual(asked, [], 'huge ones cost no look-up');
    await assert.rejects(async () => identify(bearer('unknown')), refused);
    await assert.rejects(async () => identify(bearer('eyJ.not.a.token')), refused);
  });

  it('is not known longer than the key, or the token, lasts', async () => {
    const { identify, key, session, state, tokens } = world();
    key('soon', { expiresAt: state.now + 1000 });
    await identify(bearer('soon'));
    state.now += 1001;
    assert.ok(identify(bearer('soon')) instanceof Promise, 'asked for anew');
    session('s');
    const token = await tokens.session('s', 'u', 3);
    await identify(bearer(token));
    state.now += 3500;
    const late = identify(bearer(token));
    assert.ok(late instanceof Promise);
    await late.catch(() => {});
  });

  it('forgets what was taken away, and only that', async () => {
    const { identify, forget, key, session, tokens } = world();
    key('a', { account: 'usr-1', accountRole: 'member' });
    key('b', { tenant: 'other' });
    session('s', { user: 'usr-1' });
    const token = await tokens.session('s', 'u', 60);
    const all = async () => {
      for (const text of ['a', 'b', token]) await identify(bearer(text));
    };
    const known = () => ['a', 'b', token].map((text) => !(identify(bearer(text)) instanceof Promise));
    const cases = [
      [{ kind: 'key', id: 'id-a' }, [false, true, true]],
      [{ kind: 'account', id: 'usr-1' }, [false, true, false]],
      [{ kind: 'session', id: 's' }, [true, true, false]],
      [{ kind: 'tenant', id: 'other' }, [true, false, true]],
      [null, [false, false, false]],
    ] as const;
    for (const [changed, expected] of cases) {
      await all();
      forget(changed);
      assert.deepEqual(known(), expected, JSON.stringify(changed));
      await new Promise(setImmediate);
    }
  });

  it('keeps a cookie apart from the same token in a header', async () => {
    const { identify, session, tokens, key } = world();
    session('s');
    const token = await tokens.session('s', 'u', 60);
    const byHeader = await identify(bearer(token));
    const byCookie = await identify({ cookie: `goblin_session=${token}` });
    assert.equal(byHeader.cookie, undefined);
    assert.equal(byCookie.cookie, true);
    assert.equal((identify(bearer(token)) as Caller).cookie, undefined);
    assert.equal((identify({ cookie: `goblin_session=${token}` }) as Caller).cookie, true);
    key('k');
    assert.throws(() => identify({ cookie: 'goblin_session=k' }), refused);
    assert.throws(() => identify({ cookie: `goblin_session=${OPERATOR}` }), refused);
  });

  it('may by a link look at one request, as long as its maker may, and only from the address', async () => {
    const { identify, key, keys, tokens, state } = world();
    key('k');
    const link = await tokens.link('req-1', 'key', 'id-k');
    const caller = await identify({}, link);
    assert.deepEqual([...caller.permissions], ['request:read']);
    assert.equal(caller.only, 'req-1');
    assert.equal(caller.standing?.key, 'id-k');
    await assert.rejects(async () => identify(bearer(link)), refused, 'it is no credential');
    keys.delete('k');
    state.now += 4001;
    await assert.rejects(async () => identify({}, link), refused, 'its maker is gone');
    key('writer', { scopes: ['request:write'] });
    await assert.rejects(async () => identify({}, await tokens.link('req-1', 'key', 'id-writer')), refused);
    // Headers win: a bad credential is not made good by a link.
    await assert.rejects(
      async () => identify(bearer('unknown'), await tokens.link('req-1', 'key', 'id-writer')),
      refused,
    );
  });

  it('cannot be said while the record is away: that is no refusal, and is not remembered', async () => {
    const { identify, key, state } = world();
    key('k');
    state.away = true;
    await assert.rejects(
      async () => identify(bearer('k')),
      (error) => error instanceof GoblinError && error.code === 'unavailable',
    );
    state.away = false;
    assert.equal((await identify(bearer('k'))).key, 'id-k');
  });

  it('is the command line by its token', () => {
    const caller = world().identify(bearer(OPERATOR)) as Caller;
    assert.equal(caller.everywhere, true);
    assert.equal(caller.standing, undefined);
  });
});
