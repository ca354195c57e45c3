/**
 * The first owner. While nobody has an account, a start with `MCP_AUTH=required` prints a token; whoever has it makes the
 * first owner, who runs the installation. Every start prints a new one, all of them work for a day, and the first use
 * ends them all.
 */
import { createHash, randomBytes } from 'node:crypto';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import { createUser } from './users.ts';

const HOURS = 24;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

// Whether somebody has an account.
const ANYBODY = 'select exists (select 1 from mcp_user) as there';

// A new token; old ones go.
const OFFER = `
with old as (delete from mcp_setup where expires_at < now())
insert into mcp_setup (hash, expires_at) select $1, now() + interval '${HOURS} hours' where not exists (select 1 from mcp_user)`;

// Takes all tokens, and says whether $1 was one of them. Of two at once the second finds none.
const TAKE = `
with gone as (delete from mcp_setup returning hash, expires_at)
select 1 from gone where hash = $1 and expires_at > now() and not exists (select 1 from mcp_user)`;

const KNOWN = 'select 1 from mcp_setup where hash = $1 and expires_at > now()';

export async function needsSetup(sql: Sql): Promise<boolean> {
  const [row] = await sql.query<{ there: boolean }>(ANYBODY);
  return row?.there === false;
}

/** Null when somebody has an account. */
export async function offerSetup(sql: Sql): Promise<string | null> {
  if (!(await needsSetup(sql))) return null;
  const token = `gst_${randomBytes(24).toString('base64url')}`;
  await sql.query(OFFER, [hashOf(token)]);
  return token;
}

/** Only a server without an account prints another one. */
async function refused(sql: Pick<Sql, 'query'>): Promise<GoblinError> {
  const [row] = await sql.query<{ there: boolean }>(ANYBODY);
  return new GoblinError(
    'unauthorized',
    row?.there
      ? 'This server is set up already, and no set-up token works any more; ask an owner for an account.'
      : 'The set-up token is not known, or it is older than a day; start the server again for a new one.',
  );
}

export interface FirstOwner {
  tenant: string;
  email: string;
  name: string | null;
  /** In PHC form. */
  password: string;
}

/** Throws `unauthorized`. A wrong token takes nothing away. */
export async function checkSetup(sql: Sql, token: string): Promise<void> {
  const [known] = await sql.query(KNOWN, [hashOf(token)]);
  if (!known) throw await refused(sql);
}

/** Answers the id of the account. */
export async function setUp(sql: Sql, token: string, owner: FirstOwner): Promise<string> {
  return await sql.transaction(async (tx) => {
    const [taken] = await tx.query(TAKE, [hashOf(token)]);
    if (!taken) throw await refused(tx);
    const { tenant, email, name, password } = owner;
    const user = { tenant, email, name, role: 'owner' as const, password, everywhere: true, actor: 'setup' };
    return await createUser(tx, user, true);
  });
}
