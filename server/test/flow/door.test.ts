/** The OpenAI door with OpenAI's own client: it works by changing its address. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type OpenAI from 'openai';
import { call, result, view } from '../support/api.ts';
import { ask, collect, errorOf, newClient, textIn } from '../support/openai.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsOver, callsWith, type House, saidBy, startHouse } from '../support/vendors.ts';

/** A second is promised; a busy machine stands still for longer, and left alone these calls go on for much longer still. */
const CLOSED_MS = 6000;

let house: House;
let client: OpenAI;
before(async () => {
  house = await startHouse();
  client = newClient(house.server);
});
after(() => house.close());

const TOOL = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

test('unstreamed: the answer, the headers, the record', async () => {
  const content = 'Door whole. [[sim tokens=20]]';
  const { data, response } = await client.chat.completions.create(ask(content)).withResponse();
  const expected = await saidBy(house.vendor, content);
  assert.equal(data.object, 'chat.completion');
  assert.equal(data.choices[0]?.message.content, expected.text);
  assert.equal(data.choices[0]?.finish_reason, 'stop');
  assert.equal(data.usage?.completion_tokens, 20);
  const id = response.headers.get('x-mcp-request-id') ?? '';
  assert.equal(response.headers.get('x-mcp-provider'), 'openai');
  assert.equal(response.headers.get('x-mcp-model'), 'gpt-4o-mini');
  assert.equal(response.headers.get('x-mcp-attempts'), '1');
  assert.ok(Number(response.headers.get('x-mcp-cost-usd')) > 0);
  const done = await result(house.server, id);
  assert.equal(done.text, expected.text);
  assert.equal(done.cost_usd, Number(response.headers.get('x-mcp-cost-usd')));
  const row = await view(house.server, id);
  assert.equal(row.status, 'succeeded');
  assert.equal(row.attempts.length, 1);
  const replay = await readAll(openSse(house.server, id));
  assert.equal(checkFrames(replay).status, 'succeeded');
  assert.equal(textOf(replay), expected.text);
  for (let n = 1; n < replay.length; n++) {
    assert.deepEqual(await readAll(openSse(house.server, id, { after: n })), replay.slice(n));
  }
});

test('streamed: the same text, one finish, usage only for those who ask', async () => {
  const content = 'Door stream. [[sim tokens=25 rate=200]]';
  const plain = await collect(await client.chat.completions.create({ ...ask(content), stream: true }));
  const expected = await saidBy(house.vendor, content);
  assert.equal(textIn(plain), expected.text);
  assert.equal(plain.filter((chunk) => chunk.choices[0]?.finish_reason).length, 1);
  assert.ok(plain.every((chunk) => !chunk.usage));
  assert.ok(plain.length > 5);
  const { data, response } = await client.chat.completions
    .create({ ...ask(content), stream: true, stream_options: { include_usage: true } })
    .withResponse();
  const counted = await collect(data);
  assert.equal(textIn(counted), expected.text);
  const last = counted.at(-1);
  assert.deepEqual(last?.choices, []);
  assert.equal(last?.usage?.completion_tokens, 25);
  assert.equal(counted.filter((chunk) => chunk.usage).length, 1);
  const truth = (last as unknown as { x_mcp?: { request_id: string; attempts: number; provider: string } }).x_mcp;
  assert.equal(truth?.request_id, response.headers.get('x-mcp-request-id'));
  assert.equal(truth?.attempts, 1);
  assert.equal((await result(house.server, truth?.request_id ?? '')).text, expected.text);
  const helper = await client.chat.completions.stream(ask(content)).finalContent();
  assert.equal(helper, expected.text);
});

test('tools, in both ways, and their results', async () => {
  const body = { ...ask('Please call get_weather now'), tools: [TOOL] };
  const whole = await client.chat.completions.create(body);
  const [made] = whole.choices[0]?.message.tool_calls ?? [];
  assert.ok(made?.type === 'function');
  assert.equal(made.function.name, 'get_weather');
  const args = JSON.parse(made.function.arguments);
  assert.equal(typeof args.city, 'string');
  assert.equal(whole.choices[0]?.finish_reason, 'tool_calls');
  const streamed = await client.chat.completions.stream(body).finalMessage();
  const [again] = streamed.tool_calls ?? [];
  assert.ok(again?.type === 'function');
  assert.equal(again.function.arguments, made.function.arguments);
  const after = await client.chat.completions.create({
    ...body,
    messages: [
      ...body.messages,
      { role: 'assistant', tool_calls: [made] },
      { role: 'tool', tool_call_id: made.id, content: 'sunny' },
    ],
  });
  assert.match(after.choices[0]?.message.content ?? '', /sunny/);
});

test('JSON mode and fields that we have never heard of', async () => {
  const json = await client.chat.completions.create({
    ...ask('Give me json'),
    response_format: { type: 'json_object' },
  });
  assert.equal(typeof JSON.parse(json.choices[0]?.message.content ?? ''), 'object');
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  };
  const strict = await client.chat.completions.create({
    ...ask('Schema please'),
    response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } },
  });
  assert.equal(typeof JSON.parse(strict.choices[0]?.message.content ?? '').ok, 'boolean');
  await client.chat.completions.create({ ...ask('Future field.'), field_of_the_future: { yes: true } } as Parameters<
    typeof client.chat.completions.create
  >[0]);
  const [entry] = callsWith(house.vendor, 'Future field.');
  assert.deepEqual((entry?.body as { field_of_the_future?: unknown } | undefined)?.field_of_the_future, { yes: true });
  assert.equal((entry?.body as { model?: string } | undefined)?.model, 'gpt-4o-mini');
});

test('the list of models', async () => {
  const models = await client.models.list();
  const ids = models.data.map((model) => model.id);
  assert.ok(ids.includes('openai/gpt-4o-mini'));
  assert.ok(ids.includes('openai/goblin-sim'), "the vendor's own list is joined");
});

test('an abort closes the upstream call within a second', async () => {
  for (const stream of [true, false]) {
    const content = `Door abort ${stream}. [[sim tokens=400 rate=20]]`;
    const leaving = new AbortController();
    const work = client.chat.completions.create({ ...ask(content), stream }, { signal: leaving.signal });
    if (stream) {
      const chunks = (await work) as AsyncIterable<OpenAI.ChatCompletionChunk>;
      for await (const _chunk of chunks) break;
    } else {
      await eventually(() => callsWith(house.vendor, content.slice(0, 15))[0], 'the upstream call');
    }
    const at = Date.now();
    leaving.abort();
    await Promise.resolve(work).catch(() => {});
    const [entry] = await callsOver(house.vendor, `Door abort ${stream}.`);
    assert.equal(entry?.outcome, 'aborted');
    assert.ok((entry?.endedAt ?? 0) - at <= CLOSED_MS, `closed after ${(entry?.endedAt ?? 0) - at} ms`);
    const list = await eventually(async () => {
      const answer = await call<{ items: { request_id: string; status: string }[] }>(
        house.server,
        '/mcp/v1/request?limit=1',
      );
      return answer.body.items[0]?.status !== 'running' && answer.body.items;
    }, 'its end in the record');
    assert.equal(list[0]?.status, 'cancelled');
    // Its money ends a moment after its state.
    const row = await eventually(async () => {
      const now = await view(house.server, list[0]?.request_id ?? '');
      return now.attempts[0]?.status !== 'running' && now;
    }, 'the end of the attempt');
    assert.equal(row.attempts[0]?.status, 'cancelled');
    if (stream) assert.ok((row.cost_usd ?? 0) > 0, 'what was shown is charged');
  }
});

test('an Idempotency-Key: the second identical call never reaches the vendor', async () => {
  const content = 'Door once. [[sim tokens=10]]';
  const options = { headers: { 'idempotency-key': 'door-1' } };
  const first = await client.chat.completions.create(ask(content), options).withResponse();
  const second = await client.chat.completions.create(ask(content), options).withResponse();
  assert.equal(second.data.choices[0]?.message.content, first.data.choices[0]?.message.content);
  assert.equal(second.response.headers.get('x-mcp-request-id'), first.response.headers.get('x-mcp-request-id'));
  assert.equal(second.response.headers.get('idempotent-replayed'), 'true');
  assert.equal(callsWith(house.vendor, 'Door once.').length, 1);
  const other = await errorOf(client.chat.completions.create(ask('Another body'), options));
  assert.equal(other.status, 422);
  assert.equal(other.code, 'idempotency_mismatch');
  const joined = await Promise.all(
    Array.from({ length: 40 }, () =>
      client.chat.completions.create(ask('Door joined. [[sim tokens=20 rate=40]]'), {
        headers: { 'idempotency-key': 'door-2' },
      }),
    ),
  );
  assert.equal(new Set(joined.map((one) => one.choices[0]?.message.content)).size, 1);
  assert.equal(callsWith(house.vendor, 'Door joined.').length, 1);
});

test('a stream that is refused leaves nothing behind that could break the process', { timeout: 30_000 }, async () => {
  const body = JSON.stringify({ model: 'nope/nope', stream: true, messages: [{ role: 'user', content: 'x' }] });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(house.server.url('/v1/chat/completions'), { method: 'POST', headers, body });
  assert.equal(answer.status, 404);
  await answer.text();
  // Headers that nobody has sent are sent after ten seconds: of this call they have been.
  await sleep(12_000);
  assert.equal((await fetch(house.server.url('/healthz'))).status, 200);
});
