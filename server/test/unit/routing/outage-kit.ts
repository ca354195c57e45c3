/**
 * Vendors, callers and a clock that is turned by hand: requests are planned, tried and repeated as execution does it,
 * only that an hour takes a moment.
 */
import type { ErrorCode } from '../../../src/contract/errors.ts';
import type { PlannedTarget, Provider } from '../../../src/contract/provider.ts';
import { nextStep, type Option } from '../../../src/execution/next.ts';
import type { CallKind, HealthBook } from '../../../src/routing/book.ts';
import { bad, good, START } from './health-kit.ts';
import { planner } from './kit.ts';

export interface FakeVendor {
  /** What a call that begins at this moment (milliseconds since the start) comes to; null: an answer. */
  fails(at: number): ErrorCode | null;
  answerMs: number;
  firstTokenMs: number;
  failMs: number;
  retryAfterMs?: number;
}

export interface Tally {
  requests: number;
  succeeded: number;
  failed: number;
  calls: number;
  byVendor: Record<string, number>;
  probes: number;
  /** Calls that repeat others, without probes, and those of them that failed. */
  repeats: number;
  failedRepeats: number;
  /** The longest time from a request to its end. */
  slowestMs: number;
  running: number;
}

export interface World {
  book: HealthBook;
  tally: Tally;
  /** A request at this moment, milliseconds since the start. */
  request(at: number): void;
  /** Lets everything happen until this moment; left out: until nothing is left to happen. */
  run(until?: number): void;
}

export function makeWorld(
  vendors: Readonly<Record<string, FakeVendor>>,
  book: HealthBook,
  random: () => number,
  patienceMs = 10_000,
): World {
  const names = Object.keys(vendors);
  const { plan, provider } = planner(
    names.map((name) => ({ name, catalogue: { m: {} } })),
    { aliases: { all: names.map((name) => `${name}/m`) } },
  );
  const events: { at: number; order: number; run: () => void }[] = [];
  let order = 0;
  let now = 0;
  const tally: Tally = {
    requests: 0,
    succeeded: 0,
    failed: 0,
    calls: 0,
    byVendor: {},
    probes: 0,
    repeats: 0,
    failedRepeats: 0,
    slowestMs: 0,
    running: 0,
  };

  /** The next event is the last of the list. */
  function later(at: number, run: () => void): void {
    const event = { at, order: order++, run };
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = events[middle];
      if (other !== undefined && (other.at > at || (other.at === at && other.order > event.order))) low = middle + 1;
      else high = middle;
    }
    events.splice(low, 0, event);
  }

  const clock = (): number => START + now;
  const of = (target: PlannedTarget): Provider => provider(target.provider);

  function option(target: PlannedTarget, kind: 'retry' | 'fallback'): Option {
    return {
      canContinue: true,
      waitMs: book.waitMs(of(target), target.model, clock()),
      mayRetry: book.mayRetry(target.provider, target.model, kind, clock()),
    };
  }

  function begin(): void {
    const started = now;
    const { targets, restMs = 0 } = plan({
      model: 'all',
      health: book.snapshot(clock()),
      at: clock(),
      random: random(),
    });
    let index = 0;
    let attempt = 0;
    /** Gone of the patience, in the whole request. */
    let waitedMs = 0;
    tally.requests++;
    tally.running++;

    const end = (ok: boolean): void => {
      if (ok) tally.succeeded++;
      else tally.failed++;
      tally.running--;
      tally.slowestMs = Math.max(tally.slowestMs, now - started);
    };

    function call(kind: CallKind): void {
      const target = targets[index] as PlannedTarget;
      const vendor = vendors[target.provider] as FakeVendor;
      const { provider: name, model } = target;
      const ticket = book.begin({ provider: name, model, key: null, kind, conversation: null }, clock());
      attempt++;
      tally.calls++;
      tally.byVendor[name] = (tally.byVendor[name] ?? 0) + 1;
      if (ticket.probe) tally.probes++;
      const repeats = kind !== 'first' && !ticket.probe;
      if (repeats) tally.repeats++;
      const code = vendor.fails(now);
      if (code === null) {
        later(now + vendor.firstTokenMs, () => book.spoke(ticket));
        later(now + vendor.answerMs, () => {
          book.end(ticket, good({ firstTokenMs: vendor.firstTokenMs, latencyMs: vendor.answerMs }), clock());
          end(true);
        });
        return;
      }
      later(now + vendor.failMs, () => {
        const { retryAfterMs } = vendor;
        if (repeats) tally.failedRepeats++;
        book.end(
          ticket,
          bad(code, { latencyMs: vendor.failMs, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }),
          clock(),
        );
        decide(code);
      });
    }

    function decide(code: ErrorCode): void {
      const same = targets[index] as PlannedTarget;
      const { retryAfterMs } = vendors[same.provider] as FakeVendor;
      const step = nextStep(
        {
          failure: { code, detail: '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
          shown: false,
          failover: 'continue',
          attempt,
          cap: 4,
          same: { ...option(same, 'retry'), otherKey: false },
          later: targets.slice(index + 1).map((target) => option(target, 'fallback')),
          timeLeft: 600_000 - (now - started),
          patienceMs,
          waitedMs,
        },
        random(),
      );
      if (step.kind === 'end') end(false);
      else if (step.kind === 'next') {
        index += 1 + step.place;
        call('fallback');
      } else {
        later(now + step.ms, () => {
          // While it rested, others may have taken the place of the probe, or the last of the budget.
          const { waitMs, mayRetry } = option(same, 'retry');
          const may = waitMs === 0 && (mayRetry === 'yes' || code === 'upstream_rate_limited');
          waitedMs += step.ms;
          if (step.kind === 'again' && may) call('retry');
          else decide(code);
        });
      }
    }

    later(now + restMs, () => {
      // Between plan and call others may have begun: a target that is not free any more is passed over.
      const free = targets.findIndex((target) => book.admits(of(target), target.model, clock()));
      index = Math.max(0, free);
      call('first');
    });
  }

  return {
    book,
    tally,
    request: (at) => later(at, begin),
    run(until = Number.POSITIVE_INFINITY) {
      for (let steps = 0; ; steps++) {
        const event = events.at(-1);
        if (event === undefined || event.at > until) return;
        if (steps > 2_000_000) throw new Error('it never ends');
        events.pop();
        now = Math.max(now, event.at);
        event.run();
      }
    },
  };
}

/** Numbers from 0 to 1, the same each time. */
export function dice(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
