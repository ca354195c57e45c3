import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRefusals } from '../../../src/identity/refusals.ts';

test('a flood of refused tokens is ten lines a minute for each reason, and the last says so', () => {
  const lines: Record<string, unknown>[] = [];
  let now = 0;
  const told = createRefusals(
    (level, _message, fields) => {
      assert.equal(level, 'warn');
      lines.push(fields ?? {});
    },
    () => now,
  );
  for (let n = 0; n < 50; n++) told('token', null, 'issuer');
  assert.equal(lines.length, 10);
  assert.deepEqual(lines[0], { issuer: null, reason: 'issuer' });
  assert.ok(lines[9]?.more);
  told('token', null, 'signature');
  assert.equal(lines.length, 11, 'another reason is told');
  now = 60_000;
  told('token', null, 'issuer');
  assert.equal(lines.length, 12);
});
