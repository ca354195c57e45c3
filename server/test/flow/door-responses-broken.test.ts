/** The Responses door when something breaks: providers, connections, and callers who ask again. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CLAUDE,
  callIn,
  errorOf,
  factsOf,
  GPT,
  lasting,
  OWN,
  type ResponsesHouse,
  startResponsesHouse,
  WEATHER,
} from '../support/responses.ts';
import { eventually } from '../support/server.ts';
import { callsWith } from '../support/vendors.ts';

let house: ResponsesHouse;
before(async () => {
  house = await startResponsesHouse();
});
after(() => house.close());

test('a stream that breaks ends in an error, and is found as failed', async () => {
  const input = 'Break. [[sim tokens=40 fault=cut-after-10]]';
  const headers = { 'x-mcp-failover': 'fail' };
  const stream = await house.client.responses.create({ model: GPT, input, stream: true }, { headers });
  let id = '';
  let text = '';
  const broken = await errorOf(
    (async () => {
      for await (const event of stream) {
        if (event.type === 'response.created') id = event.response.id;
        if (event.type === 'response.output_text.delta') text += event.delta;
        assert.notEqual(event.type, 'response.completed');
      }
    })(),
  );
  assert.equal(broken.code, 'upstream_truncated');
  const found = await house.client.responses.retrieve(id);
  assert.deepEqual([found.status, found.error?.code, found.output_text], ['failed', 'server_error', text]);
  assert.ok(text.length > 0);
});

test('an answer goes on at another provider, and no word is said twice', async () => {
  const body = { model: 'breaks-then-claude', input: 'Go on, please. [[sim tokens=30]]' };
  const stream = house.client.responses.stream(body);
  let text = '';
  stream.on('response.output_text.delta', ({ delta }) => {
    text += delta;
  });
  const final = await stream.finalResponse();
  assert.deepEqual([factsOf(final).provider, factsOf(final).attempts], ['anthropic', 2]);
  assert.equal(final.output_text, text);
  const alone = await house.client.responses.create({ ...body, model: CLAUDE });
  assert.equal(text, alone.output_text);
});

test('an Idempotency-Key: told again with its calls and its reasoning, and paid once', async () => {
  for (const [model, stream] of [
    [CLAUDE, false],
    [CLAUDE, true],
    [OWN, true],
  ] as const) {
    const body = { model, input: 'Once: call get_weather', tools: [WEATHER], reasoning: { effort: 'low' as const } };
    const options = { headers: { 'idempotency-key': `responses-${model}-${stream}` } };
    const ask = async () => {
      if (!stream) return await house.client.responses.create(body, options).withResponse();
      const { data, response } = await house.client.responses.create({ ...body, stream }, options).withResponse();
      for await (const event of data)
        if (event.type === 'response.completed') return { data: event.response, response };
      assert.fail('it did not complete');
    };
    const heard = house.own.heard.length;
    const first = await ask();
    const second = await ask();
    assert.equal(second.response.headers.get('idempotent-replayed'), 'true');
    assert.equal(first.data.output[0]?.type, 'reasoning');
    callIn(first.data);
    assert.deepEqual(lasting(second.data), lasting(first.data));
    if (model === OWN) assert.equal(house.own.heard.length, heard + 1);
    else assert.equal(callsWith(house.claude, 'Once: call').length, stream ? 2 : 1);
    const other = await errorOf(house.client.responses.create({ model, input: 'Other' }, options));
    assert.deepEqual([other.status, other.code], [422, 'idempotency_mismatch']);
  }
});

test('closing the connection cancels, and its response says so', async () => {
  const stream = house.client.responses.stream({ model: GPT, input: 'Leave me [[sim tokens=400 rate=20]]' });
  let id = '';
  await assert.rejects(async () => {
    for await (const event of stream) {
      if (event.type === 'response.created') id = event.response.id;
      if (event.type === 'response.output_text.delta') stream.abort();
    }
    await stream.finalResponse();
  });
  const found = await eventually(async () => {
    const now = await house.client.responses.retrieve(id);
    return now.status === 'cancelled' && now.output.length > 0 ? now : null;
  }, 'the cancel');
  assert.equal(found.error, null);
});
