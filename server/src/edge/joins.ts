/**
 * A retry joins, and never pays again: attached calls of this process that a second one may be about to repeat.
 *
 * With an `Idempotency-Key` the second joins while the first runs (the record answers after that, on any node). Without
 * one, a retry that its client marks as such joins an answer that still runs, or takes one that was complete but did not
 * reach its caller. Nobody joins what was cancelled: that ends with its caller.
 */
import { Bag } from '../contract/bag.ts';
import type { Caller } from '../contract/caller.ts';
import type { AttachedHandle, AttachedOutcome } from '../contract/flow.ts';

export interface Call {
  caller: Caller;
  path: string;
  bytes: Buffer;
  idempotency: { key: string; bodyHash: string } | null;
}

interface Running extends Call {
  handle: AttachedHandle;
}

interface Undelivered extends Call {
  id: string;
  outcome: AttachedOutcome;
  until: number;
}

export interface Joins {
  /** Answers what to call when it has ended. */
  began(call: Call, handle: AttachedHandle): () => void;
  byKey(caller: Caller, key: string): { handle: AttachedHandle; bodyHash: string } | null;
  /** A call of the same key with the same bytes. */
  same(call: Call): { running: AttachedHandle } | { id: string; outcome: AttachedOutcome } | null;
  /** Its answer was complete, and its caller was gone before he had it. */
  undelivered(call: Call, id: string, outcome: AttachedOutcome): void;
}

/** As long as clients try again. */
const KEEP_MS = 120_000;
/** Answers that are kept for that. */
const MOST = 256;
const MOST_BYTES = 32 * 1024 * 1024;

/** Set by the clients of OpenAI and Anthropic: 0 for a first try. */
export function isMarkedRetry(headers: Readonly<Record<string, unknown>>): boolean {
  const count = headers['x-stainless-retry-count'];
  return typeof count === 'string' && /^[1-9]\d{0,3}$/.test(count);
}

export function createJoins(now: () => number = () => performance.now()): Joins {
  const running = new Bag<Running>();
  const keyed = new Map<string, Running>();
  let lost: Undelivered[] = [];

  const nameOf = (caller: Caller, key: string): string => `${caller.tenant}\n${key}`;
  const isSame = (a: Call, b: Call): boolean =>
    a.bytes.length === b.bytes.length &&
    a.path === b.path &&
    a.caller.tenant === b.caller.tenant &&
    a.caller.key === b.caller.key &&
    a.idempotency === null &&
    a.bytes.equals(b.bytes);

  return {
    began(call, handle) {
      const entry: Running = { ...call, handle };
      const place = running.add(entry);
      const name = call.idempotency ? nameOf(call.caller, call.idempotency.key) : null;
      // Of several that begin at once the first is the one that the record takes.
      if (name !== null && !keyed.has(name)) keyed.set(name, entry);
      let on = true;
      return () => {
        if (!on) return;
        on = false;
        running.remove(place);
        if (name !== null && keyed.get(name) === entry) keyed.delete(name);
      };
    },
    byKey(caller, key) {
      const entry = keyed.get(nameOf(caller, key));
      return entry?.idempotency ? { handle: entry.handle, bodyHash: entry.idempotency.bodyHash } : null;
    },
    same(call) {
      for (const entry of running) if (isSame(entry, call)) return { running: entry.handle };
      const at = lost.findIndex((entry) => entry.until > now() && isSame(entry, call));
      const [found] = at === -1 ? [] : lost.splice(at, 1);
      return found ?? null;
    },
    undelivered(call, id, outcome) {
      const entry = { ...call, id, outcome, until: now() + KEEP_MS };
      let size = 0;
      // Newest first, as many as there is room for.
      lost = [entry, ...lost.filter((one) => one.until > now())].slice(0, MOST).filter((one) => {
        size += one.bytes.length + sizeOf(one.outcome);
        return size <= MOST_BYTES;
      });
    },
  };
}

function sizeOf(outcome: AttachedOutcome): number {
  let size = outcome.body?.length ?? 0;
  for (const vector of outcome.vectors ?? []) size += vector.length * 8;
  for (const part of outcome.parts) size += part.type === 'tool_call' ? part.arguments.length : part.text.length;
  return size;
}
