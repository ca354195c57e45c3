/**
 * Crash points with a budget over everything: wherever a process is hit, no hold is left, and what is spent of the budget is
 * what all requests have cost. Some of the cases, chosen by `GOBLIN_SEED`.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Services, type Shape, startEmbedded, startServices, startSpread } from '../chaos/batch.ts';
import { CASES, nameOf, runCases } from '../chaos/matrix.ts';
import { startVendor, type Vendor } from '../chaos/oracle.ts';
import { mulberry, shuffled } from '../chaos/random.ts';
import { seedOf } from '../chaos/seed.ts';

process.env.GOBLIN_CHAOS_BUDGET = '1';
const MONEY = /^(accept|open|attempt|settle|settle-attempt|end|release|door-settle|door-post|post):/;
const CHOSEN = 10;
const seed = seedOf();

let vendor: Vendor;
let services: Services;
before(async () => {
  console.log(`GOBLIN_SEED=${seed}`);
  [vendor, services] = await Promise.all([startVendor(), startServices()]);
});
after(() => Promise.all([vendor.close(), services.stop()]));

async function shape(name: Shape): Promise<void> {
  const fitting = CASES.filter(
    ({ shape, point, fault }) => shape === name && MONEY.test(point.name) && fault !== 'error',
  );
  const chosen = shuffled(mulberry(seed), fitting).slice(0, CHOSEN);
  const start = () => (name === 'embedded' ? startEmbedded(vendor) : startSpread(vendor, services));
  const done = await runCases(vendor, start, chosen, (line) => console.log(line));
  const broken = done.filter(({ violations }) => violations.length > 0);
  const lines = broken.flatMap((one) => [
    nameOf(one),
    ...one.violations.map(({ invariant, label, id, what }) => `    ${invariant} ${label} ${id}: ${what}`),
  ]);
  assert.equal(broken.length, 0, `${broken.length} of ${chosen.length} cases broke an invariant:\n${lines.join('\n')}`);
}

for (const name of ['embedded', 'spread'] as const) {
  test(`crash points under a budget, ${name}`, { timeout: 900_000 }, () => shape(name));
}
