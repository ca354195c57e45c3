/**
 * Slices of budgets: what processes have taken of a purse, and what dead ones left. Whoever changes both locks the purse
 * before its slices, so that two never wait for each other.
 */
import type { Budget, BudgetScope } from '../contract/limits.ts';
import type { Sql } from '../contract/ports.ts';
import { leftOf } from '../money/slices.ts';
import { lowestIdAt } from './ids.ts';

/** One period of a budget, of one that it counts apart. */
export interface PurseName {
  budget: Budget;
  tenant: string;
  subject: string;
  /** UTC day, `YYYY-MM-DD`. */
  starts: string;
  endsMs: number | null;
}

export interface Taken {
  purse: number;
  /** Of this process. */
  slice: number;
  grantedPico: number;
  /** What is left for others after that; infinite without a hard limit. */
  leftPico: number;
  spentPico: number;
  /** As it is now. */
  hardPico: number | null;
}

type Query = Pick<Sql, 'query'>;

// The purse, locked, and the hard limit as the database has it.
const FIND = `
select p.id::float8 as id, p.spent_pico::float8 as spent, b.hard_pico::float8 as hard, b.id is not null as known
from mcp_purse p left join mcp_budget b on b.id = p.budget and b.source = 'api' and b.removed_at is null
where p.budget = $1 and p.tenant = $2 and p.subject = $3 and p.starts = $4::date for update of p`;

/** Whose requests a purse is about. */
const OF_SUBJECT: Readonly<Record<BudgetScope, string>> = {
  tenant: 'true',
  team: 'r.team = $3',
  user: "r.user_hash = decode($3, 'hex')",
  key: 'r.key_id = $3',
  label: "r.labels ->> split_part($3, '=', 1) = substr($3, strpos($3, '=') + 1)",
};

// A new purse. A budget that was made in the midst of a period counts what that period has cost already.
const open = (scope: BudgetScope): string => `
insert into mcp_purse (budget, tenant, subject, starts, ends, spent_pico)
select $1, $2, $3, $4::date, to_timestamp($5::float8 / 1000), case
  when $5::float8 is not null and exists (select 1 from mcp_budget b where b.id = $1 and b.created_at > $4::date::timestamp at time zone 'utc') then (
    select coalesce(sum(r.cost_pico), 0) from mcp_request r where r.tenant = $2 and r.id >= $6::uuid and ${OF_SUBJECT[scope]})
  else 0 end
on conflict do nothing`;

// What is in slices, and what of it is spent.
const EXPOSED = `select coalesce(sum(open_pico + used_pico), 0)::float8 as exposed, coalesce(sum(used_pico), 0)::float8 as used
  from mcp_slice where purse = $1`;

// Adds to a process's slice; one of nothing makes it.
const GRANT = `
insert into mcp_slice (purse, owner, open_pico) values ($1, $2, $3::bigint)
on conflict (purse, owner) do update set open_pico = mcp_slice.open_pico + excluded.open_pico, changed_at = now()
returning id::float8 as id`;

interface PurseRow extends Record<string, unknown> {
  id: number;
  spent: number;
  hard: number | null;
  known: boolean;
}

/** `size` says how much of what is left is to be taken; see money/slices.ts. */
export async function takeSlice(
  sql: Sql,
  owner: string,
  name: PurseName,
  size: (leftPico: number) => number,
): Promise<Taken> {
  const { budget, tenant, subject, starts, endsMs } = name;
  return await sql.transaction(async (tx) => {
    const find = async () => (await tx.query<PurseRow>(FIND, [budget.id, tenant, subject, starts]))[0];
    let purse = await find();
    if (!purse) {
      await tx.query(open(budget.scope), [budget.id, tenant, subject, starts, endsMs, lowestIdAt(Date.parse(starts))]);
      purse = (await find()) as PurseRow;
    }
    // A statement of its own, which sees what was taken while we waited for the lock.
    const [slices] = await tx.query<{ exposed: number; used: number }>(EXPOSED, [purse.id]);
    const hardPico = purse.known ? purse.hard : budget.hardPico;
    const left = leftOf(hardPico, purse.spent + (slices?.exposed ?? 0));
    const grantedPico = size(left);
    const [slice] = await tx.query<{ id: number }>(GRANT, [purse.id, owner, grantedPico]);
    return {
      purse: purse.id,
      slice: slice?.id ?? 0,
      grantedPico,
      leftPico: left - grantedPico,
      spentPico: purse.spent + (slices?.used ?? 0),
      hardPico,
    };
  });
}

// Gives back what a process holds of its slice and does not need.
const RETURN = `update mcp_slice set open_pico = open_pico - $3::bigint, changed_at = now()
  where id = $1 and owner = $2 and open_pico >= $3::bigint`;

export async function returnSlice(sql: Query, owner: string, slice: number, pico: number): Promise<void> {
  await sql.query(RETURN, [slice, owner, pico]);
}

// What requests hold of a slice.
const HELD = 'select coalesce(sum(pico), 0)::float8 as held from mcp_hold where slice = $1';

/**
 * After the answer to a taking was lost: the slice is made what its holds and `keepPico` come to. Locked meanwhile, so
 * that no hold comes in between. False when it is no more.
 */
export async function recountSlice(sql: Sql, owner: string, slice: number, keepPico: number): Promise<boolean> {
  return await sql.transaction(async (tx) => {
    const locked = await tx.query('select 1 from mcp_slice where id = $1 and owner = $2 for update', [slice, owner]);
    if (locked.length === 0) return false;
    const [row] = await tx.query<{ held: number }>(HELD, [slice]);
    await tx.query('update mcp_slice set open_pico = $2::bigint, changed_at = now() where id = $1', [
      slice,
      (row?.held ?? 0) + keepPico,
    ]);
    return true;
  });
}

/** SQL: whether the process that a slice is of is gone. */
const DEAD = `s.owner <> '' and not exists (
  select 1 from mcp_process p where p.id = s.owner and p.beat_at >= now() - p.lease_ms * interval '1 millisecond')`;

// Purses of slices that are empty or of dead processes.
const UNTIDY = `
select distinct s.purse::float8 as purse from mcp_slice s
where s.open_pico = 0 and s.changed_at < now() - interval '2 seconds' or (${DEAD}) limit 50`;
const LOCK_PURSES = `select id::float8 as id from mcp_purse
  where id in (select value::bigint from json_array_elements_text($1::json)) order by id for update skip locked`;
const LOCK_SLICES = `
select s.id::float8 as id, s.purse::float8 as purse, s.owner, s.open_pico::float8 as open, s.used_pico::float8 as used, ${DEAD} as dead
from mcp_slice s where s.purse in (select value::bigint from json_array_elements_text($1::json)) order by s.id for update`;
// What was spent of a slice becomes the purse's, and the slice goes.
const FOLD = `
with gone as (delete from mcp_slice where id = $1 returning purse, used_pico)
update mcp_purse p set spent_pico = p.spent_pico + g.used_pico from gone g where p.id = g.purse`;
// The slice of the dead, and the holds that move there.
const INHERIT = `update mcp_hold set slice = $2 where slice = $1`;

/**
 * Empty slices go; of those of dead processes only what requests hold is kept, under no owner and another id, so that
 * their process cannot use them any more should it come back. Any node may do it at any time.
 */
export async function tidySlices(sql: Sql): Promise<void> {
  const untidy = await sql.query<{ purse: number }>(UNTIDY);
  if (untidy.length === 0) return;
  await sql.transaction(async (tx) => {
    const purses = await tx.query<{ id: number }>(LOCK_PURSES, [JSON.stringify(untidy.map(({ purse }) => purse))]);
    if (purses.length === 0) return;
    const slices = await tx.query<{ id: number; purse: number; owner: string; open: number; dead: boolean }>(
      LOCK_SLICES,
      [JSON.stringify(purses.map(({ id }) => id))],
    );
    for (const { id, purse, owner, open, dead } of slices) {
      if (!dead && open !== 0) continue;
      const [row] = await tx.query<{ held: number }>(HELD, [id]);
      const held = row?.held ?? 0;
      if (held > 0) {
        if (!dead || owner === '') continue;
        const [heir] = await tx.query<{ id: number }>(GRANT, [purse, '', held]);
        await tx.query(INHERIT, [id, heir?.id ?? 0]);
      }
      await tx.query(FOLD, [id]);
    }
  });
}
