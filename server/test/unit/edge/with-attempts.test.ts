import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AttemptRow, RequestRow } from '../../../src/contract/rows.ts';
import { withAttempts } from '../../../src/edge/with-attempts.ts';

/** What the record says at each moment; every read takes one, and the last one stays. */
function record(...moments: [state: string, costPico: number | null, attempts: string[]][]) {
  let at = 0;
  const now = () => moments[Math.min(at++, moments.length - 1)] as (typeof moments)[number];
  return {
    async get() {
      const [state, costPico] = now();
      return state === 'none' ? null : ({ id: 'r', state, costPico } as unknown as RequestRow);
    },
    async attempts() {
      return now()[2].map((status) => ({ status }) as unknown as AttemptRow);
    },
  };
}

const shown = async (...moments: Parameters<typeof record>) => {
  const found = await withAttempts(record(...moments), 't', 'r');
  return found && [found.row.state, found.row.costPico, found.attempts.map(({ status }) => status).join(' ')];
};

test('the row has the cost of the attempts, and the attempts are those of the row', async () => {
  assert.equal(await shown(['none', null, []]), null);
  assert.deepEqual(await shown(['succeeded', 5, ['succeeded']]), ['succeeded', 5, 'succeeded']);
  assert.deepEqual(await shown(['running', null, ['running']]), ['running', null, 'running']);
  // It ends between the reads: before the attempts are read, after them, and in two steps.
  const over: [string, number, string[]] = ['succeeded', 5, ['failed', 'succeeded']];
  const before: [string, null, string[]] = ['running', null, ['failed', 'running']];
  assert.deepEqual(await shown(before, over), ['succeeded', 5, 'failed succeeded']);
  assert.deepEqual(await shown(before, before, over), ['succeeded', 5, 'failed succeeded']);
  const unsettled: [string, null, string[]] = ['cancelled', null, ['running']];
  const settled: [string, number, string[]] = ['cancelled', 7, ['cancelled']];
  assert.deepEqual(await shown(unsettled, settled), ['cancelled', 7, 'cancelled']);
  assert.deepEqual(await shown(['running', null, ['running']], unsettled, unsettled, settled), [
    'cancelled',
    7,
    'cancelled',
  ]);
  assert.deepEqual(await shown(unsettled), ['cancelled', null, 'running']);
});
