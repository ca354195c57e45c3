/** Breakers that were set by hand: kept, so that they still hold when every process has been started anew. */
import type { Sql } from '../contract/ports.ts';

export interface KeptBreaker {
  provider: string;
  model: string;
  state: 'open' | 'closed';
  actor: string;
  /** Milliseconds since the epoch; `until` null: until it is taken back. */
  until: number | null;
  setAt: number;
}

// Keeps what was set last, whichever process wrote last.
const KEEP = `
insert into mcp_breaker (provider, model, state, actor, until, set_at)
values ($1, $2, $3, $4, to_timestamp($5::float8 / 1000), to_timestamp($6::float8 / 1000))
on conflict (provider, model) do update
set state = excluded.state, actor = excluded.actor, until = excluded.until, set_at = excluded.set_at
where mcp_breaker.set_at <= excluded.set_at`;

// Forgets one that was taken back, unless it was set anew since.
const FORGET = `
delete from mcp_breaker where provider = $1 and model = $2 and set_at <= to_timestamp($3::float8 / 1000)`;

// Those that still hold.
const LOAD = `
select provider, model, state, actor, extract(epoch from until)::float8 * 1000 as until,
  extract(epoch from set_at)::float8 * 1000 as "setAt"
from mcp_breaker where until is null or until > to_timestamp($1::float8 / 1000) order by provider, model limit 1000`;

export async function keepBreaker(
  sql: Sql,
  { provider, model, state, actor, until, setAt }: KeptBreaker,
): Promise<void> {
  await sql.query(KEEP, [provider, model, state, actor, until, setAt]);
}

export async function forgetBreaker(sql: Sql, provider: string, model: string, now: number): Promise<void> {
  await sql.query(FORGET, [provider, model, now]);
}

export async function loadBreakers(sql: Sql, now: number): Promise<KeptBreaker[]> {
  return (await sql.query(LOAD, [now])) as unknown as KeptBreaker[];
}
