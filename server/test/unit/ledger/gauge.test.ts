/** What a process remembers of the queue, so that it need not be counted with every write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGauge, createLines } from '../../../src/ledger/gauge.ts';

test('a line is counted once a second, and grows by what was added, but never far beyond its count', () => {
  let now = 0;
  const lines = createLines(() => now);
  assert.equal(lines.before('a'), null);
  lines.counted('a', 10);
  assert.equal(lines.before('a'), 10);
  for (let n = 0; n < 5; n++) lines.added('a');
  assert.equal(lines.before('a'), 15);
  for (let n = 0; n < 500; n++) lines.added('a');
  assert.equal(lines.before('a'), 10 + 42);
  assert.equal(lines.before('b'), null);
  lines.added('b');
  assert.equal(lines.before('b'), null);
  now = 1000;
  assert.equal(lines.before('a'), 52);
  now = 1001;
  assert.equal(lines.before('a'), null);
});

test('the queue is looked at once a second far from its cap, and with every write near it', () => {
  let now = 0;
  const gauge = createGauge({ perTenant: 10_000, total: 100_000 }, () => now);
  assert.equal(gauge.mustLook([]), false);
  assert.equal(gauge.mustLook(['a']), true);
  gauge.saw('a', 100, 100);
  assert.equal(gauge.mustLook(['a']), false);
  assert.equal(gauge.mustLook(['a', 'b']), true);
  now = 1001;
  assert.equal(gauge.mustLook(['a']), true);
  gauge.saw('a', 8_000, 8_000);
  assert.equal(gauge.mustLook(['a']), true);
});
