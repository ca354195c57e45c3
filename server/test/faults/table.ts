/** The fault table in docs/reliability.md, between its markers: one row for each fault and what came of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expectedLabel, limitOf } from './judge.ts';
import type { FaultRow } from './row.ts';
import { GROUPS } from './rows.ts';
import { CASES, type CaseResult, type FaultCase } from './run.ts';
import { WAYS, type Way } from './ways.ts';

const PAGE = new URL('../../../docs/reliability.md', import.meta.url);
const BEGIN = '<!-- table: faults -->';
const END = '<!-- end -->';

const HEADS: Readonly<Record<Way, string>> = {
  streamed: 'streamed',
  pair: 'streamed, with another target',
  whole: 'not streamed',
  detached: 'submitted, with another target',
};

function cellOf(one: FaultCase | undefined): string {
  if (one === undefined) return '';
  return expectedLabel(one.row.expect(one.wire, one.way !== 'whole'), one.row, one.way).label;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The longest silence that was borne, or how long the slowest answer took. */
function longestOf(row: FaultRow, results: readonly CaseResult[]): string {
  const verdicts = results.flatMap((one) => (one.row === row && one.verdict ? [one.verdict] : []));
  if (verdicts.length === 0) return '';
  if (!row.clock) return seconds(Math.max(...verdicts.map(({ ms }) => ms)));
  const waits = verdicts.flatMap(({ waitMs }) => (waitMs === null ? [] : [waitMs]));
  return `${seconds(Math.max(0, ...waits))} (${row.clock}: ${seconds(limitOf(row.clock, row))})`;
}

/** Dialects with the same outcome share a line. */
function linesOf(row: FaultRow, results: readonly CaseResult[]): string[] {
  const byOutcome = new Map<string, string[]>();
  for (const dialect of new Set(CASES.flatMap((one) => (one.row === row ? [one.wire.dialect] : [])))) {
    const cells = WAYS.map((way) =>
      cellOf(CASES.find((one) => one.row === row && one.wire.dialect === dialect && one.way === way)),
    );
    const outcome = cells.join(' | ');
    byOutcome.set(outcome, [...(byOutcome.get(outcome) ?? []), dialect]);
  }
  return [...byOutcome].map(
    ([outcome, dialects], place) =>
      `| ${row.says} | ${dialects.join(', ')} | ${outcome} | ${place === 0 ? longestOf(row, results) : ''} |`,
  );
}

function tableOf(results: readonly CaseResult[]): string {
  const held = results.filter((one) => one.wrong === null).length;
  const lines = [BEGIN, `${held} of ${results.length} cases came to what is written here.`];
  for (const { title, rows } of GROUPS) {
    lines.push(
      '',
      `**${title}**`,
      '',
      `| the vendor | in | ${WAYS.map((way) => HEADS[way]).join(' | ')} | longest |`,
      `| --- | --- | ${WAYS.map(() => '---').join(' | ')} | --- |`,
      ...rows.flatMap((row) => linesOf(row, results)),
    );
  }
  return [...lines, END].join('\n');
}

/** The page around its table, and the table. */
function split(): { before: string; table: string; after: string } {
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error('docs/reliability.md has lost the markers of its fault table');
  return { before: page.slice(0, from), table: page.slice(from, to + END.length), after: page.slice(to + END.length) };
}

export function writeTable(results: readonly CaseResult[]): void {
  const { before, after } = split();
  writeFileSync(PAGE, before + tableOf(results) + after);
}

/** Measured times differ from run to run; all else is made of the rows. */
const withoutTimes = (table: string): string =>
  table
    .split('\n')
    .map((line) => (line.startsWith('|') ? line.slice(0, line.lastIndexOf('|', line.length - 2)) : line))
    .filter((line) => !/^\d+ of \d+ cases/.test(line))
    .join('\n');

/** What the document says, and what it must say; times left out. */
export const tables = (): { written: string; made: string } => ({
  written: withoutTimes(split().table),
  made: withoutTimes(tableOf([])),
});
