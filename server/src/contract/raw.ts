/** Raw calls: any other path of a vendor, sent on as it came and answered as it comes. */
import type { Caller } from './caller.ts';
import type { Entry } from './entry.ts';
import type { GoblinError } from './errors.ts';
import type { Provider } from './provider.ts';
import type { Acceptance, PolicyDecision } from './record.ts';

export const RAW_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type RawMethod = (typeof RAW_METHODS)[number];

/** Stands for the model of a raw call, and for its task type. */
export const RAW = 'raw';

export interface RawCall {
  provider: string;
  method: RawMethod;
  /** Below the provider's base URL, its query included; begins with a slash. Cannot leave that place. */
  path: string;
  /** What the vendor gets of the caller's headers, names in lower case. */
  headers: Record<string, string>;
  body: Buffer | null;
  /** An end user's label; stored only as a hash. */
  userId: string;
  labels: Record<string, string> | null;
  deadlineMs: number | null;
  /** A call with a key runs once: its answer is not kept, so it cannot be told again. */
  idempotency: { key: string; bodyHash: string } | null;
}

/** What admission decided. */
export interface RawAdmitted {
  provider: Provider;
  /** Picodollars for a call that the vendor takes. */
  pico: number;
  priceVersion: string;
  acceptance: Acceptance;
  /** Left out: no policy concerned it. */
  policy?: PolicyDecision;
  /** Left out: nothing limits it. Must come to its end, whatever happens. */
  entry?: Entry;
}

export interface RawAnswer {
  status: number;
  /** As the vendor sent them, names in lower case. */
  headers: Record<string, string>;
  /** Picodollars. */
  costPico: number;
}

/** Who waits for the answer. Called in this order, on the event loop; must not throw. */
export interface RawListener {
  /** Nobody listens any more. */
  gone(): boolean;
  head(answer: RawAnswer): void;
  /** False pauses the vendor until `resume`. */
  data(chunk: Buffer): boolean;
  /** The whole answer is there. */
  end(): void;
  /** In place of `end`: what came so far, if anything did, is not whole. */
  fail(error: GoblinError): void;
}

export interface RawHandle {
  /** The connection closed: the call is cancelled. */
  leave(): void;
  /** The connection can take more. */
  resume(): void;
}

/** Rejects with a `GoblinError` for every refusal; then nothing was sent. */
export type RunRaw = (
  caller: Caller,
  id: string,
  call: RawCall,
  hop: string | null,
  listener: RawListener,
) => Promise<RawHandle>;
