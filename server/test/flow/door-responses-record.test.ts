/** Responses by their ids: looked at, gone on from, erased. And who does not find them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type OpenAI from 'openai';
import { call, type Json, outcome, post } from '../support/api.ts';
import {
  ALL,
  CLAUDE,
  callIn,
  errorOf,
  GPT,
  newClient,
  OWN,
  type ResponsesHouse,
  requestOf,
  sentWith,
  startResponsesHouse,
  WEATHER,
} from '../support/responses.ts';
import { runGoblin } from '../support/server.ts';

let house: ResponsesHouse;
let client: OpenAI;
let other: OpenAI;
/** Of the same tenant: another program, and who may read what is stored. */
let colleague: OpenAI;
let boss: OpenAI;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
let mine: Record<string, string>;

before(async () => {
  house = await startResponsesHouse({ MCP_AUTH: 'required' });
  const keyOf = async (tenant: string, role = 'service'): Promise<string> =>
    (await runGoblin(['key', 'create', '--tenant', tenant, '--role', role], house.server)).stdout.trim();
  const key = await keyOf('acme');
  mine = bearer(key);
  client = newClient(house.server, key);
  other = newClient(house.server, await keyOf('other'));
  colleague = newClient(house.server, await keyOf('acme'));
  boss = newClient(house.server, await keyOf('acme', 'admin'));
});
after(() => house.close());

test('nobody without a key learns anything', async () => {
  const id = 'resp_01890000-0000-7000-8000-000000000000';
  const calls: [method: string, path: string, raw?: string][] = [
    ['POST', '/v1/responses', '{broken'],
    ['GET', `/v1/responses/${id}`],
    ['GET', `/v1/responses/${id}?stream=true&starting_after=x`],
    ['DELETE', `/v1/responses/${id}`],
    ['POST', `/v1/responses/${id}/cancel`],
    ['POST', '/v1/responses/compact', '{}'],
    ['GET', '/v1/responses/nonsense/input_items?limit=junk'],
  ];
  for (const [method, path, raw] of calls) {
    const answer = await call<{ error: Json }>(house.server, path, { method, ...(raw === undefined ? {} : { raw }) });
    assert.deepEqual([answer.status, answer.body.error.code], [401, 'unauthorized'], `${method} ${path}`);
  }
});

test('a chain of responses: each goes on from the one before, with its own instructions alone', async () => {
  for (const model of ALL) {
    const first = await client.responses.create({
      model,
      input: `My name is Ann, ${model}.`,
      instructions: 'Be brief.',
    });
    const second = await client.responses.create({
      model,
      input: 'What is my name?',
      previous_response_id: first.id,
      instructions: 'Be polite.',
    });
    assert.equal(second.previous_response_id, first.id);
    const third = await client.responses
      .stream({ model, input: `And the third turn, ${model}?`, previous_response_id: second.id })
      .finalResponse();
    const sent = sentWith(house, `And the third turn, ${model}?`);
    const places = [`My name is Ann, ${model}.`, 'What is my name?', 'And the third turn'].map((text) =>
      sent.indexOf(text),
    );
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.ok(
      places.every((place) => place > 0),
      sent,
    );
    for (const said of [first, second]) assert.ok(sent.includes(JSON.stringify(said.output_text).slice(1, -1)), sent);
    assert.doesNotMatch(sent, /Be brief|Be polite|previous_response_id/);
    assert.match(sentWith(house, 'What is my name?'), /And the third turn/);
    const found = await client.responses.retrieve(third.id);
    assert.deepEqual([found.previous_response_id, found.instructions], [second.id, null]);
    assert.equal((await client.responses.retrieve(second.id)).instructions, 'Be polite.');
  }
});

test('a chain through several vendors: reasoning that one of them signed comes back to it', async () => {
  const tools = [WEATHER];
  const reasoning = { effort: 'medium' as const };
  const first = await client.responses.create({
    model: CLAUDE,
    input: 'Think, then call get_weather [[sim reasoning=6]]',
    tools,
    reasoning,
  });
  assert.equal(first.output[0]?.type, 'reasoning');
  // The vendor checks the signature of its thinking, and wants it before the call.
  const second = await client.responses.create({
    model: CLAUDE,
    previous_response_id: first.id,
    input: [{ type: 'function_call_output', call_id: callIn(first).call_id, output: 'hail' }],
    tools,
    reasoning,
  });
  assert.match(second.output_text, /hail/);
  const third = await client.responses.create({
    model: GPT,
    previous_response_id: second.id,
    input: 'Sum up the hail.',
  });
  assert.match(sentWith(house, 'Sum up the hail.'), /hail.*Sum up/);
  const fourth = await client.responses.create({
    model: CLAUDE,
    previous_response_id: third.id,
    input: 'Thank you all.',
  });
  assert.equal(fourth.status, 'completed');
  assert.match(sentWith(house, 'Thank you all.'), /"signature":"EqRk/);

  const own = await client.responses.create({ model: OWN, input: 'Please call get_weather', tools });
  await client.responses.create({
    model: OWN,
    previous_response_id: own.id,
    input: [{ type: 'function_call_output', call_id: callIn(own).call_id, output: 'fog today' }],
    tools,
  });
  const sent = JSON.stringify(house.own.heard.at(-1));
  assert.match(sent, /rs_vendor1.*gAAAAAB-encrypted-by-the-vendor.*call_vendor1.*fog today/);
  assert.doesNotMatch(sent, /_mcp_|previous_response_id/);
});

test('unknown, not stored and of another tenant: nobody can tell them apart', async () => {
  const stored = await client.responses.create({ model: GPT, input: 'Stored.' });
  const unstored = await client.responses.create({ model: GPT, input: 'Not stored.', store: false });
  assert.equal((unstored as unknown as Json).store, false);
  const unknown = `resp_${stored.id.slice(5, -12)}000000000000`;
  const errors: string[] = [];
  const cases: [OpenAI, string][] = [
    [client, unknown],
    [client, unstored.id],
    [other, stored.id],
    [client, 'resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b'],
    [client, "resp_' or 1=1"],
  ];
  for (const [who, id] of cases) {
    const about = [
      await errorOf(who.responses.create({ model: GPT, input: 'On.', previous_response_id: id })),
      await errorOf(who.responses.retrieve(id)),
      await errorOf(who.responses.cancel(id)),
      await errorOf(who.responses.delete(id)),
      await errorOf((async () => await who.responses.inputItems.list(id))()),
    ];
    for (const error of about) assert.equal(error.status, 404, error.message);
    assert.deepEqual([about[0]?.code, about[0]?.param], ['previous_response_not_found', 'previous_response_id']);
    errors.push(
      about.map(({ message }) => message.replaceAll(id, 'ID').replace('with that id', 'with the id ID')).join('\n'),
    );
  }
  assert.equal(new Set(errors).size, 1, errors.join('\n\n'));
  assert.equal((await client.responses.retrieve(stored.id)).id, stored.id);
  // Our own record has both.
  assert.equal((await outcome(house.server, requestOf(unstored), mine)).status, 200);
  const broken = await errorOf(
    client.responses.create({ model: GPT, input: 'Fail. [[sim fault=status-400]]', background: false }),
  );
  const failed = broken.headers?.get('x-mcp-request-id');
  const after = await errorOf(
    client.responses.create({ model: GPT, input: 'On.', previous_response_id: `resp_${failed}` }),
  );
  assert.deepEqual([after.status, after.param], [400, 'previous_response_id']);
  assert.match(after.message, /ended without an answer \(failed\)/);
});

test('erased: not found any more, by nobody; the record says that it was', async () => {
  const long = 'Long enough to be kept apart. '.repeat(30);
  const body = {
    model: GPT,
    input: [
      { role: 'user' as const, content: long },
      { role: 'user' as const, content: 'Short.' },
    ],
  };
  const options = { headers: { 'idempotency-key': 'erase-1' } };
  const told = await client.responses.create(body, options);
  const id = requestOf(told);
  const refused = await errorOf(other.responses.delete(told.id));
  assert.equal(refused.status, 404);
  const deleted = (await client.responses.delete(told.id)) as unknown as { deleted: boolean; x_mcp: Json };
  assert.equal(deleted.deleted, true);
  assert.match(String(deleted.x_mcp.shared_texts_until), /^\d{4}-\d\d-\d\d$/);
  const errors = await Promise.all(
    [
      client.responses.retrieve(told.id),
      client.responses.delete(told.id),
      client.responses.create({ model: GPT, input: 'On.', previous_response_id: told.id }),
    ].map((work) => errorOf(work as Promise<unknown>)),
  );
  for (const error of errors) assert.equal(error.status, 404);
  const result = await call(house.server, `/mcp/v1/request/${id}/result`, { headers: mine });
  assert.equal(result.status, 410);
  const row = await call<Json>(house.server, `/mcp/v1/request/${id}`, { headers: mine });
  assert.deepEqual([row.body.status, row.body.metadata], ['succeeded', null]);
  const again = await errorOf(client.responses.create(body, options));
  assert.deepEqual([again.status, again.code], [410, 'gone']);
  const trail = await call<{ items: { type: string }[] }>(house.server, `/mcp/v1/request/${id}/events`, {
    headers: mine,
  });
  assert.equal(trail.body.items.at(-1)?.type, 'request.erased');
  const stream = await call<Json>(house.server, `/mcp/v1/stream/${id}`, { headers: mine });
  assert.deepEqual([stream.status, stream.body.code], [410, 'gone']);
});

test('others of the tenant have the answer, not what was asked; who may read that leaves a trace', async () => {
  const told = await client.responses.create({ model: GPT, instructions: 'Top secret.', input: 'Between us.' });
  const seen = await colleague.responses.retrieve(told.id);
  assert.deepEqual([seen.output_text, seen.instructions], [told.output_text, null]);
  const lost = await errorOf(
    colleague.responses.create({ model: GPT, input: 'Say it again.', previous_response_id: told.id }),
  );
  assert.deepEqual([lost.status, lost.code], [404, 'previous_response_not_found']);
  const [item] = told.output;
  const reference = [{ type: 'item_reference' as const, id: item?.id ?? '' }];
  assert.equal((await errorOf(colleague.responses.create({ model: GPT, input: reference }))).status, 400);
  const listed = (who: OpenAI) => who.responses.inputItems.list(told.id).then(({ data }) => data.length);
  assert.equal((await errorOf(listed(colleague))).status, 403);
  assert.equal((await errorOf(colleague.responses.delete(told.id))).status, 403);
  const reads = async () => {
    const path = `/mcp/v1/request/${requestOf(told)}/events`;
    const trail = await call<{ items: { type: string }[] }>(house.server, path, { headers: mine });
    return trail.body.items.filter(({ type }) => type === 'content.read').length;
  };
  assert.equal(await listed(client), 1);
  assert.equal(await reads(), 0, 'what one asked oneself is no secret');
  assert.equal(await listed(boss), 1);
  await boss.responses.create({ model: GPT, input: 'On.', previous_response_id: told.id });
  assert.equal(await reads(), 2);
  await boss.responses.delete(told.id);
  assert.equal((await errorOf(client.responses.retrieve(told.id))).status, 404);
});

test('a request of another door is found too, and gone on from', async () => {
  const chat = await post<{ id: string }>(
    house.server,
    '/v1/chat/completions',
    {
      model: GPT,
      messages: [
        { role: 'system', content: 'Be odd.' },
        { role: 'user', content: 'From the chat door.' },
      ],
    },
    mine,
  );
  const id = `resp_${chat.headers.get('x-mcp-request-id')}`;
  const found = await client.responses.retrieve(id);
  assert.match(found.output_text, /From the chat door/);
  await client.responses.create({ model: GPT, input: 'On from the chat.', previous_response_id: id });
  assert.match(sentWith(house, 'On from the chat.'), /Be odd.*From the chat door.*On from the chat/);
});
