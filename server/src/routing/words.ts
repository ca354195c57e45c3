/** Numbers as reasons say them. */

/** `450 ms`, `12 s`, `5 min`, `3 h`: never 0, since what is over is not said. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(1, Math.round(ms))} ms`;
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`;
  if (ms < 2 * 3_600_000) return `${Math.ceil(ms / 60_000)} min`;
  return `${Math.ceil(ms / 3_600_000)} h`;
}

export const percent = (share: number): string => `${Math.round(share * 100)}%`;
