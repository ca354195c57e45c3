/**
 * Every fault of a vendor × every dialect in which it can occur × the ways of asking. Two of four ways for each, chosen
 * by `GOBLIN_SEED`; `GOBLIN_FAULTS=all` runs every one and writes docs/reliability.md; `GOBLIN_FAULTS=<text>` runs the
 * cases whose name has the text, e.g. "cut-midway.gemini".
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seedOf } from '../chaos/seed.ts';
import { CASES, nameOf, runCases, someWays } from '../faults/run.ts';
import { tables, writeTable } from '../faults/table.ts';

const which = process.env.GOBLIN_FAULTS ?? '';
const seed = seedOf();
const chosen =
  which === 'all' ? CASES : which === '' ? someWays(seed) : CASES.filter((one) => nameOf(one).includes(which));

test('every fault comes to what the table says', { timeout: 300_000 }, async () => {
  const began = performance.now();
  const results = await runCases(chosen);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`faults: ${results.length} of ${CASES.length} cases in ${seconds} s, GOBLIN_SEED=${seed}`);
  const wrong = results.filter((one) => one.wrong !== null);
  const list = wrong.map((one) => `${nameOf(one)}: ${one.wrong}`).join('\n');
  assert.equal(wrong.length, 0, `${wrong.length} of ${results.length} cases came to something else:\n${list}`);
  if (which === 'all') writeTable(results);
});

test('docs/reliability.md has the table', () => {
  const { written, made } = tables();
  assert.equal(written, made, 'it is old; run: GOBLIN_FAULTS=all node --test server/test/flow/fault-table.test.ts');
});
