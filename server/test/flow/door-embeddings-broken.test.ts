/** The embeddings door where something breaks: vendors, connections, the memory of the record. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { APIError } from 'openai';
import { call, type Json, view } from '../support/api.ts';
import { LARGE, ONE, startVectorHouse, type VectorHouse, vectorsIn } from '../support/embeddings.ts';
import { eventually } from '../support/server.ts';
import { vectorOf } from '../vendors/embedder.ts';

let house: VectorHouse;
before(async () => {
  house = await startVectorHouse();
});
after(() => house.close());

const heardBy = (name: string) => house.vendor.heard.filter((one) => one.name === name);

test('wrong answers are no answers', async () => {
  for (const [fault, code, status] of [
    ['few', 'upstream_protocol', 502],
    ['many', 'upstream_protocol', 502],
    ['ragged', 'upstream_protocol', 502],
    ['words', 'upstream_protocol', 502],
    ['html', 'upstream_protocol', 502],
    ['odd', 'upstream_protocol', 502],
    ['cut', 'upstream_truncated', 502],
    ['down', 'upstream_unavailable', 502],
  ] as const) {
    const from = heardBy('openai-one').length;
    const id = await house.refused(
      { model: 'openai-one/only-here-embed', input: [`[[${fault}]]`, 'b'] },
      status,
      code,
      /provider/,
    );
    // The end is written behind the answer.
    const row = await eventually(async () => {
      const now = await view(house.server, id);
      return now.status === 'running' ? null : now;
    }, `the end of ${fault}`);
    assert.deepEqual([row.status, row.attempts.length], ['failed', 2], fault);
    assert.equal(row.attempts[0]?.error?.code, code);
    assert.equal(heardBy('openai-one').length, from + 2, 'the same once more, and nobody else');
  }
});

test('another provider of the same model takes over, another model only where an alias says so', async () => {
  const { headers, body } = await house.ask({ model: 'shared-embed', input: ['[[openai-one-down]]'] });
  assert.deepEqual(vectorsIn(body), [vectorOf('[[openai-one-down]]')]);
  assert.deepEqual([headers.get('x-mcp-provider'), headers.get('x-mcp-attempts')], ['openai-two', '2']);
  const wrong = await house.ask({ model: 'shared-embed', input: ['[[openai-one-down]]', 'b'] });
  assert.equal(wrong.headers.get('x-mcp-provider'), 'openai-two');
  const alias = await house.ask({ model: 'either-embed', input: ['[[openai-one-down]]'] });
  assert.deepEqual(
    [alias.headers.get('x-mcp-provider'), alias.headers.get('x-mcp-model')],
    ['openai-two', 'other-embed'],
  );
  const from = heardBy('openai-two').length;
  await house.refused(
    { model: 'openai-one/only-here-embed', input: '[[openai-one-down]]' },
    502,
    'upstream_unavailable',
    /failed/,
  );
  assert.equal(heardBy('openai-two').length, from);
});

test('the same key gives the same vectors again, whatever the form', async () => {
  for (const [at, [model, encoding_format]] of [
    [ONE, 'float'],
    [ONE, 'base64'],
    [LARGE, 'float'],
    [LARGE, 'base64'],
    ['cohere-own/embed-v4.0', 'float'],
  ].entries()) {
    const key = { 'idempotency-key': `embed-${at}` };
    const body = { model, input: ['the same', 'again'], encoding_format };
    const first = await house.ask(body, key);
    const from = house.vendor.heard.length;
    const second = await eventually(async () => {
      const answer = await house.ask({ ...body }, key);
      return answer.headers.get('idempotent-replayed') === 'true' ? answer : null;
    }, 'the answer told again');
    assert.equal(first.status, 200, first.text);
    for (const field of ['data', 'usage', 'model', 'object']) assert.deepEqual(second.body[field], first.body[field]);
    assert.equal(second.headers.get('x-mcp-request-id'), first.headers.get('x-mcp-request-id'));
    assert.equal(house.vendor.heard.length, from, 'and was not asked for again');
    const other = await house.ask({ ...body, input: 'another' }, key);
    assert.equal((other.body.error as Json).code, 'idempotency_mismatch');
  }
});

test('two calls of one key at once are one; a marked retry joins one that runs', async () => {
  const body = { model: ONE, input: '[[slow]]' };
  const twice: [first: Record<string, string>, second: Record<string, string>][] = [
    [{ 'idempotency-key': 'at-once' }, { 'idempotency-key': 'at-once' }],
    [{}, { 'x-stainless-retry-count': '1' }],
  ];
  for (const [headers, again] of twice) {
    const from = house.vendor.heard.length;
    const first = house.ask(body, headers);
    await eventually(() => house.vendor.heard.length > from, 'the call');
    const [one, two] = await Promise.all([first, house.ask(body, again)]);
    assert.deepEqual(vectorsIn(two.body), vectorsIn(one.body));
    assert.equal(two.headers.get('idempotent-replayed'), 'true');
    assert.equal(house.vendor.heard.length, from + 1);
  }
});

test('vectors that are too many for the record are told once', async () => {
  const key = { 'idempotency-key': 'too-many' };
  const input = Array.from({ length: 2048 }, (_, place) => `text ${place}`);
  const body = { model: LARGE, input, dimensions: 2100, encoding_format: 'base64' };
  const first = await house.ask(body, key);
  assert.equal(first.status, 200, first.text.slice(0, 300));
  assert.equal(vectorsIn(first.body).length, 2048);
  const again = await eventually(async () => {
    const answer = await house.ask(body, key);
    return answer.headers.get('idempotent-replayed') === 'true' && answer.status !== 200 ? answer : null;
  }, 'the refusal');
  assert.equal(again.status, 410, again.text.slice(0, 300));
  assert.match(again.text, /too many to be kept.*new Idempotency-Key/);
});

test('closing the connection cancels', async () => {
  const gone = new AbortController();
  const from = house.vendor.heard.length;
  const answer = house.client.embeddings
    .create({ model: ONE, input: '[[never]]' }, { signal: gone.signal, headers: { 'x-mcp-labels': 'test=gone' } })
    .catch((error: unknown) => error);
  await eventually(() => house.vendor.heard.length > from, 'the call');
  gone.abort();
  assert.ok((await answer) instanceof APIError);
  await eventually(() => house.vendor.heard.at(-1)?.closed, 'the end at the vendor');
  await eventually(async () => {
    const { body } = await call<{ items: { status: string; labels: Json | null; task_type: string }[] }>(
      house.server,
      '/mcp/v1/request?task_type=embed&limit=5',
    );
    return body.items.some(({ status, labels }) => status === 'cancelled' && labels?.test === 'gone');
  }, 'the cancelled row');
});
