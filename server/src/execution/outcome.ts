/** What goes into one attempt, and what comes of it. */

import type { Dialect, Vectors, WireRequest } from '../contract/dialect.ts';
import type { FinishReason, Part, ProviderFailure, Usage } from '../contract/part.ts';
import type { Provider } from '../contract/provider.ts';

/** All in milliseconds. */
export interface Clocks {
  headersMs: number;
  /** Instead of `headersMs` when the whole answer comes at once: its headers come when it is ready. */
  answerMs: number;
  firstTokenMs: number;
  idleMs: number;
}

export interface AttemptInput {
  dialect: Dialect;
  provider: Provider;
  request: WireRequest;
  stream: boolean;
  /** From the caller's own hop mark, passed on. */
  hop: string | null;
  clocks: Clocks;
  /** Instead of the provider's first key. */
  key?: string;
}

export interface AttemptListener {
  /** Parts of one event; `data` is the event's own text (empty for a whole body), `alike` as its decoder says. */
  event(parts: readonly Part[], data: string, alike: boolean): void;
  /** The end of one read from the socket. False: pause. */
  flush(): boolean;
  done(outcome: AttemptOutcome): void;
}

export interface AttemptOutcome {
  failure: ProviderFailure | null;
  finishReason: FinishReason | null;
  usage: Usage | null;
  firstTokenMs: number | null;
  latencyMs: number;
  /** The vendor took the call: it may cost something whatever came of it. */
  accepted: boolean;
  /** The unstreamed body as it came. */
  body: Buffer | null;
  /** Of a call for vectors. */
  vectors?: Vectors;
}

export interface RunningAttempt {
  /** Closes the upstream socket; `done` is not called. */
  abort(): AttemptOutcome;
  resume(): void;
}
