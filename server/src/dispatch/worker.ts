/** Who runs it now: claims what is due up to the capacity, keeps the lease alive, drains at the end. */
import { performance } from 'node:perf_hooks';
import { Bag } from '../contract/bag.ts';
import { type Bus, CANCELS, type Ledger, type Queue, type Telemetry } from '../contract/ports.ts';
import type { Claim } from '../contract/record.ts';
import type { DetachedRun } from '../execution/detached.ts';
import type { StopReason } from '../execution/terms.ts';

export interface WorkerDeps {
  ledger: Ledger;
  queue: Queue;
  bus: Bus;
  telemetry: Telemetry;
  owner: string;
  capacity: number;
  run(claim: Claim): DetachedRun;
}

export interface Running {
  /** Registers a request that runs in this process; cancel from anywhere then reaches it. */
  register(id: string, stop: (reason: StopReason) => void): () => void;
  stopAll(reason: StopReason): void;
  size(): number;
}

export function createRunning(bus: Bus): Running {
  const running = new Bag<{ id: string; stop: (reason: StopReason) => void }>();
  bus.follow(CANCELS, (message) => {
    if (message.type !== 'cancel') return;
    for (const entry of running) if (entry.id === message.id) entry.stop('cancelled');
  });
  return {
    register(id, stop) {
      const place = running.add({ id, stop });
      return () => running.remove(place);
    },
    stopAll(reason) {
      for (const { stop } of running) stop(reason);
    },
    size: () => running.size,
  };
}

export interface Worker {
  running(): number;
  /** Stops claiming, waits up to `ms` for what runs, hands the rest back. */
  drain(ms: number): Promise<void>;
}

/** A ticket may be lost: the queue is looked at this often anyway. */
const LOOK_MS = 1000;

export function startWorker(deps: WorkerDeps, registry: Running): Worker {
  const live = new Bag<DetachedRun>();
  const stopping = new AbortController();
  let freed: (() => void) | null = null;

  function begin(claim: Claim): void {
    const run = deps.run(claim);
    const place = live.add(run);
    const off = registry.register(claim.id, run.stop);
    void run.done.then(() => {
      off();
      live.remove(place);
      freed?.();
    });
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const room = deps.capacity - live.size;
      if (room <= 0) {
        await new Promise<void>((resolve) => {
          freed = resolve;
        });
        freed = null;
        continue;
      }
      let claims: Claim[] = [];
      try {
        claims = await deps.ledger.claim(deps.owner, room);
      } catch (error) {
        deps.telemetry.log('error', 'claiming failed', { error: String(error) });
        await deps.queue.wait(LOOK_MS, stopping.signal);
        continue;
      }
      for (const claim of claims) begin(claim);
      if (claims.length < room) await deps.queue.wait(LOOK_MS, stopping.signal);
    }
  }

  const looping = loop();
  return {
    running: () => live.size,
    async drain(ms) {
      stopping.abort();
      freed?.();
      await looping;
      const until = performance.now() + ms;
      while (live.size > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 25));
      for (const run of live) run.stop('drain');
      await Promise.all([...live].map((run) => run.done));
    },
  };
}
