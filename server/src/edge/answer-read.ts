/** A call at a door, read and not yet begun. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Caller } from '../contract/caller.ts';
import type { DoorDecoded } from '../contract/dialect.ts';
import { GoblinError } from '../contract/errors.ts';
import type { Submission } from '../contract/flow.ts';
import { canonicalHash, idempotencyKey } from './body.ts';
import { readDoorHeaders } from './door-headers.ts';

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

/** What is asked for on the connection, with what the headers say of it. Throws `invalid_request`. */
export function submissionOf(
  caller: Caller,
  given: IncomingHttpHeaders,
  body: Record<string, unknown>,
  { call, stream, user, metadata }: Read,
  taskTypes: readonly string[],
): Submission {
  const headers = readDoorHeaders(given, stream, taskTypes, call.kind === 'embed' ? 'embed' : 'chat');
  const key = idempotencyKey(given['idempotency-key']);
  return {
    kind: call.kind,
    mode: 'attached',
    call,
    taskType: headers.taskType,
    hints: [],
    priority: 5,
    userId: headers.user ?? user ?? caller.user,
    notBefore: null,
    deadlineMs: headers.deadlineMs,
    failover: headers.failover,
    callbackUrl: null,
    labels: headers.labels,
    metadata: metadata ?? null,
    idempotency: key === null ? null : { key, bodyHash: canonicalHash(body) },
    ...(headers.cacheOff ? { cache: false } : {}),
  };
}

/** Where a call goes and with which key is the operator's to say: a caller's own would go to whoever is chosen. */
const FOREIGN = ['base_url', 'api_base', 'api_key', 'api_version'];

/** Throws `invalid_request`. */
export function refuseForeignTargets(body: Record<string, unknown>): void {
  const errors = FOREIGN.filter((name) => Object.hasOwn(body, name)).map((path) => ({
    path,
    message: 'is not taken from callers: the provider is chosen by model, its address and key by goblin.yaml',
  }));
  const [first] = errors;
  if (first) throw new GoblinError('invalid_request', `${first.path} ${first.message}.`, { errors });
}
