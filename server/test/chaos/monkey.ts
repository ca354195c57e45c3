/** Does what the schedule says to real processes, and starts them again as a supervisor would. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterNode } from '../support/cluster.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import type { Services } from './batch.ts';
import { type Step, stepText } from './schedule.ts';

export interface Stage {
  apis: readonly ClusterNode[];
  workers: readonly ClusterNode[];
  services: Services;
  lines: { redis: FaultProxy; postgres: FaultProxy };
}

export interface Monkey {
  /** Resolves when the last step is done and everything runs again. */
  done: Promise<void>;
  /** When something that must be in time stood still. */
  frozen: { from: number; to: number }[];
  /** Exits that should not have been, and starts that failed. */
  wrong: string[];
  happened: Map<string, number>;
  slowest: { termMs: number };
  stop(): void;
}

/** What supervisors give a process to end before they kill it (Kubernetes' default); ours drains for ten seconds. */
const TERM_MS = 30_000;
/** Worth a line: the drain itself and a little. */
const SLOW_TERM_MS = 12_000;
/** How long a start must wait for a database that is away. */
const PATIENCE_MS = 30_000;

export function startMonkey(stage: Stage, steps: readonly Step[], say: (line: string) => void): Monkey {
  const frozen: { from: number; to: number }[] = [];
  const wrong: string[] = [];
  const happened = new Map<string, number>();
  const slowest = { termMs: 0 };
  /** Nodes whose end is wanted now. */
  const ending = new Set<ClusterNode>();
  let over = false;

  const nodeOf = (target: string): ClusterNode => {
    const [role, n] = target.split('-');
    const node = (role === 'api' ? stage.apis : stage.workers)[Number(n)];
    if (!node) throw new Error(`no such target: ${target}`);
    return node;
  };

  /** A process that ends by itself is a finding; it is started again so that the run can go on. */
  async function watch(node: ClusterNode): Promise<void> {
    for (;;) {
      const code = await node.exited();
      if (over) return;
      if (!ending.has(node)) {
        wrong.push(`${node.name} ended by itself with code ${code}: ${node.log().slice(-1500)}`);
        ending.add(node);
        await revive(node);
        ending.delete(node);
      } else await sleep(50);
    }
  }

  async function revive(node: ClusterNode): Promise<void> {
    for (let tries = 1; !over; tries++) {
      const began = performance.now();
      try {
        await node.restart();
        return;
      } catch (error) {
        const ms = Math.round(performance.now() - began);
        say(`      ${node.name} gave up its start after ${ms} ms`);
        // A start waits half a minute for its database; a supervisor tries again after that, too.
        if (ms < PATIENCE_MS || tries >= 3) {
          wrong.push(`${node.name} gave up its start after ${ms} ms: ${String(error).slice(-700)}`);
        }
        if (tries >= 10) return;
        await sleep(500);
      }
    }
  }

  async function stands<T>(work: () => Promise<T>): Promise<T> {
    const interval = { from: Date.now(), to: Number.POSITIVE_INFINITY };
    frozen.push(interval);
    try {
      return await work();
    } finally {
      interval.to = Date.now();
    }
  }

  async function hitNode(node: ClusterNode, { fault, forMs }: Step): Promise<void> {
    if (fault === 'freeze') {
      await stands(async () => {
        node.signal('SIGSTOP');
        await sleep(forMs);
        node.signal('SIGCONT');
      });
      return;
    }
    ending.add(node);
    if (fault === 'kill') await node.kill();
    else {
      const began = performance.now();
      const late = sleep(TERM_MS, 'late' as const, { ref: false });
      const code = await Promise.race([node.stop(), late]);
      const ms = Math.round(performance.now() - began);
      slowest.termMs = Math.max(slowest.termMs, ms);
      if (ms > SLOW_TERM_MS) say(`      ${node.name} took ${ms} ms to its exit:\n${node.log().slice(-1500)}`);
      if (code !== 0) {
        wrong.push(`${node.name} ended after SIGTERM with ${code}: ${node.log().slice(-1500)}`);
        await node.kill();
      }
    }
    await sleep(forMs);
    await revive(node);
    ending.delete(node);
  }

  async function hitRedis({ fault, forMs }: Step): Promise<void> {
    const { redis } = stage.services;
    if (fault === 'flush') redis.cli('flushall');
    else if (fault === 'freeze') {
      redis.freeze();
      await sleep(forMs);
      redis.thaw();
    } else {
      await redis.kill();
      await sleep(forMs);
      await redis.start();
    }
  }

  /** Without the database nothing can be in time. */
  async function hitPostgres({ fault, forMs }: Step): Promise<void> {
    const { postgres } = stage.services;
    await stands(async () => {
      if (fault === 'freeze') {
        postgres.freeze();
        await sleep(forMs);
        postgres.thaw();
        return;
      }
      await (fault === 'kill' ? postgres.kill() : postgres.stop());
      await sleep(forMs);
      await postgres.start();
    });
  }

  async function hitLine(line: FaultProxy, { fault, forMs }: Step): Promise<void> {
    switch (fault) {
      case 'reset':
        line.reset();
        return;
      case 'half-open':
        line.freeze();
        await sleep(forMs);
        line.thaw();
        return;
      case 'slow':
        line.latency(100);
        await sleep(forMs);
        line.latency(0);
        return;
      case 'slice':
        line.slice(7);
        await sleep(forMs);
        line.slice(null);
        return;
      default:
        await line.refuse(true);
        line.reset();
        await sleep(forMs);
        await line.refuse(false);
    }
  }

  async function doStep(step: Step): Promise<void> {
    say(stepText(step));
    const name = `${step.fault} ${step.target.replace(/-\d+$/, '')}`;
    if (step.target === 'redis') await hitRedis(step);
    else if (step.target === 'postgres') await hitPostgres(step);
    else if (step.target === 'redis-line') await hitLine(stage.lines.redis, step);
    else if (step.target === 'postgres-line') {
      if (step.fault === 'slice') await hitLine(stage.lines.postgres, step);
      else await stands(() => hitLine(stage.lines.postgres, step));
    } else await hitNode(nodeOf(step.target), step);
    happened.set(name, (happened.get(name) ?? 0) + 1);
  }

  async function go(): Promise<void> {
    const began = performance.now();
    const busy = new Map<string, Promise<void>>();
    for (const step of steps) {
      await sleep(Math.max(0, step.at - (performance.now() - began)));
      if (over) break;
      // What was hit before is well again first, also when its restart took longer than planned.
      const before = busy.get(step.target) ?? Promise.resolve();
      const now = before
        .then(() => doStep(step))
        .catch((error: unknown) => void wrong.push(`${stepText(step)}: ${error}`));
      busy.set(step.target, now);
    }
    await Promise.all(busy.values());
  }

  for (const node of [...stage.apis, ...stage.workers]) void watch(node);
  return {
    done: go(),
    frozen,
    wrong,
    happened,
    slowest,
    stop() {
      over = true;
    },
  };
}
