/** Logs, and the numbers of the last minute. Never throws, never blocks. */
import { pino } from 'pino';
import type { Telemetry } from '../contract/ports.ts';

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
  ended(state: string): void;
  lastMinute(): Minute;
}

const MINUTE_MS = 60_000;
/** Samples kept for each target; older ones fall out. */
const MOST_SAMPLES = 512;
const MOST_TARGETS = 1000;

interface Sample {
  at: number;
  ok: boolean;
  latencyMs: number;
  firstTokenMs: number | null;
}

export function createRecorder(level: string): Recorder {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
  const targets = new Map<string, { provider: string; model: string; samples: Sample[] }>();
  /** Ends by second of the minute: `counts[second % 60]`. */
  const seconds: { second: number; counts: Record<string, number> }[] = Array.from({ length: 60 }, () => ({
    second: -1,
    counts: {},
  }));

  return {
    count() {},
    time() {},
    log(severity, message, fields) {
      logger[severity](fields ?? {}, message);
    },
    attempt({ provider, model, ok, latencyMs, firstTokenMs }) {
      const name = `${provider}\n${model}`;
      let target = targets.get(name);
      if (!target) {
        if (targets.size >= MOST_TARGETS) targets.delete(targets.keys().next().value as string);
        target = { provider, model, samples: [] };
        targets.set(name, target);
      }
      if (target.samples.length >= MOST_SAMPLES) target.samples.shift();
      target.samples.push({ at: performance.now(), ok, latencyMs, firstTokenMs });
    },
    ended(state) {
      const second = Math.floor(performance.now() / 1000);
      const slot = seconds[second % 60];
      if (!slot) return;
      if (slot.second !== second) {
        slot.second = second;
        slot.counts = {};
      }
      slot.counts[state] = (slot.counts[state] ?? 0) + 1;
    },
    lastMinute() {
      const now = performance.now();
      const requests: Record<string, number> = {};
      for (const { second, counts } of seconds) {
        if (second < 0 || now - second * 1000 > MINUTE_MS) continue;
        for (const [state, n] of Object.entries(counts)) requests[state] = (requests[state] ?? 0) + n;
      }
      return {
        requests,
        targets: [...targets.values()].map(({ provider, model, samples }) => {
          const recent = samples.filter((sample) => now - sample.at <= MINUTE_MS);
          const errors = recent.filter((sample) => !sample.ok).length;
          return {
            provider,
            model,
            attempts: recent.length,
            errors,
            error_rate: recent.length === 0 ? 0 : errors / recent.length,
            latency_p50_ms: median(recent.filter((s) => s.ok).map((s) => s.latencyMs)),
            first_token_p50_ms: median(recent.flatMap((s) => (s.firstTokenMs === null ? [] : [s.firstTokenMs]))),
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
