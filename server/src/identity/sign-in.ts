/** Ways to a session: password, refresh token, first owner, another provider. Whoever is refused learns no reason that helps him. */
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import type { Verified } from './claims.ts';
import { note } from './events.ts';
import type { Changed } from './identify.ts';
import { AccountRefused, accountOf } from './link-account.ts';
import type { Passwords } from './passwords.ts';
import type { Refusal, TellRefusal } from './refusals.ts';
import { beginSession, rotate, type SessionRow, type SignInMethod } from './sessions.ts';
import { checkSetup, type FirstOwner, setUp } from './setup.ts';
import type { Throttle } from './throttle.ts';
import type { Tokens } from './tokens.ts';
import { changeUser } from './users.ts';

export interface SignedIn {
  session: SessionRow;
  access: string;
  accessSeconds: number;
  refresh: string;
}

export interface Login {
  tenant: string;
  email: string;
  password: string;
  /** Id or name of a team to act for. */
  team: string | null;
  /** Where it comes from. */
  address: string;
}

export interface SignInDeps {
  sql: Sql;
  passwords: Passwords;
  throttle: Throttle;
  tokens: Tokens;
  accessSeconds: number;
  sessionDays: number;
  userHash(tenant: string, user: string): string;
  changed(changed: Changed): void;
  told: TellRefusal;
}

// The password of an address; one row whoever asks for whom.
const PASSWORD = `select u.id, u.password, u.disabled_at is not null or t.disabled_at is not null as closed
  from mcp_user u join mcp_tenant t on t.id = u.tenant where u.tenant = $1 and u.email_key = lower($2)`;

// The password of an account.
const OWN = 'select email, tenant, password from mcp_user where id = $1 and disabled_at is null';

export function createSignIn(deps: SignInDeps) {
  const { sql, passwords, throttle, tokens, accessSeconds, sessionDays } = deps;

  async function withAccess(begun: { session: SessionRow; refresh: string }): Promise<SignedIn> {
    const access = await tokens.session(begun.session.id, begun.session.user, accessSeconds);
    return { ...begun, access, accessSeconds };
  }

  async function begin(user: string, method: SignInMethod, team: string | null): Promise<SignedIn | null> {
    const begun = await beginSession(sql, user, method, team, sessionDays);
    return begun && (await withAccess(begun));
  }

  function refusedEvent(tenant: string, method: string, who: string, reason?: Refusal): void {
    const why = reason === undefined ? {} : { reason };
    void note(sql, tenant, 'session.refused', null, { method, user: deps.userHash(tenant, who), ...why }).catch(
      () => {},
    );
  }

  return {
    /** Throws `unauthorized` in the same words and after the same work, whatever was wrong; and `too_many_tries`. */
    async password({ tenant, email, password, team, address }: Login): Promise<SignedIn> {
      const succeeded = await throttle.enter(`${tenant}\n${email.toLowerCase()}`, address);
      const [user] = await sql.query<{ id: string; password: string | null; closed: boolean }>(PASSWORD, [
        tenant,
        email,
      ]);
      const holds = await passwords.verify(password, user?.password ?? null);
      const signedIn = user && holds && !user.closed ? await begin(user.id, 'password', team) : null;
      if (signedIn) {
        await succeeded();
        return signedIn;
      }
      // Beside the answer, which must take as long for an address that is not known.
      refusedEvent(tenant, 'password', email.toLowerCase());
      throw new GoblinError('unauthorized', 'The e-mail address or the password is wrong.');
    },

    /** Throws `unauthorized`. A token that was used before ends its session. */
    async refresh(token: string, team: string | null): Promise<SignedIn> {
      const rotated = await rotate(sql, token, team);
      if ('session' in rotated) {
        // With another team it may do other things.
        if (team !== null) deps.changed({ kind: 'session', id: rotated.session.id });
        return await withAccess(rotated);
      }
      if (rotated.reused !== null) deps.changed({ kind: 'session', id: rotated.reused });
      throw new GoblinError('unauthorized', 'The refresh token is not known, or it was used; sign in again.');
    },

    /** Makes the first owner and signs him in. */
    async setup(token: string, owner: Omit<FirstOwner, 'password'>, password: string): Promise<SignedIn> {
      await checkSetup(sql, token);
      const id = await setUp(sql, token, { ...owner, password: await passwords.hash(password) });
      const signedIn = await begin(id, 'setup', null);
      if (!signedIn) throw new Error('the first owner cannot sign in');
      return signedIn;
    },

    /** Throws `forbidden` when there can be no account. */
    async outside(verified: Verified): Promise<SignedIn> {
      const { issuer, subject } = verified;
      const refused = (reason: Refusal) => {
        deps.told('sign-in', issuer, reason);
        refusedEvent(issuer.tenant, 'oidc', `${issuer.name}:${subject}`, reason);
      };
      const account = await accountOf(sql, verified).catch((error: unknown) => {
        refused(error instanceof AccountRefused ? error.reason : 'account');
        throw error;
      });
      deps.changed({ kind: 'account', id: account });
      const signedIn = await begin(account, 'oidc', null);
      if (signedIn) return signedIn;
      refused('closed');
      throw new GoblinError('forbidden', 'This account is closed; ask an administrator.');
    },

    /** Ends all other sessions of the account. Throws `unauthorized` for a wrong old password, and `too_many_tries`. */
    async changePassword(account: string, session: string | null, old: string, next: string, address: string) {
      const succeeded = await throttle.enter(`account ${account}`, address);
      const [user] = await sql.query<{ password: string | null; tenant: string; email: string }>(OWN, [account]);
      if (!(await passwords.verify(old, user?.password ?? null))) {
        if (user) refusedEvent(user.tenant, 'password_change', user.email.toLowerCase());
        throw new GoblinError('unauthorized', 'The old password is wrong.');
      }
      await succeeded();
      const password = await passwords.hash(next);
      await changeUser(sql, account, { password }, account, () => {}, session);
      deps.changed({ kind: 'account', id: account });
    },
  };
}

export type SignInWays = ReturnType<typeof createSignIn>;
