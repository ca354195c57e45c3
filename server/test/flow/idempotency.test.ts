/** One key is one request, however often and however parallel it is sent. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, isProblem, post, type Receipt, type RequestView, result, submit } from '../support/api.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

const send = (json: unknown, key: string) =>
  post<Receipt>(house.server, '/mcp/v1/request', json, { 'idempotency-key': key });

test('the same key with the same body is the same answer, marked as replayed', async () => {
  const body = { prompt: 'Once only [[sim tokens=5]]', model: MODEL, labels: { a: '1', b: '2' }, user_id: 'u' };
  const first = await send(body, 'key-1');
  assert.equal(first.status, 202);
  assert.equal(first.headers.get('idempotent-replayed'), null);
  const again = await send(body, 'key-1');
  assert.equal(again.status, 202);
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.deepEqual(again.body, first.body);
  const shuffled =
    '{"user_id":"u", "labels":{"b":"2","a":"1"},\n "model":"openai\\/gpt-4o-mini",' +
    '"prompt":"Once only [[sim tokens=5]]"}';
  const reordered = await call<Receipt>(house.server, '/mcp/v1/request', {
    raw: shuffled,
    headers: { 'idempotency-key': 'key-1' },
  });
  assert.equal(reordered.status, 202, reordered.text);
  assert.equal(reordered.headers.get('idempotent-replayed'), 'true');
  assert.deepEqual(reordered.body, first.body);
  await result(house.server, first.body.request_id);
  const late = await send(body, 'key-1');
  assert.deepEqual(late.body, first.body, 'also after the end');
  assert.equal(callsWith(house.vendor, 'Once only').length, 1);
});

test('another body under the same key is 422, and changes nothing', async () => {
  const first = await send({ prompt: 'Mine', model: MODEL }, 'key-2');
  isProblem(await send({ prompt: 'Mine!', model: MODEL }, 'key-2'), 422, 'idempotency_mismatch');
  isProblem(await send({ prompt: 'Mine', model: MODEL, priority: 6 }, 'key-2'), 422, 'idempotency_mismatch');
  assert.equal((await send({ prompt: 'Mine', model: MODEL }, 'key-2')).body.request_id, first.body.request_id);
  assert.notEqual((await send({ prompt: 'Mine', model: MODEL }, 'key-2b')).body.request_id, first.body.request_id);
});

test('without a key the same body is another request', async () => {
  const body = { prompt: 'Again and again [[sim tokens=2]]', model: MODEL };
  const [a, b] = [await submit(house.server, body), await submit(house.server, body)];
  assert.notEqual(a.request_id, b.request_id);
});

test('keys that are none are refused by name', async () => {
  for (const key of ['with blank', 'x'.repeat(256), 'tab\tkey']) {
    const problem = isProblem(await send({ prompt: 'x', model: MODEL }, key), 400, 'invalid_request');
    assert.equal(problem.errors?.[0]?.path, 'Idempotency-Key');
  }
});

test('200 identical submits at once: one request, one call of the vendor', async () => {
  const body = { prompt: 'Stampede [[sim tokens=5]]', model: MODEL, task_type: 'extract' };
  const answers = await Promise.all(Array.from({ length: 200 }, () => send(body, 'stampede')));
  assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([202]));
  assert.equal(new Set(answers.map((answer) => answer.text)).size, 1, 'all the same answer');
  assert.equal(answers.filter((answer) => answer.headers.get('idempotent-replayed') !== 'true').length, 1);
  await result(house.server, answers[0]?.body.request_id ?? '');
  assert.equal(callsWith(house.vendor, 'Stampede').length, 1);
  const list = await call<{ items: RequestView[] }>(house.server, '/mcp/v1/request?task_type=extract&limit=200');
  assert.equal(list.body.items.length, 1);
});

test('a race of different bodies under one key: one wins, the others are 422', async () => {
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => send({ prompt: `Rival ${i % 4} [[sim tokens=2]]`, model: MODEL }, 'rivals')),
  );
  const winners = answers.filter((answer) => answer.status === 202);
  assert.equal(new Set(winners.map((answer) => answer.body.request_id)).size, 1);
  assert.equal(winners.length, 10);
  for (const answer of answers) if (answer.status !== 202) isProblem(answer, 422, 'idempotency_mismatch');
  await result(house.server, winners[0]?.body.request_id ?? '');
  assert.equal(callsWith(house.vendor, 'Rival').length, 1);
});
