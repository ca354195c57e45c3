/** Processes of one installation with a common count, all in this one: their clock stands until it is moved. */
import type { Count, CountKind } from '../../../src/admission/limits/book.ts';
import { createLimiter, type Limiter, type Ticket } from '../../../src/admission/limits/limiter.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import type { Rates } from '../../../src/contract/ports.ts';
import { createMemoryRates } from '../../../src/drivers/memory-rates.ts';

export interface World {
  limiters: Limiter[];
  now(): number;
  advance(ms: number): void;
  /** Whether processes reach the common count. */
  up: boolean;
  /** It forgets everything. */
  forget(): void;
  /** How often it was asked. */
  asked: number;
  /** Every beat of every process, and what it had to say is through. */
  beat(): Promise<void>;
}

/** `lagMs`: how long an answer takes; null: it comes at once, as inside a process. */
export function world(processes: number, options: { lagMs?: number | null; alone?: boolean } = {}): World {
  let at = 1_000_000;
  let common = createMemoryRates(() => at);
  let losses = 0;
  const { lagMs = 0 } = options;
  const away = () => new GoblinError('unavailable', 'away');
  const later = async <T>(answer: () => T): Promise<T> => {
    if (!made.up) throw away();
    made.asked++;
    await new Promise((resolve) => (lagMs ? setTimeout(resolve, lagMs) : setImmediate(resolve)));
    return answer();
  };
  const shared = (name: string): Rates => ({
    take: (ask) => later(() => common.take(ask) as Awaited<ReturnType<Rates['take']>>),
    giveBack: (id, second, units) => void later(() => common.giveBack(id, second, units)).catch(() => {}),
    charge: (id, units) => void later(() => common.charge(id, units)).catch(() => {}),
    seats: (ask) => later(() => seats(name, ask)),
    up: () => made.up,
    losses: () => losses,
    close: async () => {},
  });
  const places = new Map<string, Map<string, number>>();
  function seats(name: string, ask: Parameters<Rates['seats']>[0]) {
    const all = places.get(ask.id) ?? new Map<string, number>();
    places.set(ask.id, all);
    let others = 0;
    for (const [who, held] of all) if (who !== name) others += held;
    const free = ask.limit - others;
    const held = free >= ask.need ? Math.max(ask.used, Math.min(ask.want, free)) : ask.used;
    all.set(name, held);
    return { seats: held, left: free - held };
  }
  const limiters = Array.from({ length: processes }, (_, index) => {
    const own = () => createMemoryRates(() => at);
    return createLimiter({
      rates: options.alone ? null : shared(`p${index}`),
      own: own(),
      unsaid: own(),
      processes: () => processes,
      share: (limit) => Math.floor(limit / processes) + (index < limit % processes ? 1 : 0),
      now: () => at,
      refused() {},
    });
  });
  const made: World = {
    limiters,
    now: () => at,
    advance(ms) {
      at += ms;
    },
    up: true,
    forget() {
      common = createMemoryRates(() => at);
      places.clear();
      losses++;
    },
    asked: 0,
    async beat() {
      for (const limiter of limiters) limiter.beat();
      for (let n = 0; n < 4; n++) await new Promise((resolve) => setImmediate(resolve));
      if (lagMs) await new Promise((resolve) => setTimeout(resolve, lagMs * 2));
    },
  };
  return made;
}

export const count = (limit: number, kind: CountKind = 'requests', subject = 'a'): Count => ({
  id: `${kind} key ${subject}`,
  kind,
  scope: 'key',
  name: '',
  limit,
});

/** The ticket, or the refusal. */
export async function tryEnter(
  limiter: Limiter | undefined,
  counts: readonly Count[],
  tokens = 0,
): Promise<{ ticket: Ticket; refused: null } | { ticket: null; refused: GoblinError }> {
  try {
    return { ticket: await (limiter as Limiter).enter(counts, tokens), refused: null };
  } catch (error) {
    if (error instanceof GoblinError && error.code === 'rate_limited') return { ticket: null, refused: error };
    throw error;
  }
}
