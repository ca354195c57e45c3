/** The short form of `npm run chaos`: everything at once, and a monkey. `GOBLIN_SEED` chooses who is hit when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chaos } from '../chaos/run.ts';
import { seedOf } from '../chaos/seed.ts';

test('400 requests through 14 faults', { timeout: 240_000 }, async () => {
  const seed = seedOf();
  const said: string[] = [];
  const { lines, violations } = await chaos({ seed, requests: 400, faults: 14, say: (line) => said.push(line) });
  console.log(lines.join('\n'));
  assert.equal(violations.length, 0, `GOBLIN_SEED=${seed}\n${[...said, ...lines].join('\n')}`);
});
