/** Hears another's answer from its beginning, at the pace of its own caller. */
import type { AnswerCall } from '../contract/call.ts';
import { type FinishReason, isVisible, type ProviderFailure, type Usage, type VisiblePart } from '../contract/part.ts';
import { estimateUsage } from '../money/estimate.ts';
import { createAssembly } from './assembly.ts';
import { bytesOf, type Feed, type Said } from './cache.ts';
import type { RunSink } from './terms.ts';

export interface Heard {
  /** Null when it was whole, and when it was stopped. */
  failure: ProviderFailure | null;
  answer: { finishReason: FinishReason; body: Buffer | null } | null;
  /** Of a part of an answer it is estimated; null when nothing was shown. */
  usage: Usage | null;
  firstTokenMs: number | null;
  latencyMs: number;
}

export interface Following {
  done: Promise<Heard>;
  /** `done` resolves with what it had come to. */
  stop(): void;
  /** The caller can take more. */
  resume(): void;
  parts(): VisiblePart[];
  text(): string;
}

/** What may wait for a caller who reads slowly; then he goes on by himself. Bytes. */
const MOST_WAITING = 8 * 1024 * 1024;

export function follow(feed: Feed, call: AnswerCall, sink: RunSink): Following {
  const started = performance.now();
  const assembly = createAssembly();
  let resolve: (heard: Heard) => void = () => {};
  const done = new Promise<Heard>((settle) => {
    resolve = settle;
  });
  let waiting: Said[] = [];
  let size = 0;
  let over = false;
  let paused = false;
  let firstTokenMs: number | null = null;
  let leave = (): void => {};

  function finish(how: Pick<Heard, 'failure' | 'answer'>, usage: Usage | null): void {
    if (over) return;
    over = true;
    leave();
    resolve({ ...how, usage, firstTokenMs, latencyMs: performance.now() - started });
  }

  const soFar = (): Usage | null => (assembly.any() ? estimateUsage(call, assembly.shown(), assembly.pieces()) : null);

  function tell(said: Said): void {
    if ('notice' in said) {
      sink.notice(said.notice);
      return;
    }
    for (const part of said.parts) {
      if (!isVisible(part)) continue;
      firstTokenMs ??= performance.now() - started;
      assembly.add(part);
    }
    sink.event(said.parts, said.data, said.dialect);
  }

  function pump(): void {
    if (over || paused) return;
    const { end } = feed;
    // What was not heard yet of an answer that broke is not shown.
    if (end !== null && !end.ok) {
      finish({ failure: end.failure, answer: null }, soFar());
      return;
    }
    const said = waiting;
    waiting = [];
    size = 0;
    for (const one of said) tell(one);
    paused = !sink.flush();
    if (end !== null) finish({ failure: null, answer: { finishReason: end.finishReason, body: end.body } }, end.usage);
  }

  leave = feed.follow({
    hear(said) {
      waiting.push(said);
      if (!paused) return;
      size += bytesOf(said);
      if (size > MOST_WAITING) {
        finish(
          { failure: { code: 'interrupted', detail: 'the caller reads too slowly to share' }, answer: null },
          soFar(),
        );
      }
    },
    news: pump,
  });
  pump();
  return {
    done,
    stop: () => finish({ failure: null, answer: null }, soFar()),
    resume() {
      paused = false;
      pump();
    },
    parts: assembly.parts,
    text: assembly.text,
  };
}
