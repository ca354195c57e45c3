/** The table of results in docs/reliability.md, between its markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { SHAPES } from './batch.ts';
import type { CaseResult } from './matrix.ts';
import { FAULTS, POINTS } from './points.ts';

const PAGE = new URL('../../../docs/reliability.md', import.meta.url);
const BEGIN = '<!-- table: crash-points -->';
const END = '<!-- end -->';

export function writeTable(results: readonly CaseResult[], seconds: number): void {
  const columns = SHAPES.flatMap((shape) => FAULTS.map((fault) => ({ shape, fault })));
  const rows = POINTS.map((point) => {
    const cells = columns.map(({ shape, fault }) => {
      const found = results.find((one) => one.point === point && one.fault === fault && one.shape === shape);
      if (!found) return 'not run';
      const broken = [...new Set(found.violations.map((violation) => violation.invariant))];
      return broken.length === 0 ? `held, ${(found.ms / 1000).toFixed(1)} s` : `**broken: ${broken.join(' ')}**`;
    });
    return `| \`${point.name}\` | ${cells.join(' | ')} |`;
  });
  const heads = columns.map(({ shape, fault }) => `${shape === 'spread' ? 'PostgreSQL + Redis' : shape}, ${fault}`);
  const held = results.filter((one) => one.violations.length === 0).length;
  const table = [
    BEGIN,
    `${held} of ${results.length} cases held, in ${Math.round(seconds)} s. Times are from the first call to the last end.`,
    '',
    `| point | ${heads.join(' | ')} |`,
    `| --- | ${heads.map(() => '---').join(' | ')} |`,
    ...rows,
    END,
  ].join('\n');
  const page = readFileSync(PAGE, 'utf8');
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error('docs/reliability.md has lost the markers of its table');
  writeFileSync(PAGE, page.slice(0, from) + table + page.slice(to + END.length));
}
