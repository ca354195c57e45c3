/** Items of responses: named by their ids alone, and listed. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type OpenAI from 'openai';
import {
  CLAUDE,
  callIn,
  errorOf,
  GPT,
  newClient,
  OWN,
  type ResponsesHouse,
  startResponsesHouse,
  WEATHER,
} from '../support/responses.ts';
import { runGoblin } from '../support/server.ts';
import { callsWith } from '../support/vendors.ts';

let house: ResponsesHouse;
let client: OpenAI;
let other: OpenAI;

before(async () => {
  house = await startResponsesHouse({ MCP_AUTH: 'required' });
  const keyOf = async (tenant: string): Promise<string> =>
    (await runGoblin(['key', 'create', '--tenant', tenant], house.server)).stdout.trim();
  const key = await keyOf('acme');
  client = newClient(house.server, key);
  other = newClient(house.server, await keyOf('other'));
});
after(() => house.close());

test('items that are named by their ids alone', async () => {
  const first = await client.responses.create({ model: OWN, input: 'Please call get_weather', tools: [WEATHER] });
  const made = callIn(first);
  const named = first.output.map(({ id }) => ({ type: 'item_reference' as const, id: id ?? '' }));
  const input = [
    { role: 'user' as const, content: 'Please call get_weather' },
    ...named,
    { type: 'function_call_output' as const, call_id: made.call_id, output: 'named snow' },
  ];
  assert.match((await client.responses.create({ model: OWN, input })).output_text, /named snow/);
  assert.match(JSON.stringify(house.own.heard.at(-1)), /gAAAAAB-encrypted-by-the-vendor.*call_vendor1.*named snow/);
  await client.responses.create({ model: GPT, input });
  assert.match(JSON.stringify(callsWith(house.gpt, 'named snow')[0]?.body), /"tool_calls":\[\{"id":"call_vendor1"/);
  const foreign = await errorOf(other.responses.create({ model: GPT, input }));
  assert.deepEqual([foreign.status, foreign.param], [400, 'input.1']);
  const many = Array.from({ length: 300 }, (_none, n) => ({
    type: 'item_reference' as const,
    id: `msg_mcp_01a215af-8119-7000-8194-${String(n).padStart(12, '0')}_0`,
  }));
  assert.equal((await errorOf(client.responses.create({ model: GPT, input: many }))).status, 400);
});

test('the input of a response, page by page, and its items by their ids', async () => {
  const first = await client.responses.create({
    model: CLAUDE,
    instructions: 'Not an item.',
    input: 'Think, then call get_weather [[sim reasoning=4]]',
    reasoning: { effort: 'low' },
    tools: [WEATHER],
  });
  const second = await client.responses.create({
    model: CLAUDE,
    previous_response_id: first.id,
    input: [
      { type: 'function_call_output', call_id: callIn(first).call_id, output: 'wind' },
      { role: 'user', content: [{ type: 'input_text', text: 'Well?' }] },
    ],
    reasoning: { effort: 'low' },
    tools: [WEATHER],
  });
  const all = [];
  for await (const item of client.responses.inputItems.list(second.id, { order: 'asc', limit: 2 })) all.push(item);
  assert.deepEqual(
    all.map(({ type }) => type),
    ['message', 'reasoning', 'function_call', 'function_call_output', 'message'],
  );
  assert.equal(new Set(all.map(({ id }) => id)).size, 5);
  assert.doesNotMatch(JSON.stringify(all), /Not an item/);
  const newest = await client.responses.inputItems.list(second.id, { limit: 1 });
  assert.deepEqual([newest.data[0], newest.has_more], [all.at(-1), true]);
  // What is listed can be sent again, as it is or by its ids: the vendor finds its signature.
  for (const input of [all, all.map(({ id }) => ({ type: 'item_reference' as const, id: id ?? '' }))]) {
    const again = await client.responses.create({
      model: CLAUDE,
      input: input as OpenAI.Responses.ResponseInput,
      tools: [WEATHER],
      reasoning: { effort: 'low' },
    });
    assert.match(again.output_text, /Well/);
    const calls = callsWith(house.claude, 'wind');
    const [before, now] = calls.slice(-2).map(({ body }) => (body as { messages: unknown }).messages);
    assert.deepEqual(now, before, 'the very same conversation');
    assert.match(JSON.stringify(now), /"signature":"EqRk.*"tool_use".*wind.*Well/);
  }
  const wrong = await errorOf((async () => await client.responses.inputItems.list(second.id, { after: 'msg_none' }))());
  assert.deepEqual([wrong.status, wrong.param], [400, 'after']);
});
