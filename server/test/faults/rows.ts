/** All faults, in the order of the document. */
import type { FaultRow, Group } from './row.ts';
import { CUT } from './rows-cut.ts';
import { INSTEAD } from './rows-instead.ts';
import { LINE } from './rows-line.ts';
import { MIDWAY } from './rows-midway.ts';
import { ODD } from './rows-odd.ts';
import { SILENCE } from './rows-silence.ts';
import { LIMITS, REFUSALS } from './rows-status.ts';
import { USAGE } from './rows-usage.ts';

export const GROUPS: readonly Group[] = [
  { title: 'The answer breaks off, or seems to', rows: CUT },
  { title: 'Something else with a good status', rows: INSTEAD },
  { title: 'The vendor gives up in mid-stream', rows: MIDWAY },
  { title: 'Silence', rows: SILENCE },
  { title: 'The line, and HTTP itself', rows: LINE },
  { title: 'Rate limits', rows: LIMITS },
  { title: 'Refusals', rows: REFUSALS },
  { title: 'Unusual bytes', rows: ODD },
  { title: 'Counts, tool calls, filters', rows: USAGE },
];

export const ROWS: ReadonlyMap<string, FaultRow> = new Map(
  GROUPS.flatMap(({ rows }) => rows).map((row) => [row.name, row]),
);
