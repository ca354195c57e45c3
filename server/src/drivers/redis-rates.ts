/**
 * `Rates` over Redis: for each count a hash of seconds, for each number of places a hash of processes. Everything is
 * decided in a script, by the clock of Redis, so that processes need no common clock. Ids are hashed with the
 * installation's secret; the numbers cannot be sealed (docs/adr/0019): whoever may write there can lift a limit or shut
 * somebody out, and learns nothing.
 */
import { createHash, createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import { GoblinError } from '../contract/errors.ts';
import { RATE_WINDOW_S, type RateGrant, type Rates, SEAT_MS, type SeatGrant } from '../contract/ports.ts';
import { mastersOf, turned } from './redis-client.ts';
import type { Client, Line } from './redis-line.ts';

/** Something of another type under our name, or what is no number, is nobody's count: it goes. */
const READ = `
local function read(key)
  local all = redis.pcall('HGETALL', key)
  if type(all) == 'table' and all.err then
    redis.call('DEL', key)
    return {}
  end
  return all
end
local time = redis.call('TIME')
local second = tonumber(time[1])
local ms = second * 1000 + math.floor(tonumber(time[2]) / 1000)`;

/** A second that is ahead of the clock (which was set back, or is another server's) would never run out. */
const counted = (windowS: number): string => `
local used, newest, seconds = 0, nil, {}
local all = read(KEYS[1])
for i = 1, #all, 2 do
  local at, units = tonumber(all[i]), tonumber(all[i + 1])
  if not at or not units or second - at >= ${windowS} or at > second + 1 then
    redis.call('HDEL', KEYS[1], all[i])
  else
    used = used + units
    seconds[#seconds + 1] = { at, units }
    if not newest or at > newest then newest = at end
  end
end`;

const take = (windowS: number): string => `${READ}${counted(windowS)}
local limit, need, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = limit - used
local granted, retry = 0, 0
if free >= need then
  granted = math.min(want, free)
  if granted > 0 then
    redis.call('HINCRBY', KEYS[1], second, granted)
    redis.call('EXPIRE', KEYS[1], ${windowS + 1})
    newest = second
  end
else
  table.sort(seconds, function(a, b) return a[1] < b[1] end)
  local freed, last = 0, second
  for _, one in ipairs(seconds) do
    freed = freed + one[2]
    last = one[1]
    if freed >= need - free then break end
  end
  retry = (last + ${windowS}) * 1000 - ms
end
local reset = newest and (newest + ${windowS}) * 1000 - ms or 0
return { granted, limit - used - granted, retry, reset, second }`;

/** ARGV: the second (0 for now, or for the oldest ones when it is given back); units, below 0 for what is given back. */
const change = (windowS: number): string => `${READ}${counted(windowS)}
local at, units = tonumber(ARGV[1]), tonumber(ARGV[2])
if units > 0 then
  redis.call('HINCRBY', KEYS[1], second, units)
  redis.call('EXPIRE', KEYS[1], ${windowS + 1})
  return 0
end
table.sort(seconds, function(a, b) return a[1] < b[1] end)
local rest = -units
for _, one in ipairs(seconds) do
  if rest > 0 and (at == 0 or one[1] == at) then
    local back = math.min(rest, one[2])
    rest = rest - back
    if back == one[2] then
      redis.call('HDEL', KEYS[1], one[1])
    else
      redis.call('HINCRBY', KEYS[1], one[1], -back)
    end
  end
end
return 0`;

/** Each process has a field: its places, and until when they are its own. */
const SEATS = `${READ}
local limit, used, need, want = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local others = 0
local all = read(KEYS[1])
for i = 1, #all, 2 do
  local seats, till = string.match(all[i + 1], '^(%d+) (%d+)$')
  if not seats or tonumber(till) <= ms or tonumber(till) > ms + ${2 * SEAT_MS} then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then
    others = others + tonumber(seats)
  end
end
local free = limit - others
local seats = used
if free >= need then seats = math.max(used, math.min(want, free)) end
if seats == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d', seats, ms + ${SEAT_MS}))
  redis.call('PEXPIRE', KEYS[1], ${2 * SEAT_MS})
end
return { seats, free - seats }`;

export interface RedisRates extends Rates {
  /** For `prepare` of the line: notices a server that has forgotten. */
  prepare(client: Client): Promise<void>;
}

export interface RedisRatesOptions {
  main: Line;
  secret: Buffer;
  instance: string;
  /** Of keys. */
  prefix: string;
  /** For how many seconds a unit counts. */
  windowS?: number;
}

export function createRedisRates(options: RedisRatesOptions): RedisRates {
  const { main, secret, instance, prefix, windowS = RATE_WINDOW_S } = options;
  const [TAKE, CHANGE] = [take(windowS), change(windowS)];
  const secretKey = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'goblin redis rates 1', 32)));
  const self = createHash('sha256').update(instance).digest('base64url').slice(0, 16);
  let run: string | null = null;
  let losses = 0;
  let closed = false;

  const keyOf = (id: string): string =>
    `${prefix}${createHmac('sha256', secretKey).update(id).digest('base64url').slice(0, 22)}`;

  const shaOf = new Map([TAKE, CHANGE, SEATS].map((text) => [text, createHash('sha1').update(text).digest('hex')]));

  async function ask(script: string, id: string, ...values: (string | number)[]): Promise<number[]> {
    const client = main.client();
    if (client === null || closed) throw away();
    const key = keyOf(id);
    try {
      return (await client.evalsha(shaOf.get(script) as string, 1, key, ...values)) as number[];
    } catch (error) {
      if (turned(error)) main.renew(error);
      if (!/^NOSCRIPT/.test((error as Error).message)) throw away();
      // A server that was started anew: with the script it lost the counts.
      losses++;
      return (await client.eval(script, 1, key, ...values).catch(() => {
        throw away();
      })) as number[];
    }
  }

  const send = (script: string, id: string, ...values: number[]): void => {
    ask(script, id, ...values).catch(() => {});
  };

  return {
    async prepare(client) {
      const nodes = mastersOf(client);
      await Promise.all(nodes.flatMap((node) => [TAKE, CHANGE, SEATS].map((text) => node.script('LOAD', text))));
      // Of a cluster nobody can say it; a node that took another's place has what was copied to it.
      if (nodes[0] !== client) return;
      const said = await client.info('server').catch(() => '');
      const now = /^run_id:(\S+)/m.exec(said)?.[1] ?? null;
      if (run !== null && now !== run) losses++;
      run = now;
    },
    async take({ id, limit, need, want }): Promise<RateGrant> {
      const [granted = 0, left = 0, retryMs = 0, resetMs = 0, at = 0] = await ask(TAKE, id, limit, need, want);
      return { granted, left, retryMs, resetMs, at };
    },
    giveBack(id, at, units) {
      if (units > 0) send(CHANGE, id, at, -units);
    },
    charge(id, units) {
      if (units > 0) send(CHANGE, id, 0, units);
    },
    async seats({ id, limit, used, need, want }): Promise<SeatGrant> {
      const [seats = used, left = 0] = await ask(SEATS, id, self, limit, used, need, want);
      return { seats, left };
    },
    up: () => main.client() !== null && !closed,
    losses: () => losses,
    async close() {
      closed = true;
    },
  };
}

const away = () => new GoblinError('unavailable', 'The counts that all processes share cannot be reached.');
