/**
 * Slows whoever tries passwords. Tries are counted in the database, before the password is looked at, so that neither
 * many at once nor many processes get more of them; a success takes its own back.
 *
 * Three counts: one account from one address, one account from anywhere, one address. Each has some tries for nothing,
 * then a wait that doubles. The second is generous and its wait short: nobody shall lock another one out. A private
 * address is most likely that of a proxy, behind which everybody is: it is not counted alone, and waits are short.
 * Of IPv6 it is the /64 that counts: whoever has one has all its addresses.
 */
import { createHash } from 'node:crypto';
import { GoblinError } from '../contract/errors.ts';
import type { Sql } from '../contract/ports.ts';
import { isPrivateAddress } from '../guard/addresses.ts';
import { customerOf } from './places.ts';

interface Count {
  name: string;
  /** Tries before the first wait. */
  free: number;
  /** Longest wait. */
  mostSeconds: number;
}

export interface Throttle {
  /** Throws `too_many_tries`. Answers what to call after a success. */
  enter(account: string, address: string): Promise<() => Promise<void>>;
}

const WINDOW = '15 minutes';

/** SQL: how many seconds after the last try of row `t` the next one may come, by the free tries and the longest wait of `g`. */
const WAIT = 'case when t.tries < g.free then 0 else least(g.most, power(2, least(20, t.tries - g.free + 1)))::int end';

// Counts a try under each name, unless it comes too soon. Counts that rest for a while begin anew; old ones go.
const TRY = `
with g as (
  select decode(name, 'hex') as name, free, most from json_to_recordset($1::json) as x(name text, free int, most int)
), old as (
  delete from mcp_throttle where name in (
    select name from mcp_throttle where last_at < now() - interval '1 day' and name not in (select name from g) limit 20 for update skip locked)
), counted as (
  insert into mcp_throttle as t (name, tries) select name, 1 from g order by name
  on conflict (name) do update set
    tries = case when t.last_at < now() - interval '${WINDOW}' then 1 else t.tries + 1 end, last_at = now()
  where t.last_at < now() - interval '${WINDOW}'
    or t.last_at + (select ${WAIT} from g where g.name = t.name) * interval '1 second' <= now()
  returning name
)
select coalesce(ceil(extract(epoch from
  t.last_at + (${WAIT}) * interval '1 second' - now())), 1)::int as wait
from g left join mcp_throttle t using (name) where g.name not in (select name from counted) order by 1 desc limit 1`;

// Takes back what a success has counted; of the account nothing is left.
const CLEAR = `
with given as (
  select decode(name, 'hex') as name, whole from json_to_recordset($1::json) as x(name text, whole boolean)
), gone as (
  delete from mcp_throttle where name in (select name from given where whole)
)
update mcp_throttle t set tries = greatest(0, t.tries - 1) from given g where t.name = g.name and not g.whole`;

export function createThrottle(sql: Sql): Throttle {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  return {
    async enter(account, address) {
      const shared = isPrivateAddress(address);
      const from = customerOf(address);
      const counts: Count[] = [
        { name: digest(`both\n${account}\n${from}`), free: 5, mostSeconds: shared ? 60 : 900 },
        { name: digest(`account\n${account}`), free: 50, mostSeconds: 30 },
        ...(shared ? [] : [{ name: digest(`address\n${from}`), free: 100, mostSeconds: 30 }]),
      ];
      const given = counts.map(({ name, free, mostSeconds }) => ({ name, free, most: mostSeconds }));
      const [refused] = await sql.query<{ wait: number }>(TRY, [JSON.stringify(given)]);
      if (refused) {
        throw new GoblinError('too_many_tries', 'Too many tries to sign in; wait, and try again.', {
          retryAfterMs: Math.max(1, refused.wait) * 1000,
        });
      }
      return async () => {
        const back = counts.map(({ name }, at) => ({ name, whole: at < 2 }));
        await sql.query(CLEAR, [JSON.stringify(back)]);
      };
    },
  };
}
