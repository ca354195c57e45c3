/** A call at a door, read and not yet begun. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Caller } from '../contract/caller.ts';
import type { DoorDecoded } from '../contract/dialect.ts';
import type { Submission } from '../contract/flow.ts';

/** What the caller says, and what only some dialects can say. */
export type Read = DoorDecoded & { background?: boolean; metadata?: Record<string, unknown> | null };

export interface Come {
  caller: Caller;
  given: IncomingHttpHeaders;
  bytes: unknown;
  res: ServerResponse;
  id: string;
  body: Record<string, unknown>;
  read: Read;
}

/** One that may be answered in another way than on its connection. */
export interface Detached {
  caller: Caller;
  /** As of an attached request. */
  submission: Submission;
  read: Read;
  res: ServerResponse;
  /** It is not taken. */
  refuse(error: unknown): void;
  /** It is taken, and that cannot be told. */
  fail(error: unknown): void;
}
