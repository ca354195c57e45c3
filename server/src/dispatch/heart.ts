/**
 * One heartbeat per process renews every lease it owns, and finds what the process and the record disagree about. The
 * sweep does what dead processes left undone. Both cost a process at rest less than two statements a second.
 */
import { endedBy } from '../contract/frames.ts';
import type { Bus, Ledger, Queue, Sql, Telemetry } from '../contract/ports.ts';
import type { TerminalState } from '../contract/states.ts';
import type { Persist } from '../execution/persist.ts';
import type { Clock } from '../ledger/clock.ts';
import { beat, leave, type ProcessInfo } from '../ledger/processes.ts';
import { retain } from '../ledger/retain.ts';
import { buryProcesses, expireLeases, type Look, lateRequests, look, settleLostMoney } from '../ledger/sweep.ts';
import type { Running } from './running.ts';

export interface HeartDeps {
  sql: Sql;
  ledger: Ledger;
  bus: Bus;
  queue: Queue;
  telemetry: Telemetry;
  info: ProcessInfo;
  heartbeatMs: number;
  keep: { frameHours: number; bodyDays: number; rowDays: number };
  registry: Running;
  /** Writes that must not be lost; see execution/persist.ts. */
  persist: Persist;
  clock: Clock;
  /** What this process says of itself to operators at any other. */
  report(): unknown;
  /** Whether what other processes say is heard here: cancels among it. */
  hearsAll(): boolean;
  /** Since when a claim is under way; null when none is. */
  claimingSince(): number | null;
  /** Something waits that may be claimed. */
  due(): void;
  callbacksDue(): void;
  /** Told what each sweep has seen. */
  looked?(seen: Look): void;
  /** This process stood still for longer than its lease. */
  stoodStill?(): void;
  /** Told of detached requests that were ended here. */
  ended?(state: TerminalState): void;
  /** Seals what a process that is gone has left of the trail. */
  seal(writer: string): Promise<void>;
}

export interface Heart {
  /** Whether the lease of this process holds. */
  fit(): boolean;
  /** Requests that all processes bring to an end in a second, of late; null when that is not known. */
  endsPerSecond(): number | null;
  stop(): Promise<void>;
}

const START_MS = 30_000;
/** A lost ticket is found within a second: the look itself needs some of it. */
const SWEEP_MS = 750;
/** How often a process that does not hear the others asks what is still its own. */
const DEAF_MS = 400;
const RETAIN_MS = 3_600_000;
/** While old content is left, it goes in small steps. */
const RETAIN_MORE_MS = 2000;
const RETAIN_AGAIN_MS = 300_000;
/** A request that the record gives us and nobody here runs is given up after this long. */
const STRAY_MS = 2000;
/** Requests of a process that has no row any more are looked for this often: there should be none. */
const STRAYS_MS = 60_000;
/** Over how long the speed of the queue is measured. */
const SPEED_MS = 20_000;

export async function startHeart(deps: HeartDeps): Promise<Heart> {
  const { sql, info, registry } = deps;
  let lastBeat = performance.now();
  /** After a gap in our own beats everyone's may be late: nothing is expired for one lease. */
  let expireFrom = 0;
  let nextRetain = performance.now();
  let nextStrays = performance.now();
  let stopped = false;
  let beating: Promise<void> | null = null;
  let sweeping: Promise<void> | null = null;
  /** Requests that nobody here runs, and since when that is known. */
  let strays = new Map<string, number>();
  let speeds: { at: number; ended: number }[] = [];

  function setClock(seen: Look, asked: number): void {
    deps.clock.saw(seen.now, (asked + performance.now()) / 2);
  }

  // The database may go away in the midst of a start.
  await deps.persist(async () => {
    const asked = performance.now();
    setClock(await look(sql), asked);
  }, START_MS);
  await deps.persist(() => beat(sql, info, 0, 0), START_MS);

  async function pulse(): Promise<void> {
    const asked = performance.now();
    const held = await beat(sql, info, registry.size(), registry.ended(), deps.report());
    const now = performance.now();
    if (now - lastBeat > info.leaseMs) {
      expireFrom = now + info.leaseMs;
      deps.stoodStill?.();
    }
    lastBeat = now;
    const known = strays;
    strays = new Map(registry.compare(held, asked).map((id) => [id, known.get(id) ?? asked]));
    const claiming = deps.claimingSince();
    // What a claim has just taken is ours before we hear of it.
    const gone = [...strays].filter(([, since]) => now - since >= STRAY_MS && (claiming ?? now) > since);
    if (gone.length > 0) await giveUp(gone.map(([id]) => id));
  }

  async function giveUp(ids: readonly string[]): Promise<void> {
    const { queued, ended } = await expireLeases(sql, ids);
    tell(queued, ended, 'requests that nobody here runs');
  }

  function tell(queued: string[], ended: string[], what: string): void {
    if (queued.length > 0) deps.queue.wake();
    for (const id of ended) {
      deps.bus.publish(id, { type: 'ended' });
      deps.ended?.('failed');
    }
    if (queued.length + ended.length > 0) {
      deps.telemetry.log('warn', what, { requeued: queued.length, ended: ended.length });
    }
  }

  async function sweep(): Promise<void> {
    const asked = performance.now();
    const todo = await look(sql);
    const now = performance.now();
    setClock(todo, asked);
    const last = speeds.at(-1);
    // A process that leaves takes its count along.
    if (last && todo.ended < last.ended) speeds = [];
    speeds.push({ at: now, ended: todo.ended });
    speeds = speeds.filter(({ at }) => now - at <= SPEED_MS);
    if (todo.due) deps.due();
    if (todo.callbacks) deps.callbacksDue();
    deps.looked?.(todo);
    if ((todo.lost || now >= nextStrays) && now >= expireFrom && now - lastBeat < info.leaseMs) {
      nextStrays = now + STRAYS_MS;
      const { queued, ended } = await expireLeases(sql);
      tell(queued, ended, 'leases ended');
      if (todo.lost && queued.length + ended.length === 0) await buryProcesses(sql, deps.seal);
    }
    if (todo.late) await expireLate();
    if (todo.owed) await settleLostMoney(sql);
    if (now >= nextRetain) {
      nextRetain = now + RETAIN_MS;
      const { more, failed } = await retain(sql, deps.keep);
      for (const { step, error } of failed) {
        deps.telemetry.log('warn', 'a step of retention failed; it is tried again', { step, error: String(error) });
      }
      if (more || failed.length > 0) nextRetain = now + (more ? RETAIN_MORE_MS : RETAIN_AGAIN_MS);
    }
  }

  async function expireLate(): Promise<void> {
    for (const { id, tenant, begun } of await lateRequests(sql)) {
      const when = begun ? 'its answer was complete' : 'the request could run';
      const error = { code: 'expired', message: `The deadline passed before ${when}.` } as const;
      const end = await deps.ledger.end(tenant, id, 'expired', error, 'sweeper');
      if (!end?.changed) continue;
      deps.bus.publish(id, endedBy(end.frame));
      deps.ended?.('expired');
    }
  }

  const noted = (what: string) => (error: unknown) => {
    // Two that meet at the same rows in another order: one of them gives way, and comes again.
    const met = (error as { sqlState?: string }).sqlState === '40P01';
    if (sql.lostFor() === null) deps.telemetry.log(met ? 'debug' : 'error', what, { error: String(error) });
  };
  let wasAway = false;
  function beatNow(): void {
    if (beating || stopped || sql.lostFor() !== null) return;
    beating = pulse()
      .catch(noted('heartbeat failed'))
      .finally(() => {
        beating = null;
      });
  }
  const beats = setInterval(beatNow, deps.heartbeatMs).unref();
  // A cancel that cannot be heard is found by asking what is still ours.
  const deaf = setInterval(() => {
    if (registry.size() > 0 && !deps.hearsAll()) beatNow();
  }, DEAF_MS).unref();
  const sweeps = setInterval(() => {
    const away = sql.lostFor() !== null;
    // After an outage all leases are old: the first thing is to say that we are here.
    if (wasAway && !away) {
      deps.ledger.forget();
      beatNow();
    }
    wasAway = away;
    if (sweeping || stopped || away) return;
    sweeping = sweep()
      .catch(noted('sweep failed'))
      .finally(() => {
        sweeping = null;
      });
  }, SWEEP_MS).unref();

  return {
    fit: () => performance.now() - lastBeat < info.leaseMs,
    endsPerSecond() {
      const [first, last] = [speeds[0], speeds.at(-1)];
      if (!first || !last || last.at - first.at < 2000) return null;
      return (last.ended - first.ended) / ((last.at - first.at) / 1000);
    },
    async stop() {
      stopped = true;
      clearInterval(beats);
      clearInterval(deaf);
      clearInterval(sweeps);
      await Promise.all([beating, sweeping]);
      await leave(sql, info.id).catch(() => {});
    },
  };
}
