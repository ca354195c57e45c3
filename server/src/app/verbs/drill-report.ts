/** What came of the requests of a fire drill, in words. */
import { columns } from './flags.ts';

export interface Attempt {
  provider: string;
  model: string;
  status: string;
  first_token_ms: number | null;
  reason: string;
  error: { code: string } | null;
}

export interface Case {
  id: string | null;
  /** From the call to the last byte. */
  ms: number;
  status: string;
  attempts: readonly Attempt[];
  /** Its stream said that what was shown is void. */
  restarted: boolean;
  costUsd: number | null;
  error: string | null;
}

export interface DrillRun {
  provider: string;
  fault: string;
  cases: readonly Case[];
  /** How many were to be sent. */
  asked: number;
}

/**
 * - `saved`: another attempt answered before anything was shown.
 * - `continued`: it broke off after something was shown, and another attempt went on from there.
 * - `restarted`: it broke off after something was shown, which was declared void.
 * - `failed`: there was no answer.
 * - `untouched`: it had nothing to do with the provider.
 */
export const OUTCOMES = ['saved', 'continued', 'restarted', 'failed', 'untouched'] as const;
export type Outcome = (typeof OUTCOMES)[number];

const MEANINGS: Readonly<Record<Outcome, string>> = {
  saved: 'another attempt answered, before anything was shown',
  continued: 'went on from what was shown',
  restarted: 'began anew, and said so',
  failed: 'no answer, or half of one',
  untouched: 'went elsewhere at once',
};

export function outcomeOf({ status, attempts, restarted }: Case, provider: string): Outcome {
  if (status !== 'succeeded') return 'failed';
  const met = attempts.filter((attempt) => attempt.provider === provider && attempt.reason.includes('fire drill'));
  if (met.length === 0) return 'untouched';
  if (restarted) return 'restarted';
  return attempts.slice(0, -1).some((attempt) => attempt.first_token_ms !== null) ? 'continued' : 'saved';
}

/** `share` from 0 to 1; null without any. Nearest rank. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

export function report(run: DrillRun, asJson: boolean): { text: string; lost: number } {
  const { provider, fault, cases, asked } = run;
  const counts = Object.fromEntries(OUTCOMES.map((name) => [name, 0])) as Record<Outcome, number>;
  const errors = new Map<string, number>();
  for (const one of cases) {
    counts[outcomeOf(one, provider)]++;
    if (one.status !== 'succeeded') errors.set(one.error ?? one.status, (errors.get(one.error ?? one.status) ?? 0) + 1);
  }
  const good = cases.filter(({ status }) => status === 'succeeded').map(({ ms }) => ms);
  const [p50, p95] = [percentile(good, 0.5), percentile(good, 0.95)];
  const costUsd = cases.reduce<number | null>(
    (sum, one) => (sum === null || one.costUsd === null ? null : sum + one.costUsd),
    0,
  );
  const lost = counts.failed;
  if (asJson) {
    const said = {
      provider,
      fault,
      requests: cases.length,
      ...counts,
      errors: Object.fromEntries(errors),
      cost_usd: costUsd,
      p50_ms: p50,
      p95_ms: p95,
    };
    return { text: JSON.stringify(said, null, 2), lost };
  }
  const seconds = (ms: number | null): string => (ms === null ? 'none' : `${(ms / 1000).toFixed(2)} s`);
  const lines = [
    `${cases.length} of ${asked} requests, while ${provider} had the fault ${fault}:`,
    ...columns(OUTCOMES.map((name) => [`  ${name}`, String(counts[name]), MEANINGS[name]])),
    ...columns([
      ['  cost', costUsd === null ? 'not known' : `${plainUsd(costUsd)} USD`],
      ['  time of answers', `p50 ${seconds(p50)}, p95 ${seconds(p95)}`],
    ]),
  ];
  if (errors.size > 0) lines.push(`  failed with: ${[...errors].map(([code, n]) => `${code} (${n})`).join(', ')}`);
  if (cases.length > 0 && counts.untouched === cases.length) {
    lines.push(`No request went to ${provider}: with --model name a model or an alias that begins there.`);
  }
  return { text: lines.join('\n'), lost };
}

/** Never 1.2e-7. */
const plainUsd = (usd: number): string => (usd === 0 ? '0' : usd.toFixed(9).replace(/\.?0+$/, ''));
