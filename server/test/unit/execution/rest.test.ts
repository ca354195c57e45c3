/** A run whose targets all rest: it waits, and asks the record before it calls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as later } from 'node:timers/promises';
import { makeHouse } from './run-kit.ts';

const rested = (restMs: number) => ({
  plan: {
    targets: [{ provider: 'a', model: 'm', reason: 'first' }],
    dropped: [],
    conversation: null,
    seed: 1,
    restMs,
  },
});

test('after the rest the call is made', async () => {
  const { ask, calls } = makeHouse({ cached: false });
  const seen = ask(rested(20));
  while (calls.length === 0) await later(2);
  assert.equal(seen.began.length, 1);
  calls[0]?.say('well');
  calls[0]?.finish();
  const end = await seen.run.done;
  assert.equal(end.state, 'succeeded');
  assert.equal(end.text, 'well');
});

test('what was ended elsewhere in the meantime is not called, costs nothing and writes no end', async () => {
  const { ask, calls } = makeHouse({ cached: false });
  const end = await ask(rested(20), 'still').run.done;
  assert.equal(calls.length, 0);
  assert.equal(end.state, null);
  assert.equal(end.requeueMs, null);
  assert.equal(end.attempt?.status, 'cancelled');
  assert.equal(end.attempt?.costPico, 0);
});

test('when the record cannot say it, nothing is called', async () => {
  const { ask, calls } = makeHouse({ cached: false });
  const end = await ask(rested(10), 'away').run.done;
  assert.equal(calls.length, 0);
  assert.equal(end.state, 'failed');
  assert.equal(end.error?.code, 'unavailable');
});
