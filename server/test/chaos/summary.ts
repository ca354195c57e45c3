/** What a run came to, in lines that a person reads. */
import type { Told } from './history.ts';
import type { Monkey } from './monkey.ts';
import type { Recorded } from './record.ts';
import type { ChaosOptions } from './run.ts';
import type { Violation } from './violation.ts';

export interface Summary {
  lines: string[];
  violations: readonly Violation[];
}

interface Input {
  options: ChaosOptions;
  history: readonly Told[];
  record: Recorded;
  monkey: Monkey;
  violations: readonly Violation[];
  folder: string | null;
  quietMs: number | null;
  seconds: number;
}

const MOST_SHOWN = 40;

function counted(words: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([word, n]) => `${n} ${word}`)
    .join(', ');
}

/** What a door's client was left with after its last try. */
function doorEnd(told: Told): string {
  if (told.leftAt !== null) return 'left by their callers';
  const last = told.doors.at(-1);
  if (!last) return 'without any answer';
  if (last.status === 200) return last.complete ? 'whole' : `broken off (${last.code ?? 'connection'})`;
  return `refused ${last.status} (${last.code})`;
}

export function summarize(input: Input): Summary {
  const { history, record, monkey, violations } = input;
  const resumes = history
    .flatMap((told) => told.reads)
    .reduce((sum, read) => sum + Math.max(0, read.connections - 1), 0);
  const faults = [...monkey.happened].sort(([, a], [, b]) => b - a);
  const total = faults.reduce((sum, [, n]) => sum + n, 0);
  const ends = record.requests.map((row) => `${row.mode} ${row.state}${row.code ? ` (${row.code})` : ''}`);
  const doors = history
    .filter((told) => told.tries > 0 && ['whole', 'stream', 'left'].includes(told.kind))
    .map(doorEnd);
  const lines = [
    `seed ${input.options.seed}, ${Math.round(input.seconds)} s`,
    `tasks      ${history.length}: ${counted(history.map((told) => told.kind))}`,
    `           ${history.filter((told) => told.key !== null).length} with a key; ${resumes} resumes of streams`,
    `requests   ${record.requests.length}: ${counted(ends)}`,
    `doors      ${counted(doors)}`,
    `attempts   ${record.attempts.length}: ${counted(record.attempts.map((row) => row.status + (row.code ? ` (${row.code})` : '')))}`,
    `epochs     ${record.requests.filter((row) => row.epoch > 1).length} requests ran more than once`,
    `faults     ${total}: ${faults.map(([name, n]) => `${n} ${name}`).join(', ')}`,
    `quiet      ${input.quietMs === null ? 'not reached' : `${(input.quietMs / 1000).toFixed(1)} s after the last fault`}`,
    `SIGTERM    ${(monkey.slowest.termMs / 1000).toFixed(1)} s to the exit at most`,
    `violations ${violations.length}${violations.length > 0 ? `: ${counted(violations.map((one) => one.invariant))}` : ''}`,
    ...violations
      .slice(0, MOST_SHOWN)
      .map(({ invariant, label, id, what }) => `  ${invariant} ${label} ${id}: ${what}`),
    ...(violations.length > MOST_SHOWN ? [`  … and ${violations.length - MOST_SHOWN} more`] : []),
    ...(input.folder ? [`history, journal, record and logs are in ${input.folder}`] : []),
  ];
  return { lines, violations };
}
