/** Who runs it now: claims what is due up to the capacity, keeps the lease alive, drains at the end. */
import { performance } from 'node:perf_hooks';
import { Bag } from '../contract/bag.ts';
import type { Ledger, Queue, Telemetry } from '../contract/ports.ts';
import type { Claim } from '../contract/record.ts';
import type { DetachedRun } from '../execution/detached.ts';
import type { Running } from './running.ts';

export interface WorkerDeps {
  ledger: Ledger;
  queue: Queue;
  telemetry: Telemetry;
  owner: string;
  capacity: number;
  /** Whether this process's lease holds: what it claims without one would be taken from it at once. */
  fit(): boolean;
  run(claim: Claim): DetachedRun;
}

export interface Worker {
  running(): number;
  /** Something is due: looks at once. */
  nudge(): void;
  /** Since when (`performance.now()`) a claim is under way; null when none is. */
  claimingSince(): number | null;
  /** Stops claiming, waits up to `ms` for what runs, hands the rest back. */
  drain(ms: number): Promise<void>;
}

/** Tickets wake, and the sweep nudges; this is for the case that both fail. */
const LOOK_MS = 10_000;
const AWAY_MS = 1000;
/** How long handing back may take; what is not handed back by then ends by its lease. */
const HAND_BACK_MS = 5000;
/** Of one claim at most, so that other workers have their share of a burst. */
const MOST_CLAIMED = 32;

export function startWorker(deps: WorkerDeps, registry: Running): Worker {
  const live = new Bag<DetachedRun>();
  const stopping = new AbortController();
  let freed: (() => void) | null = null;
  let nudged = new AbortController();
  let claiming: number | null = null;

  function begin(claim: Claim): void {
    const run = deps.run(claim);
    const place = live.add(run);
    const entry = registry.register(claim.id, run.stop);
    entry.recorded();
    void run.done.then(() => {
      entry.leave();
      live.remove(place);
      freed?.();
    });
  }

  async function pause(ms: number): Promise<void> {
    await deps.queue.wait(ms, AbortSignal.any([stopping.signal, nudged.signal]));
    if (nudged.signal.aborted) nudged = new AbortController();
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const room = Math.min(MOST_CLAIMED, deps.capacity - live.size);
      if (room <= 0) {
        await new Promise<void>((resolve) => {
          freed = resolve;
        });
        freed = null;
        continue;
      }
      let claims: Claim[] = [];
      claiming = performance.now();
      try {
        claims = deps.ledger.lostFor() === null && deps.fit() ? await deps.ledger.claim(deps.owner, room) : [];
      } catch (error) {
        deps.telemetry.log('warn', 'claiming failed', { error: String(error) });
      }
      for (const claim of claims) begin(claim);
      claiming = null;
      // While the record is away there is nothing to claim, and every ticket would ask in vain.
      if (deps.ledger.lostFor() !== null) await deps.ledger.back(AWAY_MS);
      else if (claims.length < room) await pause(LOOK_MS);
    }
  }

  const looping = loop();
  return {
    running: () => live.size,
    nudge: () => nudged.abort(),
    claimingSince: () => claiming,
    async drain(ms) {
      stopping.abort();
      freed?.();
      const until = performance.now() + ms;
      // A claim that is under way may hang with the record.
      await Promise.race([looping, new Promise((resolve) => setTimeout(resolve, ms).unref())]);
      while (live.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 25));
      for (const run of live) run.stop('drain');
      const handedBack = Promise.all([...live].map((run) => run.done));
      await Promise.race([handedBack, new Promise((resolve) => setTimeout(resolve, HAND_BACK_MS).unref())]);
    },
  };
}
