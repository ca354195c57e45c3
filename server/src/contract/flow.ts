/** What passes between the front door, admission and execution. */
import type { AnswerCall, DialectName, Kind } from './call.ts';
import type { Caller } from './caller.ts';
import type { Notice, Vectors } from './dialect.ts';
import type { Entry } from './entry.ts';
import type { FinishReason, Part, Usage, VisiblePart } from './part.ts';
import type { AttemptStart, CacheResult, RequestError, RunPlan } from './record.ts';
import type { FailoverMode, Mode, State, TerminalState } from './states.ts';

/** What a caller asked for, checked and decoded, not yet admitted. */
export interface Submission {
  kind: Kind;
  mode: Mode;
  call: AnswerCall;
  taskType: string;
  hints: string[];
  priority: number;
  /** An end user's label; stored only as a hash. */
  userId: string;
  notBefore: number | null;
  deadlineMs: number | null;
  /** Null: not said. */
  failover: FailoverMode | null;
  callbackUrl: string | null;
  labels: Record<string, string> | null;
  metadata: Record<string, unknown> | null;
  idempotency: { key: string; bodyHash: string } | null;
  /** Set when placeholders stand for secrets: what they stand for, and the same encrypted, for the record. */
  secrets?: { mapping: ReadonlyMap<string, string>; sealed: string };
  /** Set when the caller wants an answer of its own, not one from the response cache. */
  cache?: false;
}

export interface Receipt {
  requestId: string;
  createdAt: number;
  estimatePico: number | null;
  replayed: boolean;
  /** What the caller is told of its limits. */
  headers?: Readonly<Record<string, string>>;
}

/** Detached: resolves after the commit. Throws `GoblinError` for every refusal. */
export type Submit = (caller: Caller, submission: Submission) => Promise<Receipt>;

export type Cancel = (caller: Caller, id: string) => Promise<{ state: State } | null>;

/** How an attached request ended. */
export interface AttachedOutcome {
  /** Set when nothing ran, because another call with the same idempotency key and body is this request. */
  sameAs: string | null;
  state: TerminalState;
  error: RequestError | null;
  /** Milliseconds until the caller should try again, when the vendor said so. */
  retryAfterMs: number | null;
  parts: readonly VisiblePart[];
  finishReason: FinishReason | null;
  usage: Usage | null;
  provider: string;
  model: string;
  attempts: number;
  costPico: number | null;
  priceReason: string | null;
  /** Left out: the response cache was not asked. */
  cache?: CacheResult;
  /** Told again from the record: whoever asks again by the same key gets the same. */
  replayed?: boolean;
  /** The vendor's own unstreamed body, when its dialect is the door's. */
  body: Buffer | null;
  /** Of a call for vectors that succeeded. */
  vectors?: Vectors;
}

/** Who listens to an attached request. Called only in order, on the event loop; must not throw. */
export interface AnswerListener {
  /** An attempt begins; `restart` is set when what was said so far is void. */
  attempt(start: AttemptStart, restart: string | null): void;
  notice(notice: Notice): void;
  /** The parts of one event of the vendor; `data` is the event's own text when the vendor speaks the door's dialect. */
  event(parts: readonly Part[], data: string | null): void;
  /** The request is committed: from now on the caller may be told its id, and anything else. Before `flush`, or `done`. */
  recorded(): void;
  /** Everything so far may be sent. False pauses the vendor until `resume`. */
  flush(): boolean;
  done(outcome: AttachedOutcome): void;
}

export interface AttachedHandle {
  requestId: string;
  /** The connection closed: the request is cancelled. */
  leave(): void;
  /** The connection can take more. */
  resume(): void;
  /** Another caller asks the same: it is told everything from the beginning. Null when the end has been told already. */
  join(listener: AnswerListener): AttachedHandle | null;
}

export interface AttachedInput {
  submission: Submission;
  /** Whether the vendor is asked for a stream. */
  stream: boolean;
  /** The door's dialect: events of a vendor of the same dialect come with their raw text. */
  door: DialectName;
  /** The caller's own headers that vendors of the door's dialect get too, names in lower case (`anthropic-beta`). */
  passHeaders?: Record<string, string>;
  listener: AnswerListener;
  /** Told before anything else, when the request was let in: headers for its answer. */
  admitted?(headers: Readonly<Record<string, string>>): void;
  /** Told when it has ended, whoever still listens. */
  over?(): void;
}

/** What admission decided. */
export interface Admitted {
  plan: RunPlan;
  inputTokens: number;
  estimatePico: number | null;
  priceVersion: string | null;
  /** Left out: nothing limits it. Must come to its end, whatever happens. */
  entry?: Entry;
}
