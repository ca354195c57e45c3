/** An answer while it is being given: told to those who ask the same, whenever they come. */

import type { Dialect, Notice } from '../contract/dialect.ts';
import { isVisible, type ProviderFailure, type VisiblePart } from '../contract/part.ts';
import { bytesOf, type Ear, type Feed, type FeedEnd, type Said } from './cache.ts';

export interface Live {
  readonly feed: Feed;
  say(said: Said): void;
  /** What was said so far may be told. */
  flush(): void;
  /** Whether others hear it: whether its own caller reads slowly, or leaves, must not matter to them. */
  followed(): boolean;
  /** Those who hear it go their own ways. Nothing after the first end. */
  fail(failure: ProviderFailure, stopped: boolean): void;
  done(end: FeedEnd): void;
  /** What was said is void, or belongs to an attempt that failed. */
  clear(): void;
  /** Everything, as it is to be kept; null when it is too long for that. `parts`: what it came to. */
  said(parts: readonly VisiblePart[]): readonly Said[] | null;
}

export interface LiveInput {
  id: string;
  provider: string;
  model: string;
  at: number;
  /** The vendor's own words are kept too: they hold more than their parts. */
  verbatim: boolean;
  /** What was shown until now. */
  shown(): readonly VisiblePart[];
  /** It is over, or nobody new may follow. */
  closed(): void;
  /** The last one who heard it has gone, before its end. */
  alone(): void;
}

/** Words of a vendor that are kept for those who come late; a longer answer is heard by its own caller alone. Bytes. */
const LONGEST = 8 * 1024 * 1024;

export function createLive(input: LiveInput): Live {
  const { id, provider, model, at, verbatim } = input;
  const ears = new Set<Ear>();
  const notices: Notice[] = [];
  let spoken: Dialect | null = null;
  /** With `verbatim`. */
  let words: Said[] = [];
  let size = 0;
  let end: FeedEnd | null = null;

  const inShort = (parts: readonly VisiblePart[]): Said[] => [
    ...notices.map((notice) => ({ notice })),
    ...(spoken === null || parts.length === 0 ? [] : [{ parts, data: '', dialect: spoken }]),
  ];

  function over(how: FeedEnd): void {
    if (end !== null) return;
    end = how;
    input.closed();
    const all = [...ears];
    ears.clear();
    for (const ear of all) ear.news();
  }

  return {
    feed: {
      id,
      provider,
      model,
      at,
      get end() {
        return end;
      },
      follow(ear) {
        for (const one of verbatim ? words : inShort(input.shown())) ear.hear(one);
        ears.add(ear);
        return () => {
          if (ears.delete(ear) && ears.size === 0 && end === null) input.alone();
        };
      },
    },

    say(said) {
      if ('notice' in said) notices.push(said.notice);
      else spoken = said.dialect;
      if (verbatim && size <= LONGEST) {
        words.push(said);
        size += bytesOf(said);
        if (size > LONGEST) {
          words = [];
          over({ ok: false, failure: { code: 'interrupted', detail: 'too long to be shared' }, stopped: true });
        }
      }
      if (ears.size === 0) return;
      const heard = verbatim || 'notice' in said ? said : { ...said, data: '', parts: said.parts.filter(isVisible) };
      if ('parts' in heard && heard.parts.length === 0) return;
      for (const ear of ears) ear.hear(heard);
    },

    flush() {
      for (const ear of [...ears]) ear.news();
    },

    followed: () => ears.size > 0,
    fail: (failure, stopped) => over({ ok: false, failure, stopped }),
    done: over,

    clear() {
      notices.length = 0;
      words = [];
      size = 0;
    },

    said: (parts) => (verbatim ? (size > LONGEST ? null : words) : inShort(parts)),
  };
}
