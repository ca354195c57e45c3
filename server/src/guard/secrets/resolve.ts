/** Takes out findings that say the same as another, or less. */
import type { Finding } from './rule.ts';

export interface Candidate extends Finding {
  vague: boolean;
  /** Where its match began, e.g. at a keyword before the value. */
  anchor: number;
  /** The place of its rule: of equals the first is kept. */
  order: number;
}

/** In order of their places. Findings may still overlap when neither says all that the other does. */
export function resolve(found: readonly Candidate[]): Finding[] {
  if (found.length === 0) return [];
  const ordered = found.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const kept: Candidate[] = [];
  let cluster: Candidate[] = [];
  let reach = -1;
  for (const one of ordered) {
    if (one.start >= reach) {
      settle(cluster, kept);
      cluster = [];
    }
    cluster.push(one);
    reach = Math.max(reach, one.end);
  }
  settle(cluster, kept);
  return kept.map(({ vague: _, order: __, anchor: ___, ...finding }) => finding);
}

/** Characters of a cell of the grid by which neighbours are found. */
const CELL = 512;

/** One group of findings that touch each other. */
function settle(cluster: readonly Candidate[], kept: Candidate[]): void {
  if (cluster.length < 2) {
    kept.push(...cluster);
    return;
  }
  const ranked = cluster.toSorted(
    (a, b) =>
      Number(a.vague) - Number(b.vague) ||
      Number(a.via !== 'plain') - Number(b.via !== 'plain') ||
      b.end - b.start - (a.end - a.start) ||
      a.order - b.order,
  );
  const best: Candidate[] = [];
  // By place, so that a long chain of neighbours is not compared each with each.
  const cells = new Map<number, Candidate[]>();
  for (const one of ranked) {
    const from = Math.floor(one.start / CELL);
    const to = Math.floor((one.end - 1) / CELL);
    let needless = false;
    for (let cell = from; cell <= to && !needless; cell++) {
      needless = cells.get(cell)?.some((other) => says(other, one)) === true;
    }
    if (needless) continue;
    best.push(one);
    for (let cell = from; cell <= to; cell++) {
      const list = cells.get(cell);
      if (list) list.push(one);
      else cells.set(cell, [one]);
    }
  }
  kept.push(...best.toSorted((a, b) => a.start - b.start || a.end - b.end));
}

/** Whether `other`, which ranks higher, makes `one` needless. */
function says(other: Candidate, one: Candidate): boolean {
  if (other.start >= one.end || one.start >= other.end) return false;
  if (other.kind !== one.kind && !(one.vague && other.kind === 'private_key')) return false;
  if (one.vague) return !other.vague || (other.start <= one.start && other.end >= one.end);
  if (other.start > one.start || other.end < one.end) return false;
  // A run of base64 can hold several: each rule is told once.
  return one.via !== 'base64' || other.via !== 'base64' || other.rule === one.rule;
}
