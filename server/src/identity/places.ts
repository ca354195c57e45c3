/**
 * From where keys are used: a network (/24 of IPv4, /48 of IPv6) and a kind of client, kept as keyed digests. The first
 * place of a key is taken as its own; each other one is an event when it is first seen.
 */
import { isIP } from 'node:net';
import type { Caller } from '../contract/caller.ts';
import type { Sql } from '../contract/ports.ts';
import { mappedAddress } from '../guard/addresses.ts';

export interface Places {
  /** Called when a connection is first used with a key. Never throws, never waits. */
  seen(caller: Caller, address: string | undefined, agent: string | undefined): void;
}

/** Of one key. The oldest go first. */
const MOST_OF_KEY = 200;
/** Of one key in a minute, by one process: whoever changes its name with every call fills nothing. */
const MOST_A_MINUTE = 20;
const MOST_REMEMBERED = 20_000;
const MINUTE_MS = 60_000;

// Keeps a place of a key; an event if it is new and not the first. The oldest makes room.
const KEEP = `
with before as (
  select count(*)::int as n from mcp_key_place where key_id = $1
), made as (
  insert into mcp_key_place (key_id, place, tenant) select id, decode($3, 'hex'), tenant from mcp_key where id = $1 and tenant = $2
  on conflict do nothing returning key_id, tenant
), dropped as (
  delete from mcp_key_place p using (select place from mcp_key_place where key_id = $1 order by first_at
    limit greatest(0, (select n from before) - ${MOST_OF_KEY - 1})) old
  where p.key_id = $1 and p.place = old.place and exists (select 1 from made)
)
insert into mcp_event (tenant, type, actor, payload)
select tenant, 'key.new_place', key_id, jsonb_build_object('key', key_id, 'network', $4::text, 'agent', $5::text) from made, before
where before.n > 0`;

/** `digest`: HMAC-SHA256 as hex digits, by a key that stays when the secret is rotated. */
export function createPlaces(sql: Sql, digest: (tenant: string, value: string) => string): Places {
  const known = new Set<string>();
  let minute = { from: Number.NEGATIVE_INFINITY, counts: new Map<string, number>() };

  function mayAsk(key: string): boolean {
    const now = performance.now();
    if (now - minute.from > MINUTE_MS) minute = { from: now, counts: new Map() };
    const n = (minute.counts.get(key) ?? 0) + 1;
    minute.counts.set(key, n);
    return n <= MOST_A_MINUTE;
  }

  return {
    seen({ key, tenant }, address, agent) {
      if (key === null || address === undefined) return;
      const [network, family] = [networkOf(address), familyOf(agent)];
      const name = `${key}\n${network}\n${family}`;
      if (known.has(name) || !mayAsk(key)) return;
      if (known.size >= MOST_REMEMBERED) known.clear();
      known.add(name);
      const place = digest(tenant, `place\n${name}`).slice(0, 32);
      const told = digest(tenant, `network\n${network}`).slice(0, 16);
      sql.query(KEEP, [key, tenant, place, told, family]).catch(() => known.delete(name));
    },
  };
}

/** The network of an address, wide: whoever moves about within it is at one place. Itself for what is none. */
export const networkOf = (address: string): string => within(address, 3);

/** The network that one customer is given: an IPv4 address, a /64 of IPv6. Itself for what is no address. */
export const customerOf = (address: string): string => within(address, 4);

/** The first parts of an address, in one form however it is written; an IPv4 address inside IPv6 is that one. */
function within(address: string, parts: 3 | 4): string {
  const bare = address.replace(/%.*$/, '');
  // The form of RFC 5952: small letters, no zeros in front, no dots.
  const plain = isIP(bare) === 6 ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare;
  const four = /^::ffff:[\da-f]+:[\da-f]+$/.test(plain) ? (mappedAddress(plain) ?? plain) : plain;
  if (isIP(four) === 4) return parts === 4 ? four : `${four.split('.').slice(0, 3).join('.')}.0/24`;
  if (isIP(plain) !== 6) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail ? tail.split(':') : [];
  while (groups.length + last.length < 8) groups.push('0');
  groups.push(...last);
  return `${groups.slice(0, parts).join(':')}::/${16 * parts}`;
}

/** The first name in a `User-Agent`, without versions: `openai`, `curl`, `mozilla`. */
export function familyOf(agent: string | undefined): string {
  const name = /^[A-Za-z][\w.+-]{0,39}/.exec(agent ?? '')?.[0] ?? '';
  return name.toLowerCase();
}
