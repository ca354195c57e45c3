/** One heartbeat per process renews every lease it owns; the sweep does what dead processes left undone. */
import type { Bus, Ledger, Queue, Sql, Telemetry } from '../contract/ports.ts';
import { beat, expireLeases, lateRequests, leave, type ProcessInfo, retain, settleLostMoney } from '../ledger/sweep.ts';

export interface HeartDeps {
  sql: Sql;
  ledger: Ledger;
  bus: Bus;
  queue: Queue;
  telemetry: Telemetry;
  info: ProcessInfo;
  heartbeatMs: number;
  keep: { frameHours: number; bodyDays: number };
  running(): number;
}

export interface Heart {
  stop(): Promise<void>;
}

const SWEEP_MS = 1000;
const RETAIN_MS = 3_600_000;

export async function startHeart(deps: HeartDeps): Promise<Heart> {
  const { sql, info } = deps;
  let lastBeat = performance.now();
  /** After a gap in our own beats everyone's may be late: nothing is expired for one lease. */
  let expireFrom = 0;
  let lastRetain = 0;
  let stopped = false;
  let working: Promise<void> = Promise.resolve();
  let beating = false;

  await beat(sql, info, 0);

  async function pulse(): Promise<void> {
    if (beating || stopped) return;
    beating = true;
    try {
      await beat(sql, info, deps.running());
      const now = performance.now();
      if (now - lastBeat > info.leaseMs) expireFrom = now + info.leaseMs;
      lastBeat = now;
    } catch (error) {
      deps.telemetry.log('error', 'heartbeat failed', { error: String(error) });
    } finally {
      beating = false;
    }
  }

  async function sweep(): Promise<void> {
    const now = performance.now();
    if (now >= expireFrom && now - lastBeat < info.leaseMs) {
      const { queued, ended } = await expireLeases(sql);
      if (queued.length > 0) deps.queue.wake();
      for (const id of ended) deps.bus.publish(id, { type: 'ended' });
      if (queued.length + ended.length > 0) {
        deps.telemetry.log('warn', 'leases ended', { requeued: queued.length, ended: ended.length });
      }
    }
    for (const { id, tenant } of await lateRequests(sql)) {
      const error = { code: 'expired', message: 'The deadline passed before the request could run.' } as const;
      const end = await deps.ledger.end(tenant, id, 'expired', error, 'sweeper');
      if (end?.frame) deps.bus.publish(id, { type: 'frames', frames: [end.frame] });
      deps.bus.publish(id, { type: 'ended' });
    }
    await settleLostMoney(sql);
    if (performance.now() - lastRetain > RETAIN_MS) {
      lastRetain = performance.now();
      await retain(sql, deps.keep);
    }
  }

  const beats = setInterval(() => void pulse(), deps.heartbeatMs).unref();
  let sweeping = false;
  const sweeps = setInterval(() => {
    if (sweeping || stopped) return;
    sweeping = true;
    working = sweep()
      .catch((error: unknown) => deps.telemetry.log('error', 'sweep failed', { error: String(error) }))
      .finally(() => {
        sweeping = false;
      });
  }, SWEEP_MS).unref();

  return {
    async stop() {
      stopped = true;
      clearInterval(beats);
      clearInterval(sweeps);
      await working;
      await leave(sql, info.id).catch(() => {});
    },
  };
}
