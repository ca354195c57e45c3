/**
 * The ports: what the rooms of the house need from each other and from the outside world. Read this first.
 * Drivers implement `Sql`, `Queue` and `Bus`; `ledger/` implements `Ledger`. The port of wire formats is `dialect.ts`.
 */
import type { ErrorCode } from './errors.ts';
import type {
  Acceptance,
  Accepted,
  AttemptEnd,
  AttemptStart,
  Claim,
  Erased,
  FrameWrite,
  Opening,
  Settlement,
  StoredBody,
  StoredFrame,
  StoredResult,
} from './record.ts';
import type { AttemptRow, EventRow, ListFilter, QueueNumbers, RequestRow } from './rows.ts';
import type { State } from './states.ts';

/* ---- the database ---- */

export type SqlValue = string | number | boolean | null | Buffer;
export type Row = Record<string, unknown>;

/**
 * All that PGlite and PostgreSQL differ in. `int8` and `numeric` arrive as text unless cast, `json` arrives parsed,
 * so SQL casts what it returns. A failure to reach the database, a lost connection and a database that refuses to
 * write (a standby) throw `GoblinError('unavailable')`: whether the statement took effect is then unknown. Every other
 * failure throws an error with `sqlState`, and had no effect.
 */
export interface Sql {
  query<R extends Row = Row>(text: string, values?: readonly SqlValue[]): Promise<R[]>;
  /** Runs `work` alone in one transaction; commits when it resolves, rolls back when it throws. */
  transaction<T>(work: (sql: Pick<Sql, 'query'>) => Promise<T>): Promise<T>;
  /** Runs a text of several statements without values: migrations. */
  script(text: string): Promise<void>;
  /**
   * Null while the database answers, else for how many milliseconds it has not. A driver that has lost it tries to come
   * back by itself. Costs nothing: asked before every call that would go upstream.
   */
  lostFor(): number | null;
  /** Resolves with true as soon as the database answers, with false after `ms` without it. */
  back(ms: number): Promise<boolean>;
  /** For operators: what stands behind, connections in use, and who waits for one. */
  pool(): { driver: 'pglite' | 'postgres'; size: number; idle: number; waiting: number };
  close(): Promise<void>;
}

/* ---- wake-ups and fan-out ---- */

/** Tickets: they only wake. One may be lost or repeated; the row in the database decides everything. */
export interface Queue {
  /** Never throws, never blocks: a ticket that cannot be sent is lost. */
  wake(): void;
  /** Resolves at the next ticket, after `ms`, or when `signal` aborts; tickets that came since the last wait count. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** False while tickets of other processes cannot come. */
  up(): boolean;
  close(): Promise<void>;
}

export type BusMessage =
  /** Frames that the database already holds, in order. */
  | {
      type: 'frames';
      frames: readonly StoredFrame[];
      /** The tenant wants its content encrypted wherever it lies. */
      secret?: true;
    }
  /** On the topic `CANCELS`: whoever runs this request closes its upstream socket. */
  | { type: 'cancel'; id: string }
  /** The request reached a terminal state without a last frame, or may have ended: messages may have been missed, so look into the database. */
  | { type: 'ended' }
  /** On the topic `STANDING`: a key, a session, an account or a tenant was closed or changed. Checked by whoever reads it. */
  | { type: 'standing'; changed: unknown }
  /** On the topic `HEALTH`: what a process knows of targets and keys. Checked by whoever reads it. */
  | { type: 'health'; said: unknown }
  /** On the topic `DRILLS`: the fire drills that a process knows of. Checked by whoever reads it. */
  | { type: 'drills'; said: unknown };

/** Whether a message says that its request has ended, or may have: the last frame is as good as `ended`. */
export const tellsEnd = (message: BusMessage): boolean =>
  message.type === 'ended' || (message.type === 'frames' && message.frames.at(-1)?.type === 'end');

/** One topic for all cancels: a process follows it once, not once for each request that it runs. */
export const CANCELS = 'cancels';

/** One topic for what was taken away from credentials. */
export const STANDING = 'standing';

/** One topic for what the processes tell each other of the vendors' health. */
export const HEALTH = 'health';

/** One topic for the fire drills that run. */
export const DRILLS = 'drills';

/**
 * Topics are request ids, `CANCELS`, `STANDING`, `HEALTH` and `DRILLS`. Messages may be lost, never doubled or out of order for one publisher. Listeners
 * must not throw and must not block.
 */
export interface Bus {
  /** Followers in this process hear it before this returns. Never throws, never blocks. */
  publish(topic: string, message: BusMessage): void;
  /** Returns the function that stops following. */
  follow(topic: string, listener: (message: BusMessage) => void): () => void;
  /**
   * Frames of a topic with numbers from `after + 1` on without a gap, from a cache; null when it cannot tell, and the
   * database must be asked. Never rejects.
   */
  recent(topic: string, after: number): Promise<StoredFrame[] | null>;
  /** Takes what is kept of a topic out of the cache. May be lost. Never throws. */
  drop(topic: string): void;
  /** False while messages of other processes cannot come: followers then look into the database more often. */
  up(): boolean;
  close(): Promise<void>;
}

/* ---- counts that all processes share ---- */

/** A count of the last minute. The limit goes along with each call, because it may be changed at any time. */
export interface RateAsk {
  id: string;
  limit: number;
  /** Fewer than `need` are of no use: then nothing is given. More than `want` neither. */
  need: number;
  want: number;
}

export interface RateGrant {
  /** 0: refused. */
  granted: number;
  /** Units that are left for everyone; below 0 after charges. */
  left: number;
  /** Milliseconds until `need` will be free if nobody takes more; 0 when granted. */
  retryMs: number;
  /** Milliseconds until all is free if nobody takes more. */
  resetMs: number;
  /** The second in which it was counted, by the clock of the counts. */
  at: number;
}

/** How many at once: places that a process holds, by one number. `used`: those it cannot give up. */
export interface SeatAsk {
  id: string;
  limit: number;
  used: number;
  /** Places it wants to hold in all: `need` at least, else it keeps only those that are used. */
  need: number;
  want: number;
}

export interface SeatGrant {
  /** That this process holds from now on, for `SEAT_MS` or until it asks again. */
  seats: number;
  /** Free for everyone. */
  left: number;
}

/** A process that says nothing for this long has lost its seats. */
export const SEAT_MS = 15_000;
/** For how many seconds a unit counts: a minute, the second in which it is counted, and one that it may lie unused. */
export const RATE_WINDOW_S = 62;

/**
 * Counts of the last minute, and of what runs. What was taken counts for `RATE_WINDOW_S`. Answers at once where the
 * counts are in the process. Rejects when they cannot be reached.
 */
export interface Rates {
  take(ask: RateAsk): RateGrant | Promise<RateGrant>;
  /**
   * Of what was taken in that second, so much was not used. 0: in which second is not known, so the oldest units go.
   * May be lost. Never throws.
   */
  giveBack(id: string, at: number, units: number): void;
  /** Used without asking, whatever the limit. May be lost. Never throws. */
  charge(id: string, units: number): void;
  seats(ask: SeatAsk): SeatGrant | Promise<SeatGrant>;
  /** False while the counts of other processes cannot be reached. */
  up(): boolean;
  /** How often the counts may have been lost, so that each process must say again what it has used. */
  losses(): number;
  close(): Promise<void>;
}

/* ---- the record ---- */

/** Every function takes the tenant first, or carries it inside; another tenant's id behaves like an unknown one. */
export interface Ledger {
  /** Detached: row, body, event and idempotency key in one commit. */
  accept(tenant: string, acceptance: Acceptance): Promise<Accepted>;
  /** Attached: accept, claim (epoch 1) and first attempt in one commit. */
  open(tenant: string, opening: Opening): Promise<Accepted>;
  /** The next `n` queued requests in fair order, now `running` under `owner`. */
  claim(owner: string, n: number): Promise<Claim[]>;
  /** Begins an attempt, ends the one before it, and commits frames with both; null when the epoch is no longer ours. */
  attempt(write: FrameWrite, start: AttemptStart, ended: AttemptEnd | null): Promise<StoredFrame[] | null>;
  /** Commits frames; null when the epoch is no longer ours. */
  frames(write: FrameWrite): Promise<StoredFrame[] | null>;
  /** Ends a running request; null when the epoch is no longer ours, else the frames as stored. */
  settle(settlement: Settlement): Promise<StoredFrame[] | null>;
  /** Writes what the last attempt cost, and what it had shown, although the request ended before it (cancel): state and money end separately. */
  settleAttempt(
    tenant: string,
    id: string,
    epoch: number,
    ended: AttemptEnd,
    partialText: string | null,
  ): Promise<void>;
  /**
   * Hands a running request back to the queue. `delayMs` is how long it must rest, `unburnt` how many attempts of this
   * epoch must not count against the limit.
   */
  release(
    tenant: string,
    id: string,
    epoch: number,
    delayMs: number,
    reason: string,
    unburnt: number,
  ): Promise<boolean>;
  /** Ends a request from outside its runner if it is not at an end: cancel, deadline. Null for an unknown id. */
  end(
    tenant: string,
    id: string,
    state: 'cancelled' | 'expired' | 'failed',
    error: { code: ErrorCode; message: string },
    actor: string,
  ): Promise<{ state: State; changed: boolean; frame: StoredFrame | null } | null>;

  /**
   * Takes body, result, shown text and frames of a request out of the record; its row, its attempts and its trail stay.
   * Null for an unknown id.
   */
  erase(tenant: string, id: string, actor: string): Promise<Erased | null>;

  get(tenant: string, id: string): Promise<RequestRow | null>;
  attempts(tenant: string, id: string): Promise<AttemptRow[]>;
  list(tenant: string, filter: ListFilter): Promise<RequestRow[]>;
  events(tenant: string, id: string, after: number, limit: number): Promise<EventRow[]>;
  result(tenant: string, id: string): Promise<StoredResult | null>;
  /** Text that was shown before a request ended without success. */
  partialText(tenant: string, id: string): Promise<string | null>;
  /** Frames with numbers above `after`, lowest first. */
  framesAfter(tenant: string, id: string, after: number, limit: number): Promise<StoredFrame[]>;
  body(tenant: string, id: string): Promise<StoredBody | null>;
  /** Looks an idempotency key up without using it. */
  findByIdempotencyKey(tenant: string, key: string): Promise<{ id: string; bodyHash: string } | null>;
  /** One audit event without a request: a refusal, a key made or revoked. */
  note(tenant: string, type: string, payload: Record<string, unknown>, request?: string): Promise<void>;
  queueNumbers(): Promise<QueueNumbers>;
  /** The database was away: it may be another one now, which lacks the last commits. */
  forget(): void;
  /** Null while the record can be written, else for how many milliseconds it cannot. Costs nothing. */
  lostFor(): number | null;
  /** Resolves with true as soon as the record can be written, with false after `ms` in which it cannot. */
  back(ms: number): Promise<boolean>;
  /** Writes of accepts and settles that wait. */
  backlog(): number;
  /** Resolves when no write waits. */
  idle(): Promise<void>;
}

/* ---- observation ---- */

/** Never throws, never blocks. Names are those of the metrics table. */
export interface Telemetry {
  count(name: string, tags: Record<string, string>, by?: number): void;
  time(name: string, ms: number, tags: Record<string, string>): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void;
}
