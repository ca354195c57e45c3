/** How one target has done lately: how often it failed, how fast it answers. */
import type { ErrorCode } from '../contract/errors.ts';
import { ERRORS } from '../contract/errors.ts';
import { Median } from './median.ts';
import { type SlotRow, Window } from './window.ts';

/** What came of one call. */
export interface Outcome {
  /** Null: it succeeded. */
  code: ErrorCode | null;
  /** How long the provider asked us to wait. */
  retryAfterMs?: number;
  /** Null when nothing visible came. */
  firstTokenMs: number | null;
  latencyMs: number;
  /** As the provider reported them, all tokens and those of the answer; null when it did not. */
  tokens: number | null;
  outputTokens: number | null;
  /** Whether the answer came in pieces: only then do first token and speed mean anything. */
  streamed: boolean;
}

/**
 * `good`: it answered. `fault`: it is to blame. `alive`: it refused this call, for a reason that says nothing against its
 * health (a wrong prompt, a limit). `nothing`: nothing was learnt of it.
 */
export type Verdict = 'good' | 'fault' | 'alive' | 'nothing';

/** Codes that say neither that the target works nor that it does not. */
const SILENT: ReadonlySet<ErrorCode> = new Set(['upstream_redirect', 'unsupported_by_target']);

/** `slowMs`: from when on a first token comes too late to be called an answer; 0 means never. */
export function judge(outcome: Outcome, slowMs: number): Verdict {
  const { code, firstTokenMs, latencyMs } = outcome;
  const slow = slowMs > 0 && outcome.streamed && (firstTokenMs ?? latencyMs) > slowMs;
  if (code === null) return slow ? 'fault' : 'good';
  if (ERRORS[code].breaker) return 'fault';
  // A caller who has waited longer than the threshold and gone has seen the same as one who stayed.
  if (code === 'cancelled') return slow ? 'fault' : 'nothing';
  return (code.startsWith('upstream_') || code === 'content_filter') && !SILENT.has(code) ? 'alive' : 'nothing';
}

export interface Speed {
  firstTokenMs: number | null;
  latencyMs: number | null;
  tokensPerS: number | null;
}

/** What a process tells the others of one target. */
export interface StatsSummary extends Speed {
  rows: readonly SlotRow[];
}

const NO_SPEED: Speed = { firstTokenMs: null, latencyMs: null, tokensPerS: null };
/** What nobody has measured for so long is not known any more. */
export const STALE_MS = 10 * 60_000;
/** As many answers make a speed. */
export const ENOUGH = 3;
/** Shorter answers have no speed of their own: they come in one piece. */
const SPEED_TOKENS = 16;
const SPEED_MS = 100;

export class Stats {
  readonly window: Window;
  readonly #firstToken = new Median();
  readonly #latency = new Median();
  #tokensPerS: number | null = null;
  #samples = 0;
  #measured = 0;
  #others: Map<string, { speed: Speed; at: number }> | null = null;

  constructor(windowMs: number) {
    this.window = new Window(windowMs);
  }

  observe(verdict: Verdict, outcome: Outcome, now: number): void {
    if (verdict === 'nothing') return;
    this.window.add(now, 1, verdict === 'fault' ? 1 : 0);
    if (outcome.code !== null) return;
    if (now - this.#measured > STALE_MS) this.#clear();
    this.#measured = now;
    this.#samples++;
    this.#latency.add(outcome.latencyMs);
    if (!outcome.streamed || outcome.firstTokenMs === null) return;
    this.#firstToken.add(outcome.firstTokenMs);
    const { outputTokens } = outcome;
    const spoke = outcome.latencyMs - outcome.firstTokenMs;
    if (outputTokens === null || outputTokens < SPEED_TOKENS || spoke < SPEED_MS) return;
    const speed = (outputTokens * 1000) / spoke;
    this.#tokensPerS = this.#tokensPerS === null ? speed : this.#tokensPerS + (speed - this.#tokensPerS) / 16;
  }

  /** Answers that its speed was measured by, not counting those of other processes. */
  samples(now: number): number {
    return now - this.#measured > STALE_MS ? 0 : this.#samples;
  }

  /** Whether there is a measure to go by: its own, or another process's. */
  known(now: number): boolean {
    return this.samples(now) >= ENOUGH || this.#heard(now) !== null;
  }

  /** Its own measure, if there is enough of it, else that of the process that spoke last. */
  speed(now: number): Speed {
    const own = this.samples(now);
    return (own >= ENOUGH ? null : this.#heard(now)) ?? (own === 0 ? NO_SPEED : this.#own());
  }

  summary(now: number): StatsSummary {
    return { rows: this.window.rows(now), ...(this.samples(now) === 0 ? NO_SPEED : this.#own()) };
  }

  hear(process: string, summary: StatsSummary, at: number): void {
    this.window.hear(process, summary.rows);
    const { firstTokenMs, latencyMs, tokensPerS } = summary;
    this.#others ??= new Map();
    if (latencyMs === null) this.#others.delete(process);
    else this.#others.set(process, { speed: { firstTokenMs, latencyMs, tokensPerS }, at });
  }

  forgetProcess(process: string): void {
    this.window.hear(process, []);
    this.#others?.delete(process);
  }

  #heard(now: number): Speed | null {
    if (this.#others === null) return null;
    let best: { speed: Speed; at: number } | null = null;
    for (const other of this.#others.values()) {
      if (now - other.at < STALE_MS && other.at > (best?.at ?? 0)) best = other;
    }
    return best?.speed ?? null;
  }

  #own(): Speed {
    return {
      firstTokenMs: this.#firstToken.value(),
      latencyMs: this.#latency.value(),
      tokensPerS: this.#tokensPerS,
    };
  }

  #clear(): void {
    this.#firstToken.clear();
    this.#latency.clear();
    this.#tokensPerS = null;
    this.#samples = 0;
  }
}

/** Milliseconds that an answer of 200 tokens takes; null when nobody knows. */
export function expectedMs(speed: Speed): number | null {
  if (speed.firstTokenMs === null) return speed.latencyMs;
  return speed.firstTokenMs + 200_000 / (speed.tokensPerS ?? 50);
}
