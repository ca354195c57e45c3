/** The periods of budgets, in UTC. A request belongs to the period in which it was accepted, whenever it ends. */

export const PERIODS = ['day', 'month', 'total'] as const;
export type PeriodKind = (typeof PERIODS)[number];

export interface Period {
  /** UTC day on which it begins, `YYYY-MM-DD`; of `total`, the first day of all. */
  starts: string;
  /** Milliseconds since the epoch at which the next one begins; null: it has no end. */
  endsMs: number | null;
}

const DAY_MS = 86_400_000;
const EVER: Period = { starts: '1970-01-01', endsMs: null };

export function periodAt(kind: PeriodKind, atMs: number): Period {
  if (kind === 'total') return EVER;
  if (kind === 'day') {
    const startMs = Math.floor(atMs / DAY_MS) * DAY_MS;
    return { starts: dayText(startMs), endsMs: startMs + DAY_MS };
  }
  const at = new Date(atMs);
  const startMs = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
  return { starts: dayText(startMs), endsMs: Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1) };
}

const dayText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
