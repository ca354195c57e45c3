/**
 * Answers that were given, and answers that are being given, for calls that ask for the same. Of one process; off unless
 * `goblin.yaml` switches it on. Only whole answers are kept, for a time; the least used go first.
 *
 * Every answer is a feed: what was said, from the beginning, and how it ended. A kept answer is a feed at its end; one
 * that runs is followed by all who ask the same meanwhile, so that the vendor is asked once.
 */

import type { Dialect, Notice } from '../contract/dialect.ts';
import { type FinishReason, isVisible, type Part, type ProviderFailure, type Usage } from '../contract/part.ts';

export interface CacheRules {
  ttlMs: number;
  /** Of everything that is kept. */
  maxBytes: number;
}

/** One thing that was said. `data` is the vendor's own text of an event, for doors of its dialect; empty: there is none. */
export type Said = { notice: Notice } | { parts: readonly Part[]; data: string; dialect: Dialect };

export type FeedEnd =
  | { ok: true; finishReason: FinishReason; usage: Usage; body: Buffer | null }
  /** `stopped`: by its caller or its process, so nothing is known of the vendor. */
  | { ok: false; failure: ProviderFailure; stopped: boolean };

export interface Ear {
  hear(said: Said): void;
  /** What was heard may be told; or it is over. */
  news(): void;
}

export interface Feed {
  /** The request that asked the vendor. */
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  /** When it was asked; of a kept answer, when that was whole. Milliseconds since the epoch. */
  readonly at: number;
  readonly end: FeedEnd | null;
  /** Hears at once what was said so far, and later the rest. Gives back what ends it. */
  follow(ear: Ear): () => void;
}

export type Found = 'hit' | 'shared' | 'miss';

/** As `GET /mcp/v1/admin/metrics` shows it. Counts are since the start. */
export interface CacheNumbers {
  entries: number;
  bytes: number;
  hits: number;
  shared: number;
  misses: number;
}

export interface ResponseCache {
  /** A kept answer, or one that is being given in a way that serves: a stream serves also who waits for the whole. */
  find(key: string, stream: boolean): Feed | null;
  /** False when another one leads already. `leave` takes it out again. */
  lead(key: string, stream: boolean, feed: Feed): { leave(): void } | null;
  /** Keeps a whole answer. */
  keep(key: string, of: Pick<Feed, 'id' | 'provider' | 'model'>, said: readonly Said[], end: FeedEnd): void;
  /** Drops the answer that was given to a request. */
  forget(id: string): void;
  /** Drops all answers. */
  clear(): void;
  /** A request found a kept answer, follows a running one, or asks the vendor. */
  count(result: Found): void;
  numbers(): CacheNumbers;
}

export interface CacheDeps {
  now?: () => number;
  /** Told of every count, for metrics. */
  counted?: (result: Found) => void;
}

/** An answer larger than this part of the whole is not worth the others. */
const LARGEST_SHARE = 8;
/** Beside its text, for each entry and each thing that was said. */
const ENTRY_BYTES = 500;
const SAID_BYTES = 150;

interface Entry {
  feed: Feed;
  bytes: number;
  until: number;
}

export function createResponseCache(rules: CacheRules, { now = Date.now, counted }: CacheDeps = {}): ResponseCache {
  const { maxBytes, ttlMs } = rules;
  const entries = new Map<string, Entry>();
  const running = new Map<string, Feed>();
  const counts: Record<Found, number> = { hit: 0, shared: 0, miss: 0 };
  let bytes = 0;
  let swept = now();

  function drop(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    bytes -= entry.bytes;
  }

  /** Answers do not lie about after their time. */
  function sweep(): void {
    const at = now();
    if (Math.abs(at - swept) < ttlMs / 4) return;
    swept = at;
    for (const [key, { until }] of entries) if (until <= at) drop(key);
  }

  function kept(key: string): Feed | null {
    const entry = entries.get(key);
    if (entry === undefined) return null;
    // A clock that was put back must not keep it longer.
    if (entry.until <= now() || entry.until > now() + ttlMs) {
      drop(key);
      return null;
    }
    entries.delete(key);
    entries.set(key, entry);
    return entry.feed;
  }

  const way = (key: string, stream: boolean): string => (stream ? `${key} stream` : key);

  return {
    find(key, stream) {
      sweep();
      return kept(key) ?? running.get(way(key, true)) ?? (stream ? null : (running.get(way(key, false)) ?? null));
    },

    lead(key, stream, feed) {
      const place = way(key, stream);
      if (running.has(place)) return null;
      running.set(place, feed);
      return {
        leave() {
          if (running.get(place) === feed) running.delete(place);
        },
      };
    },

    keep(key, { id, provider, model }, said, end) {
      const body = end.ok ? (end.body?.length ?? 0) : 0;
      const size = said.reduce((sum, one) => sum + bytesOf(one), ENTRY_BYTES + body);
      sweep();
      drop(key);
      if (size > maxBytes / LARGEST_SHARE) return;
      const feed: Feed = { id, provider, model, at: now(), end, follow: ({ hear }) => tellAll(said, hear) };
      entries.set(key, { feed, bytes: size, until: feed.at + ttlMs });
      bytes += size;
      for (const [oldest] of entries) {
        if (bytes <= maxBytes) break;
        drop(oldest);
      }
    },

    forget(id) {
      for (const [key, { feed }] of entries) if (feed.id === id) drop(key);
    },

    clear() {
      for (const key of [...entries.keys()]) drop(key);
    },

    count(result) {
      counts[result]++;
      counted?.(result);
    },

    numbers: () => ({ entries: entries.size, bytes, hits: counts.hit, shared: counts.shared, misses: counts.miss }),
  };
}

function tellAll(said: readonly Said[], hear: (said: Said) => void): () => void {
  for (const one of said) hear(one);
  return () => {};
}

/** About: two bytes for each character, as the engine may keep them. */
export function bytesOf(said: Said): number {
  if ('notice' in said) return SAID_BYTES + 2 * said.notice.detail.length;
  let size = SAID_BYTES + 2 * said.data.length;
  for (const part of said.parts) {
    size += SAID_BYTES;
    if (!isVisible(part)) continue;
    size += 2 * (part.type === 'tool_call' ? part.arguments.length : part.text.length);
    if (part.type !== 'text' && part.vendor) size += 2 * JSON.stringify(part.vendor).length;
  }
  return size;
}
