/** Logs, without whatever looks like a secret, and the numbers of the last minute. Never throws, never blocks. */
import { pino } from 'pino';
import type { Telemetry } from '../contract/ports.ts';
import { scrub, scrubDeep } from '../guard/secrets/scrub.ts';

export interface TargetNumbers {
  provider: string;
  model: string;
  attempts: number;
  errors: number;
  error_rate: number;
  latency_p50_ms: number | null;
  first_token_p50_ms: number | null;
}

export interface Minute {
  requests: Record<string, number>;
  fallbacks: number;
  targets: TargetNumbers[];
}

export interface Recorder extends Telemetry {
  attempt(sample: {
    provider: string;
    model: string;
    ok: boolean;
    latencyMs: number;
    firstTokenMs: number | null;
  }): void;
  /** Another target took over. */
  fellBack(): void;
  ended(state: string): void;
  lastMinute(): Minute;
}

/** Counted beside the states in which requests end. */
const FALLBACK = '(fallback)';
const MINUTE_MS = 60_000;
/** Samples kept for each target; older ones fall out. */
const MOST_SAMPLES = 512;
const MOST_TARGETS = 1000;

/** Columns of numbers, overwritten in a ring: an object for each sample would outlive the young generation and cost its promotion. */
interface Ring {
  provider: string;
  model: string;
  next: number;
  at: Float64Array;
  latencyMs: Float64Array;
  /** NaN when nothing visible came. */
  firstTokenMs: Float64Array;
  ok: Uint8Array;
}

const ring = (provider: string, model: string): Ring => ({
  provider,
  model,
  next: 0,
  at: new Float64Array(MOST_SAMPLES).fill(Number.NEGATIVE_INFINITY),
  latencyMs: new Float64Array(MOST_SAMPLES),
  firstTokenMs: new Float64Array(MOST_SAMPLES),
  ok: new Uint8Array(MOST_SAMPLES),
});

export function createRecorder(level: string): Recorder {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  const targets = new Map<string, Ring>();
  /** Ends by second of the minute: `counts[second % 60]`. */
  const seconds: { second: number; counts: Record<string, number> }[] = Array.from({ length: 60 }, () => ({
    second: -1,
    counts: {},
  }));

  function tally(what: string): void {
    const second = Math.floor(performance.now() / 1000);
    const slot = seconds[second % 60];
    if (!slot) return;
    if (slot.second !== second) {
      slot.second = second;
      slot.counts = {};
    }
    slot.counts[what] = (slot.counts[what] ?? 0) + 1;
  }

  return {
    count() {},
    time() {},
    log(severity, message, fields) {
      if (logger.isLevelEnabled(severity)) logger[severity](scrubDeep(fields ?? {}), scrub(message));
    },
    attempt({ provider, model, ok, latencyMs, firstTokenMs }) {
      const name = `${provider}\n${model}`;
      let target = targets.get(name);
      if (!target) {
        if (targets.size >= MOST_TARGETS) targets.delete(targets.keys().next().value as string);
        target = ring(provider, model);
        targets.set(name, target);
      }
      const i = target.next;
      target.next = (i + 1) % MOST_SAMPLES;
      target.at[i] = performance.now();
      target.latencyMs[i] = latencyMs;
      target.firstTokenMs[i] = firstTokenMs ?? Number.NaN;
      target.ok[i] = ok ? 1 : 0;
    },
    fellBack: () => tally(FALLBACK),
    ended: tally,
    lastMinute() {
      const now = performance.now();
      const requests: Record<string, number> = {};
      for (const { second, counts } of seconds) {
        if (second < 0 || now - second * 1000 > MINUTE_MS) continue;
        for (const [state, n] of Object.entries(counts)) requests[state] = (requests[state] ?? 0) + n;
      }
      const { [FALLBACK]: fallbacks = 0, ...states } = requests;
      return {
        requests: states,
        fallbacks,
        targets: [...targets.values()].map((target) => {
          const recent = [...target.at.keys()].filter((i) => now - (target.at[i] as number) <= MINUTE_MS);
          const good = recent.filter((i) => target.ok[i] === 1);
          const first = recent.map((i) => target.firstTokenMs[i] as number).filter((ms) => !Number.isNaN(ms));
          const errors = recent.length - good.length;
          return {
            provider: target.provider,
            model: target.model,
            attempts: recent.length,
            errors,
            error_rate: recent.length === 0 ? 0 : errors / recent.length,
            latency_p50_ms: median(good.map((i) => target.latencyMs[i] as number)),
            first_token_p50_ms: median(first),
          };
        }),
      };
    },
  };
}

function median(values: number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] as number) * 10) / 10;
}
