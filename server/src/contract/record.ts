/** What the ledger writes and reads. Times are milliseconds of database time, money is picodollars (1e-12 USD). */
import type { Call, Kind } from './call.ts';
import type { Role } from './caller.ts';
import type { ErrorCode } from './errors.ts';
import type { FinishReason, FrameBody, Usage } from './part.ts';
import type { PlannedTarget } from './provider.ts';
import type { FailoverMode, Mode, TerminalState } from './states.ts';

/** What is kept out of the hot row: the call and what belongs to its content. */
export interface StoredBody {
  call: Call;
  hints: string[];
  /** Those that its key may ask (`identity/models.ts`); left out: all. */
  models?: readonly string[];
  metadata: Record<string, unknown> | null;
  /** Who asked (`askerOf`); left out: nobody knows. */
  by?: string;
  /** The same for policies, and what they saw of it; of requests that wait in the queue. */
  asker?: StoredAsker;
  /** What the placeholders in it stand for, encrypted (`guard/vault.ts`). */
  vault?: string;
  /** Set when the caller wants an answer of its own, not one from the response cache. */
  cache?: false;
  /** That rate limits have set aside for it; left out: none. */
  tokens?: number;
  /** Tokens that its prompt has at most, as it was held for; left out: as many as it has bytes. */
  inputTokens?: number;
}

export interface StoredAsker {
  user: string;
  team?: string;
  roles?: readonly Role[];
  dataClass?: string;
}

/** Money that a request holds of a process's slice of a budget. Picodollars, 1 at least. */
export interface Hold {
  slice: number;
  pico: number;
}

export interface Acceptance {
  id: string;
  keyId: string | null;
  kind: Kind;
  mode: Mode;
  priority: number;
  taskType: string;
  model: string | null;
  /** 32 hex digits: the first 128 bits of HMAC-SHA256 of the user id. */
  userHash: string;
  /** Which secret made `userHash`. */
  userKeyId: string;
  /** Absolute, in milliseconds since the epoch; null means now. */
  notBefore: number | null;
  /** Milliseconds from acceptance after which the request ends `expired`. */
  deadlineMs: number | null;
  failover: FailoverMode;
  callbackUrl: string | null;
  labels: Record<string, string> | null;
  idempotency: { key: string; bodyHash: string } | null;
  body: StoredBody;
  estimatePico: number | null;
  priceVersion: string | null;
  /** Id of the team for which the caller acts. */
  team?: string;
  /** What it holds of budgets. One whose slice is gone is refused by the database (`23503`). */
  holds?: readonly Hold[];
  /** Set by the ledger once it went to the database: another try with the same object first looks whether it got there. */
  sent?: boolean;
  /** Set with it: milliseconds by the database's clock, from which on it is not taken. Left out: it is not lost on its way. */
  until?: number;
}

/**
 * `replayed`: the idempotency key had been used with the same body. `mismatch`: with another one. `full`: too many of
 * the tenant, or in all, wait already.
 */
export type Accepted =
  | { outcome: 'accepted' | 'replayed'; id: string; createdAt: number; estimatePico: number | null }
  | { outcome: 'mismatch' }
  | { outcome: 'full'; of: 'tenant' | 'all' }
  /** It came to the database so late that its caller may have been told 503: nothing is stored. */
  | { outcome: 'late' };

/** How the targets of a request were chosen, and why others were not. */
export interface StoredPlan {
  targets: PlannedTarget[];
  dropped: { provider: string; model: string; reason: string }[];
  /** Left out: no policy concerned it. */
  policy?: PolicyDecision;
}

/** What policies had to say of a request that they let in. */
export interface PolicyDecision {
  /** Which sets, each with its version. */
  versions: string[];
  /** Ids of the policies that decided. */
  by: string[];
  reason?: string;
  /** What the scanner finds must be replaced before anything is sent. */
  redact?: true;
}

/** A plan as a run goes by it. */
export interface RunPlan extends StoredPlan {
  /** Dropped for their health alone: asked after the others, if they are well by then. */
  unwell?: readonly PlannedTarget[];
  /** Set when every target rests, as its vendor asked: milliseconds until the first call. */
  restMs?: number;
  /** What the route says for requests that do not say it themselves. */
  failover?: FailoverMode;
  /** Set when the route keeps its requests out of the response cache. */
  cache?: false;
  /** The same for all requests of a conversation; null: it is the only one. */
  conversation: number | null;
  /** By which keys are drawn. */
  seed: number;
}

export interface AttemptStart {
  attempt: number;
  provider: string;
  model: string;
  reason: string;
  /** What the input costs by estimate, and each token of the answer: by these a lost attempt is charged. Null: no known price. */
  inputPico: number | null;
  outputPico: number | null;
  /** Which of the provider's keys, when it has several. */
  keyRef?: string;
  /** Whether the answer comes from the response cache. Left out: the cache was not asked. Not recorded. */
  cache?: CacheResult;
  /** With the first attempt of a process, unless there was nothing to choose from. */
  plan?: StoredPlan;
  /** What it holds of budgets, beyond what the request holds already. */
  holds?: readonly Hold[];
}

export type CacheResult = 'hit' | 'miss';

export interface AttemptEnd {
  attempt: number;
  status: 'succeeded' | 'failed' | 'cancelled';
  firstTokenMs: number | null;
  latencyMs: number;
  usage: Usage | null;
  costPico: number | null;
  priceVersion: string | null;
  error: AttemptError | null;
}

export interface AttemptError {
  code: ErrorCode;
  upstream_status?: number;
  detail: string;
}

/** An attached request begins: accept, claim and first attempt are one insert. */
export interface Opening extends Acceptance {
  owner: string;
  attempt: AttemptStart;
}

/** A request that this worker may run. */
export interface Claim {
  id: string;
  tenant: string;
  /** Id of the API key that submitted it, null when there was none. */
  keyId: string | null;
  epoch: number;
  taskType: string;
  failover: FailoverMode;
  /** Attempts that earlier epochs began, and how many of them do not count against the limit. */
  attempts: number;
  unburnt: number;
  /** Highest frame number that exists. */
  lastSeq: number;
  /** An earlier epoch showed something of an answer. */
  shown: boolean;
  /** Milliseconds since the first claim. */
  runningForMs: number;
  deadlineInMs: number | null;
  callbackUrl: string | null;
  body: StoredBody;
}

export interface FrameWrite {
  id: string;
  tenant: string;
  epoch: number;
  /** With no frames: the number that the next one would have. */
  firstSeq: number;
  /** UTC day of writing, the same when the write is sent again. */
  day: string;
  frames: FrameBody[];
}

/** Field of a stored message, and of a frame, with what its own placeholders stand for, encrypted. No caller sees it. */
export const SEALED = 'sealed';

export interface StoredFrame {
  seq: number;
  /** The whole frame as JSON text, `seq` included. */
  json: string;
  type: FrameBody['type'];
}

export interface StoredResult {
  text: string;
  /** OpenAI-shaped assistant message. */
  message: Record<string, unknown>;
  finishReason: FinishReason;
  provider: string;
  model: string;
  usage: Usage;
  costPico: number | null;
  priceVersion: string | null;
  latencyMs: number;
}

export interface Settlement {
  id: string;
  tenant: string;
  epoch: number;
  /** The process that runs it. */
  owner: string;
  state: TerminalState;
  error: RequestError | null;
  /** Present exactly when `state` is `succeeded`. */
  result: StoredResult | null;
  /** The request wants a call-back. */
  callback: boolean;
  /** Text shown before the request ended in another way. */
  partialText: string | null;
  attempt: AttemptEnd | null;
  /** The last frames, `end` included; empty for attached requests. `day` as in `FrameWrite`. */
  firstSeq: number;
  day: string;
  frames: FrameBody[];
}

/**
 * `busy`: the request is not over, or what it cost is not written yet. `shared`: long texts of the body are kept once
 * for the tenant and the day, as other requests may hold them too; they go with the bodies of that day.
 */
export type Erased = { outcome: 'busy' } | { outcome: 'erased'; shared: boolean };

export interface RequestError {
  code: ErrorCode;
  message: string;
  upstream_status?: number;
}
