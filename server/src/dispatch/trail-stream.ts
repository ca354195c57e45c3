/**
 * Tells the sealed trail to a sink outside, block by block, in the order of each writer: at least once. Each process
 * tells what it has sealed itself, and what processes that are gone have left. Nobody waits for it, and it asks the
 * database only when something was sealed.
 */
import type { Sql, Telemetry } from '../contract/ports.ts';
import {
  type BlockOfEvents,
  beginSink,
  blocksAfter,
  eventsOf,
  leaveWriter,
  takeWriter,
  toldUpTo,
  writersLeft,
} from '../ledger/audit-stream.ts';
import type { ToldEvent } from '../telemetry/trail-formats.ts';

/** One visit to the sink. */
export interface Visit {
  tell(events: readonly ToldEvent[]): Promise<void>;
  /** Resolves when everything counts as told. */
  finish(): Promise<void>;
  drop(): void;
}

export interface Sink {
  /** As operators see it. */
  name: string;
  open(): Promise<Visit>;
}

/** A sink that says itself when it wants to be asked again. */
export class SinkBusy extends Error {
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface TrailNumbers {
  sink: string;
  /** How long the oldest block that was not told has waited; 0: nothing waits. */
  behind_ms: number;
  writers_waiting: number;
  /** Since the start. */
  events_told: number;
  failures: number;
  problem: string | null;
}

export interface TrailStream {
  /** Blocks of a writer were sealed. */
  sealed(writer: string): void;
  numbers(): TrailNumbers;
  /** Tells what it can in `ms`; the rest is left to others. */
  close(ms: number): Promise<void>;
}

export interface TrailDeps {
  sql: Sql;
  sink: Sink;
  /** This process. */
  owner: string;
  telemetry: Telemetry;
  /** For tests: the first wait after a failure; it doubles up to a minute. */
  waitMs?: number;
}

/** Events that are in memory at once, and that one visit is for. */
const SLICE = 500;
const VISIT = 5000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** When another process tells of a writer: it may stop in the midst of it. */
const TAKEN_MS = 2000;

interface Waiting {
  since: number;
  /** Grows with each seal, so that one in the midst of telling is not missed. */
  seals: number;
}

/** Rejects when the database cannot be asked: nothing that is sealed from now on must be missed. */
export async function startTrailStream(deps: TrailDeps): Promise<TrailStream> {
  const { sql, sink, owner, telemetry, waitMs = FIRST_WAIT_MS } = deps;
  const waiting = new Map<string, Waiting>();
  const counts = { told: 0, failures: 0 };
  let problem: string | null = null;
  let inRow = 0;
  let working: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let ending = false;
  let closed = false;

  function wake(ms = 0): void {
    if (ending || working || timer || waiting.size === 0) return;
    timer = setTimeout(() => {
      timer = null;
      working = work()
        .catch(noteFailure)
        .then((againMs) => {
          working = null;
          wake(againMs);
        });
    }, ms).unref();
  }

  /** Answers how long to wait. */
  function noteFailure(error: unknown): number {
    counts.failures++;
    const message = (error as Error).message.slice(0, 300);
    // Once, not with every try.
    if (problem === null && sql.lostFor() === null)
      telemetry.log('warn', 'the trail cannot be told', { sink: sink.name, problem: message });
    problem = message;
    const wait = Math.min(LONGEST_WAIT_MS, waitMs * 2 ** Math.min(inRow++, 16)) * (0.75 + Math.random() / 2);
    return error instanceof SinkBusy ? Math.max(error.retryAfterMs, wait) : wait;
  }

  /** Answers after which time there is more to do. */
  async function work(): Promise<number> {
    let againMs = 0;
    for (const [writer, one] of [...waiting]) {
      if (closed) break;
      const { seals } = one;
      const from = await takeWriter(sql, sink.name, writer, owner);
      if (from === null) {
        againMs = TAKEN_MS;
        continue;
      }
      try {
        await tellAll(writer, from, one);
      } finally {
        if (ending) await leaveWriter(sql, sink.name, writer, owner);
      }
      if (one.seals === seals) waiting.delete(writer);
    }
    if (problem !== null) telemetry.log('info', 'the trail is told again', { sink: sink.name });
    problem = null;
    inRow = 0;
    return againMs;
  }

  async function tellAll(writer: string, from: number, one: Waiting): Promise<void> {
    for (let seq = from; !closed; ) {
      const asked = performance.now();
      const blocks = await blocksAfter(sql, writer, seq);
      if (blocks.length === 0) return;
      seq = await visit(writer, blocks);
      if (!(await toldUpTo(sql, sink.name, writer, owner, seq))) return;
      if (seq === blocks.at(-1)?.seq) one.since = asked;
    }
  }

  /** Answers the last block that was told. */
  async function visit(writer: string, blocks: readonly BlockOfEvents[]): Promise<number> {
    const newest = blocks.at(-1)?.seq ?? -1;
    if (blocks.every(({ events }) => events.length === 0)) return newest;
    const open = await sink.open();
    let told = 0;
    let last = -1;
    try {
      for (const { seq, events } of blocks) {
        for (let at = 0; at < events.length; at += SLICE) {
          const slice = await eventsOf(sql, events.slice(at, at + SLICE));
          if (slice.length > 0) await open.tell(slice.map((event) => ({ ...event, writer, block: seq })));
          told += slice.length;
        }
        last = seq;
        if (told >= VISIT) break;
      }
      await open.finish();
    } catch (error) {
      open.drop();
      throw error;
    }
    counts.told += told;
    return last;
  }

  function sealed(writer: string): void {
    const one = waiting.get(writer);
    if (one) one.seals++;
    else waiting.set(writer, { since: performance.now(), seals: 0 });
    wake();
  }

  await beginSink(sql, sink.name);
  for (const writer of await writersLeft(sql, sink.name)) sealed(writer);

  return {
    sealed,
    numbers() {
      const oldest = Math.min(...[...waiting.values()].map(({ since }) => since));
      return {
        sink: sink.name,
        behind_ms: waiting.size === 0 ? 0 : Math.round(performance.now() - oldest),
        writers_waiting: waiting.size,
        events_told: counts.told,
        failures: counts.failures,
        problem,
      };
    },
    async close(ms) {
      ending = true;
      if (timer) clearTimeout(timer);
      const rest = async () => {
        await working;
        if (sql.lostFor() === null) await work();
      };
      await Promise.race([rest().catch(() => {}), new Promise((resolve) => setTimeout(resolve, ms).unref())]);
      closed = true;
    },
  };
}
