/** The room of identity, put together: who asks, how one signs in, and what ends when something is taken away. */
import type { FastifyInstance } from 'fastify';
import { GoblinError } from '../contract/errors.ts';
import { authRoutes } from '../edge/auth.ts';
import { oidcRoutes } from '../edge/auth-oidc.ts';
import type { AddressOf } from '../edge/caller-address.ts';
import type { Held } from '../edge/held.ts';
import { keyRoutes } from '../edge/keys.ts';
import { teamRoutes, tenantRoutes } from '../edge/teams.ts';
import { userRoutes } from '../edge/users.ts';
import { findOutsider } from '../identity/callers.ts';
import { type Content, createContent } from '../identity/content.ts';
import { type Changed, createIdentify, type Identify } from '../identity/identify.ts';
import type { Issuer } from '../identity/issuer.ts';
import { createIssuers } from '../identity/issuers.ts';
import type { Fetch } from '../identity/jwks.ts';
import { createKey, findKey, findKeyById, listKeys, revokeKey } from '../identity/keys.ts';
import { createOidc } from '../identity/oidc.ts';
import { createPasswords } from '../identity/passwords.ts';
import { createRefusals } from '../identity/refusals.ts';
import { deriveKey } from '../identity/ring.ts';
import { endSession, findSession } from '../identity/sessions.ts';
import { needsSetup } from '../identity/setup.ts';
import { createSignIn } from '../identity/sign-in.ts';
import { startGuard } from '../identity/standing.ts';
import { closeTeam, createTeam, joinTeam, leaveTeam, listTeams, renameTeam } from '../identity/teams.ts';
import { changeTenant, createTenant, listTenants } from '../identity/tenants.ts';
import { createThrottle } from '../identity/throttle.ts';
import { createTokens, LINK_SECONDS } from '../identity/tokens.ts';
import { changeUser, createUser, listUsers } from '../identity/users.ts';
import { isRequestId } from '../ledger/ids.ts';
import type { House } from './assembly.ts';
import { type Config, ConfigError } from './config.ts';

export interface IdentityRoom {
  identify: Identify;
  routes(app: FastifyInstance): void;
  content: Content;
  userHash(tenant: string, user: string): string;
  close(): void;
}

export async function openIdentity(
  house: House,
  operatorToken: string,
  held: Held,
  addressOf: AddressOf,
): Promise<IdentityRoom> {
  const { config, sql, bus, ring, recorder } = house;
  const settings = config.settings.identity;
  const tokens = createTokens(
    ring.current.secret,
    ring.all.slice(1).map(({ secret }) => secret),
  );
  const trusted = issuersOf(config);
  const fetch = fetchFor(trusted, house.transport.fetch);
  const told = createRefusals(recorder.log);
  const issuers = createIssuers(trusted, fetch, Date.now, told);
  const { identify, forget } = createIdentify({
    auth: config.auth,
    find: {
      key: async (key) => (sql ? await findKey(sql, key) : null),
      keyById: async (id) => (sql ? await findKeyById(sql, id) : null),
      session: async (id) => (sql ? await findSession(sql, id) : null),
      async outsider(verified) {
        const found = sql ? await findOutsider(sql, verified) : null;
        if (!found) told('token', verified.issuer, 'closed');
        return found;
      },
    },
    tokens,
    issuers,
    operatorToken,
    now: Date.now,
  });
  // A bench has no record: there is nobody to sign in.
  if (!sql) {
    const free = async () => {};
    const content = { owns: () => true, read: free, shown: free, mayErase: free };
    return { identify, routes: () => {}, content, userHash: () => '', close: () => {} };
  }

  // A token of an issuer must not wait for somebody to make its tenant.
  for (const tenant of new Set(trusted.map((issuer) => issuer.tenant))) {
    await createTenant(sql, tenant, null, 'goblin.yaml');
  }
  const guard = startGuard({ sql, bus, telemetry: recorder, open: held, forget, now: Date.now });
  const { userHash } = house.secrets;
  const content = createContent(sql, userHash);
  const passwords = createPasswords();
  const ways = createSignIn({
    sql,
    passwords,
    throttle: createThrottle(sql),
    tokens,
    accessSeconds: settings.accessMinutes * 60,
    sessionDays: settings.sessionDays,
    userHash,
    changed: guard.changed,
    told,
  });
  const tell = createTell(guard.changed);

  return {
    identify,
    content,
    userHash,
    close: guard.close,
    routes(app) {
      authRoutes(app, {
        ways,
        defaultTenant: settings.tenant,
        providers: issuers.all.flatMap(({ name, signIn }) => (signIn ? [{ name, title: signIn.title }] : [])),
        addressOf,
        needsSetup: () => needsSetup(sql),
        async endSession(id) {
          await tell('session', id, endSession(sql, id, 'logout'));
        },
        async link({ standing, key }, request) {
          const kind = standing?.session ? 'session' : 'key';
          const by = standing?.session ?? key;
          // With authentication off a link needs no token.
          if (!by && config.auth === 'off') return { token: '', seconds: LINK_SECONDS };
          if (!by) {
            throw new GoblinError(
              'forbidden',
              'A link stands on an API key, or on somebody who signed in here; you came with neither.',
            );
          }
          return { token: await tokens.link(request, kind, by), seconds: LINK_SECONDS };
        },
        hasRequest: async (tenant, id) => isRequestId(id) && (await house.ledger.get(tenant, id)) !== null,
      });
      if (settings.publicUrl !== null) {
        const oidc = createOidc({
          issuers,
          fetch,
          keys: ring.all.map(({ secret }) => deriveKey(secret, 'sign-in cookie 1')),
          publicUrl: settings.publicUrl,
          now: Date.now,
          told,
        });
        oidcRoutes(app, { oidc, ways, secure: settings.publicUrl.startsWith('https:') });
      }
      keyRoutes(app, {
        create: (key) => createKey(sql, key),
        list: (tenant, id) => listKeys(sql, tenant, id),
        revoke: (id, tenant, actor) => tell('key', id, revokeKey(sql, id, tenant, actor)),
        now: Date.now,
      });
      userRoutes(app, {
        list: (tenant, page) => listUsers(sql, tenant, page),
        async create(user, makeTenant) {
          const password = user.password === null ? null : await passwords.hash(user.password);
          return await createUser(sql, { ...user, password }, makeTenant);
        },
        async change(id, change, actor, check) {
          const password = change.password === undefined ? undefined : await passwords.hash(change.password);
          const { password: _clear, ...rest } = change;
          await changeUser(sql, id, { ...rest, ...(password === undefined ? {} : { password }) }, actor, check);
          guard.changed({ kind: 'account', id });
        },
      });
      teamRoutes(app, {
        list: (tenant, id) => listTeams(sql, tenant, id),
        create: (tenant, name, actor) => createTeam(sql, tenant, name, actor),
        rename: (id, tenant, name, actor) => renameTeam(sql, id, tenant, name, actor),
        async close(id, tenant, actor) {
          const [team] = await listTeams(sql, tenant, id);
          return await tell('tenant', team?.tenant ?? '', closeTeam(sql, id, tenant, actor));
        },
        join: (team, user, tenant, role, actor) =>
          tell('account', user, joinTeam(sql, team, user, tenant, role, actor)),
        leave: (team, user, tenant, actor) => tell('account', user, leaveTeam(sql, team, user, tenant, actor)),
      });
      tenantRoutes(app, {
        list: (tenant) => listTenants(sql, tenant),
        create: (tenant, name, actor) => createTenant(sql, tenant, name, actor),
        async change(tenant, change, actor) {
          const changed = await tell('tenant', tenant, changeTenant(sql, tenant, change, actor));
          if (change.bodies !== undefined) await house.resting.reload();
          return changed;
        },
      });
    },
  };
}

/** Waits for a change, and says that it happened if it did. */
function createTell(changed: (changed: Changed) => void) {
  return async <T>(kind: Changed['kind'], id: string, work: Promise<T>): Promise<T> => {
    const done = await work;
    if (done) changed({ kind, id });
    return done;
  };
}

/** Hosts that the configuration names may be private ones; those that an issuer's document leads to may not. */
function fetchFor(issuers: readonly Issuer[], fetch: House['transport']['fetch']): Fetch {
  const urls = issuers.flatMap(({ issuer, jwksUrl, signIn }) => [issuer, jwksUrl, signIn?.tokenUrl ?? null]);
  const named = new Set(urls.flatMap((url) => (url === null ? [] : [new URL(url).host])));
  return (method, url, headers, body, timeoutMs) =>
    fetch(method, url, headers, body, timeoutMs, named.has(url.host) ? 'private' : 'public');
}

/** With the secrets of clients, which stand in the environment. Throws `ConfigError` for one that is not there. */
export function issuersOf(config: Config): Issuer[] {
  return config.settings.identity.issuers.map(({ secretEnv, ...issuer }) => {
    if (secretEnv === null || !issuer.signIn) return issuer;
    const clientSecret = config.env[secretEnv];
    if (clientSecret) return { ...issuer, signIn: { ...issuer.signIn, clientSecret } };
    throw new ConfigError(
      `identity.issuers names ${secretEnv} as the variable of a client's secret, but it is not set; set it, e.g. ${secretEnv}=….`,
    );
  });
}
