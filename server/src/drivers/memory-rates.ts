/** `Rates` inside one process. */
import { RATE_WINDOW_S, type RateAsk, type RateGrant, type Rates, SEAT_MS, type SeatAsk } from '../contract/ports.ts';

/** Units by the second in which they were counted, oldest first. */
interface Count {
  seconds: { at: number; units: number }[];
  used: number;
}

interface Seats {
  seats: number;
  until: number;
}

/** Counters that nobody asked for lately go, this often. Seconds. */
const SWEEP_S = 10;

/** `now`: milliseconds; it may stand still, but not go back. `windowS`: for how many seconds a unit counts. */
export function createMemoryRates(now: () => number = () => performance.now(), windowS = RATE_WINDOW_S): Rates {
  const counts = new Map<string, Count>();
  const held = new Map<string, Seats>();
  let swept = 0;

  function countOf(id: string, second: number): Count {
    if (second - swept >= SWEEP_S) sweep(second);
    let count = counts.get(id);
    if (count === undefined) {
      count = { seconds: [], used: 0 };
      counts.set(id, count);
    }
    expire(count, second - windowS);
    return count;
  }

  function sweep(second: number): void {
    swept = second;
    for (const [id, count] of counts) {
      expire(count, second - windowS);
      if (count.seconds.length === 0) counts.delete(id);
    }
    for (const [id, { until }] of held) if (until <= now()) held.delete(id);
  }

  function add(count: Count, second: number, units: number): void {
    const last = count.seconds.at(-1);
    if (last?.at === second) last.units += units;
    else count.seconds.push({ at: second, units });
    count.used += units;
  }

  return {
    take({ id, limit, need, want }: RateAsk): RateGrant {
      const ms = now();
      const second = Math.floor(ms / 1000);
      const count = countOf(id, second);
      const free = limit - count.used;
      const granted = free >= need ? Math.min(want, free) : 0;
      if (granted > 0) add(count, second, granted);
      const newest = count.seconds.at(-1);
      return {
        granted,
        left: limit - count.used,
        retryMs: free >= need ? 0 : (enoughAt(count, need - free) + windowS) * 1000 - ms,
        resetMs: newest === undefined ? 0 : (newest.at + windowS) * 1000 - ms,
        at: second,
      };
    },
    giveBack(id, at, units) {
      if (!counts.has(id)) return;
      const count = countOf(id, Math.floor(now() / 1000));
      let rest = units;
      for (const slot of count.seconds) {
        if (rest <= 0) break;
        if (at !== 0 && slot.at !== at) continue;
        const back = Math.min(rest, slot.units);
        slot.units -= back;
        count.used -= back;
        rest -= back;
      }
      count.seconds = count.seconds.filter((slot) => slot.units > 0);
    },
    charge(id, units) {
      const second = Math.floor(now() / 1000);
      if (units > 0) add(countOf(id, second), second, units);
    },
    seats({ id, limit, used, need, want }: SeatAsk) {
      // Nobody else is here.
      const seats = limit >= need ? Math.max(used, Math.min(want, limit)) : used;
      held.set(id, { seats, until: now() + SEAT_MS });
      return { seats, left: limit - seats };
    },
    up: () => true,
    losses: () => 0,
    async close() {
      counts.clear();
      held.clear();
    },
  };
}

/** Drops what was counted up to that second. */
function expire(count: Count, last: number): void {
  for (let first = count.seconds[0]; first && first.at <= last; first = count.seconds[0]) {
    count.used -= first.units;
    count.seconds.shift();
  }
}

/** The second whose units are the last of so many that must run out. */
function enoughAt({ seconds }: Count, units: number): number {
  let freed = 0;
  for (const { at, units: some } of seconds) {
    freed += some;
    if (freed >= units) return at;
  }
  return seconds.at(-1)?.at ?? 0;
}
