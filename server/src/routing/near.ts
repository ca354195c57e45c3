/** Names that a caller may have meant. */

const tokens = (name: string): string[] => name.toLowerCase().split(/[^a-z0-9.]+/);

/** Levenshtein distance, given up (as `limit` + 1) once it is beyond the limit. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const change = (before[j - 1] ?? 0) + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1);
      const value = Math.min(change, (before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      row.push(value);
      if (value < best) best = value;
    }
    if (best > limit) return limit + 1;
    before = row;
  }
  return before[b.length] ?? limit + 1;
}

/** Share of words that two names have in common, 0 to 1. */
function overlap(a: readonly string[], b: readonly string[]): number {
  const common = a.filter((token) => b.includes(token)).length;
  return common / Math.max(a.length, b.length);
}

const LONGEST = 100;

/** At most three, the nearest first. About 1 ms for 2,000 names. */
export function nearNames(wanted: string, names: Iterable<string>): string[] {
  if (wanted.length === 0 || wanted.length > LONGEST) return [];
  const name = wanted.toLowerCase();
  const words = tokens(wanted);
  const allowed = name.length < 6 ? 1 : 3;
  const found: { candidate: string; score: number }[] = [];
  for (const candidate of names) {
    const other = candidate.toLowerCase();
    const shared = overlap(words, tokens(other));
    const typos = distance(name, other, allowed);
    const score = typos <= allowed ? 1 + (allowed - typos + 1) : shared;
    if (score >= 0.5) found.push({ candidate, score });
  }
  found.sort((a, b) => b.score - a.score || a.candidate.length - b.candidate.length);
  return found.slice(0, 3).map(({ candidate }) => candidate);
}
