/** The account of somebody whom an issuer vouches for: known by the issuer's subject, never by a name that he chose there. */
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import type { Verified } from './claims.ts';
import type { Refusal } from './refusals.ts';
import { syncTeams } from './teams.ts';
import { changeUser, createUser, findUser } from './users.ts';

// Who signed in as this subject before.
const KNOWN = 'select user_id as id from mcp_identity where issuer = $1 and subject = $2 and tenant = $3';

// The account of an address.
const BY_EMAIL = 'select id from mcp_user where tenant = $1 and email_key = lower($2) and disabled_at is null';

const LINK = 'insert into mcp_identity (issuer, subject, tenant, user_id) values ($1, $2, $3, $4)';

export class AccountRefused extends GoblinError {
  readonly reason: Refusal;

  constructor(reason: Refusal, detail: string) {
    super('forbidden', detail);
    this.reason = reason;
  }
}

/** Answers the id of the account. Throws `AccountRefused` when there can be none. */
export async function accountOf(sql: Sql, verified: Verified): Promise<string> {
  const { issuer, subject, role, teams } = verified;
  const { tenant } = issuer;
  const place = [issuer.issuer, subject, tenant];
  const known = async () => (await sql.query<{ id: string }>(KNOWN, place))[0]?.id ?? null;
  const made = async () =>
    await sql.transaction(async (tx) => {
      const id = await newAccount(tx, verified);
      await tx.query(LINK, [...place, id]);
      return id;
    });
  const id =
    (await known()) ??
    (await made().catch(async (error: unknown) => {
      // Two sign-ins at once: the account of the first one is it.
      const first = await known();
      if (first === null) throw error;
      return first;
    }));
  const user = await findUser(sql, id);
  if (!user || user.disabled) throw new AccountRefused('closed', 'This account is closed; ask an administrator.');
  // What the issuer says of roles holds anew with each sign-in; who runs the installation is made here.
  if (issuer.claims.roles !== null && user.role !== role && !user.everywhere) {
    await changeUser(sql, id, { role }, issuer.name, () => {}).catch((error: unknown) => {
      // The last owner stays one.
      if (!(error instanceof GoblinError)) throw error;
    });
  }
  if (issuer.claims.teams !== null) await syncTeams(sql, tenant, id, issuer.name, teams, 'member');
  return id;
}

async function newAccount(
  sql: Pick<Sql, 'query'>,
  { issuer, role, email, emailVerified, name }: Verified,
): Promise<string> {
  const { tenant, signIn } = issuer;
  if (email === null || !/^[^\s@]{1,200}@[^\s@]{1,253}$/.test(email)) {
    throw new AccountRefused('no_email', 'The provider gave no e-mail address, and an account needs one.');
  }
  const [same] = await sql.query<{ id: string }>(BY_EMAIL, [tenant, email]);
  if (same) {
    if (signIn?.linkByEmail && emailVerified) return same.id;
    throw new AccountRefused(
      'email_taken',
      'There is an account with this e-mail address already, which signs in another way; ask an administrator.',
    );
  }
  return await createUser(sql, { tenant, email, name, role, password: null, actor: issuer.name }, true);
}
