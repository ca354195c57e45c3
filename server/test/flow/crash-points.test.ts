/**
 * Crash points × faults × shapes. A third of them, chosen by `GOBLIN_SEED`; `GOBLIN_MATRIX=all` runs every one and writes
 * docs/reliability.md; `GOBLIN_MATRIX=<text>` runs those whose name has the text, e.g. "spread settle:after kill".
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Services, SHAPES, type Shape, startEmbedded, startServices, startSpread } from '../chaos/batch.ts';
import { CASES, type Case, type CaseResult, nameOf, runCases } from '../chaos/matrix.ts';
import { startVendor, type Vendor } from '../chaos/oracle.ts';
import { mulberry, shuffled } from '../chaos/random.ts';
import { seedOf } from '../chaos/seed.ts';
import { writeTable } from '../chaos/table.ts';

const seed = seedOf();
const which = process.env.GOBLIN_MATRIX ?? '';
const chosen: readonly Case[] =
  which === 'all'
    ? CASES
    : which === ''
      ? shuffled(mulberry(seed), CASES).slice(0, Math.ceil(CASES.length / 3))
      : CASES.filter((one) => nameOf(one).includes(which));

let vendor: Vendor;
let services: Services;
const results: CaseResult[] = [];
const began = performance.now();
before(async () => {
  console.log(`crash points: ${chosen.length} of ${CASES.length} cases, GOBLIN_SEED=${seed}`);
  [vendor, services] = await Promise.all([startVendor(), startServices()]);
});
after(async () => {
  if (which === 'all') writeTable(results, (performance.now() - began) / 1000);
  await Promise.all([vendor.close(), services.stop()]);
});

/** Two batches of each shape at a time: most of a case is waiting for a lease. */
const LANES = 2;

async function shape(name: Shape): Promise<void> {
  const mine = chosen.filter((one) => one.shape === name);
  const lanes = Array.from({ length: LANES }, (_, lane) => mine.filter((_one, i) => i % LANES === lane));
  const start = () => (name === 'embedded' ? startEmbedded(vendor) : startSpread(vendor, services));
  const done = await Promise.all(
    lanes.filter((lane) => lane.length > 0).map((lane) => runCases(vendor, start, lane, (line) => console.log(line))),
  );
  results.push(...done.flat());
  const broken = done.flat().filter((one) => one.violations.length > 0);
  const lines = broken.flatMap((one) => [
    nameOf(one),
    ...one.violations.map(({ invariant, label, id, what }) => `    ${invariant} ${label} ${id}: ${what}`),
  ]);
  assert.equal(broken.length, 0, `${broken.length} of ${mine.length} cases broke an invariant:\n${lines.join('\n')}`);
}

for (const name of SHAPES) {
  test(`crash points, ${name}`, { timeout: 1_800_000 }, () => shape(name));
}
