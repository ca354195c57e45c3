/** The words of a run: what it is given, what it needs, whom it tells, how it ends. */
import type { AnswerCall, DialectName } from '../contract/call.ts';
import type { Dialect, Notice, Vectors } from '../contract/dialect.ts';
import type { Entry } from '../contract/entry.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { FinishReason, Part, Usage, VisiblePart } from '../contract/part.ts';
import type { PlannedTarget, Price, Provider } from '../contract/provider.ts';
import type { AttemptEnd, AttemptStart, RequestError, RunPlan } from '../contract/record.ts';
import type { FailoverMode, TerminalState } from '../contract/states.ts';
import type { AnswerShield } from '../guard/answers.ts';
import type { Guardrails } from '../guard/hook.ts';
import type { Transport } from '../providers/transport.ts';
import type { Wheel } from '../providers/wheel.ts';
import type { HealthBook } from '../routing/book.ts';
import type { ResponseCache } from './cache.ts';
import type { Drills } from './drills.ts';
import type { Clocks } from './outcome.ts';

/**
 * Why a run is stopped from outside. `lost`: another process owns it now; nothing more is written. `blocked`: by what it
 * said.
 */
export type StopReason = 'cancelled' | 'expired' | 'timeout' | 'left' | 'lost' | 'drain' | 'unrecorded' | 'blocked';

export interface RunInput {
  id: string;
  call: AnswerCall;
  plan: RunPlan;
  /** Number of the first attempt, after those of earlier epochs. */
  firstAttempt: number;
  /** Earlier attempts that do not count against the limit. */
  unburnt: number;
  stream: boolean;
  failover: FailoverMode;
  /** Whether a long rest may be spent in the queue (detached). */
  requeue: boolean;
  /** An earlier epoch has shown something: say `restart` first. */
  restarted: string | null;
  hop: string | null;
  /** The caller's own headers, for vendors of the dialect in which it speaks. */
  pass?: { dialect: DialectName; headers: Record<string, string> };
  /** Milliseconds that are left of the total limit, and of the caller's deadline. */
  totalMs: number;
  deadlineMs: number | null;
  /** Who asks, and with which key. Left out: nobody's answers are shared with it, and no drill is for it. */
  by?: { tenant: string; key: string | null };
  /** Set when the caller wants an answer of its own. */
  cache?: false;
  /** Holds money for each attempt before it begins. Left out: there is no budget. */
  cover?: Entry['cover'];
  /** Looks for secrets in the answer. Left out: nobody does. */
  answer?: AnswerShield;
  /** Another's answer, which this one followed, has broken off: the run goes on after it. */
  after?: Followed;
}

export interface Followed {
  start: AttemptStart;
  ended: AttemptEnd;
  /** What was shown and is gone on from; empty when there is nothing, or when it is void. */
  parts: readonly VisiblePart[];
  text: string;
  /** What `parts` came to, null without any. */
  usage: Usage | null;
}

export interface RunSink {
  attempt(start: AttemptStart, restart: string | null): void;
  notice(notice: Notice): void;
  event(parts: readonly Part[], data: string, dialect: Dialect): void;
  flush(): boolean;
}

/** Who hears a whole run. */
export interface AnswerSink extends RunSink {
  /** `data`: null where the words are not the vendor's. */
  event(parts: readonly Part[], data: string | null, dialect: Dialect): void;
}

export interface RunDeps {
  transport: Transport;
  wheel: Wheel;
  clocks: Clocks;
  attemptCap: number;
  leaseMs: number;
  /** As it is for the tenant: with keys of its own, if it has any. */
  provider(name: string, tenant: string | undefined): Provider | null;
  price(provider: Provider, model: string): Price | null;
  maxOutput(provider: Provider, model: string): number | undefined;
  /** Undefined: not known. */
  reasons(provider: Provider, model: string): boolean | undefined;
  dialect(provider: Provider): Dialect;
  /**
   * Commits the beginning of an attempt, and that what was said so far is void if `restart` is set; false when the
   * request is no longer ours. Throws when the record is away for too long.
   */
  begin(start: AttemptStart, before: AttemptEnd | null, restart: string | null): Promise<boolean>;
  /** Asks the record whether the request is still ours and goes on. Throws as `begin` does. */
  still(): Promise<boolean>;
  health: HealthBook;
  /** Left out: it is switched off. */
  cache?: ResponseCache;
  drills?: Drills;
  /** Looks at answers. Left out: nobody does. */
  guardrail?: NonNullable<Guardrails['after']>;
  /** Told when another target takes over. */
  fellBack(from: AttemptStart, to: PlannedTarget, code: ErrorCode): void;
  /** Told of every attempt that ended, for metrics. */
  observe(start: AttemptStart, end: AttemptEnd): void;
}

/** What is the same for every run. */
export type SharedRunDeps = Omit<RunDeps, 'begin' | 'still'>;

export interface RunEnd {
  /** Null: nothing may be written (`lost`), or the request goes back to the queue. */
  state: TerminalState | null;
  /** Set with `state` null: how long the request must rest before it runs again. */
  requeueMs: number | null;
  error: RequestError | null;
  retryAfterMs: number | null;
  parts: VisiblePart[];
  text: string;
  finishReason: FinishReason | null;
  usage: Usage | null;
  last: AttemptStart | null;
  attempt: AttemptEnd | null;
  /** Of all attempts of this run; null when one of them has no known price. */
  costPico: number | null;
  latencyMs: number;
  body: Buffer | null;
  /** Of a call for vectors that succeeded. */
  vectors: Vectors | null;
}

export interface Run {
  done: Promise<RunEnd>;
  stop(reason: StopReason): void;
  resume(): void;
  /** What was shown until now, and by which attempt. */
  soFar(): { last: AttemptStart | null; parts: readonly VisiblePart[]; stopped: boolean };
}
