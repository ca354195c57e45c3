/** A database that accepts and does not answer: a call that was begun beside its record gets an answer all the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { callsWith, MODEL } from '../support/vendors.ts';

let fleet: Fleet;
let api: ClusterNode;

before(async () => {
  fleet = await startFleet({ settings: { clocks: { lease_ms: 5000, heartbeat_ms: 500 } } });
  api = await fleet.start('api');
});
after(() => fleet.close());

async function ask(content: string, stream: boolean): Promise<{ status: number; text: string; ms: number }> {
  const began = performance.now();
  const answer = await fetch(`${api.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, stream, messages: [{ role: 'user', content }] }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await answer.text();
  return { status: answer.status, text, ms: performance.now() - began };
}

test('an answer that is there before its record is, and the record that is late', { timeout: 60_000 }, async () => {
  assert.equal((await ask('Warm. [[sim tokens=3]]', false)).status, 200);
  fleet.postgres.freeze();
  const calls = [ask('Whole and early. [[sim tokens=3]]', false), ask('Streamed and early. [[sim tokens=3]]', true)];
  for (const { status, text, ms } of await Promise.all(calls)) {
    assert.equal(status, 503, text);
    assert.ok(!text.includes('[DONE]'), 'nothing of the answer is shown');
    assert.ok(ms < 18_000, `answered after ${ms} ms`);
  }
  fleet.postgres.thaw();
  assert.equal(callsWith(fleet.vendor, 'Whole and early.').length, 1);
  assert.equal((await ask('Afterwards. [[sim tokens=3]]', false)).status, 200);
});

test('a process that is told to stop answers the calls that wait for the record, and goes', {
  timeout: 60_000,
}, async () => {
  const other = await fleet.start('api');
  assert.equal((await fetch(`${other.address}/readyz`)).status, 200);
  await fleet.postgres.kill();
  const lost = async () => (await (await fetch(`${other.address}/readyz`)).json()) as { status: string };
  while ((await lost()).status !== 'degraded') await sleep(50);
  const call = (headers: Record<string, string>) =>
    fetch(`${other.address}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Waits.' }] }),
    }).then(async (answer) => ({
      status: answer.status,
      text: await answer.text(),
      retry: answer.headers.get('retry-after'),
    }));
  const calls = [call({}), call({ 'idempotency-key': 'waits-1' })];
  // They are there by then, also on a busy machine.
  await sleep(2500);
  const began = performance.now();
  const stopping = other.stop();
  for (const { status, text, retry } of await Promise.all(calls)) {
    assert.equal(status, 503, text);
    assert.match(text, /shutting_down/);
    assert.ok(Number(retry) >= 1);
  }
  assert.equal(await stopping, 0);
  assert.ok(performance.now() - began < 15_000, `gone after ${performance.now() - began} ms`);
  await fleet.postgres.start();
});
