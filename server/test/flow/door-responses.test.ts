/** The Responses door with OpenAI's own client: vendors of three dialects behind it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, type Json, post, result, view } from '../support/api.ts';
import {
  ALL,
  asInput,
  CLAUDE,
  callIn,
  errorOf,
  factsOf,
  GPT,
  lasting,
  OWN,
  PIXEL,
  type ResponsesHouse,
  requestOf,
  startResponsesHouse,
  WEATHER,
} from '../support/responses.ts';

let house: ResponsesHouse;
before(async () => {
  house = await startResponsesHouse();
});
after(() => house.close());

/** Without its provider. */
const nameOf = (model: string): string => model.slice(model.indexOf('/') + 1);

test('unstreamed and streamed, from three dialects: our ids, the headers, the record', async () => {
  for (const model of ALL) {
    const body = { model, input: `Speak through ${model}.`, instructions: 'Be kind.', metadata: { team: 'search' } };
    const { data, response } = await house.client.responses.create(body).withResponse();
    assert.match(data.output_text, /Speak through/);
    assert.deepEqual([data.status, data.model, data.instructions], ['completed', nameOf(model), 'Be kind.']);
    assert.deepEqual([data.metadata, data.error, data.previous_response_id], [{ team: 'search' }, null, null]);
    const id = response.headers.get('x-mcp-request-id') ?? '';
    assert.equal(data.id, `resp_${id}`);
    assert.ok(
      data.output.every((item) => item.id?.includes(id)),
      'no id is the vendor’s',
    );
    assert.equal(response.headers.get('x-mcp-provider'), model.split('/')[0]);
    assert.equal(response.headers.get('x-mcp-attempts'), '1');
    assert.ok((data.usage?.output_tokens ?? 0) > 0);
    assert.deepEqual([factsOf(data).request_id, factsOf(data).attempts], [id, 1]);
    assert.equal((await result(house.server, id)).text, data.output_text);

    const stream = house.client.responses.stream(body);
    const types: string[] = [];
    const numbers: number[] = [];
    let text = '';
    for await (const event of stream) {
      types.push(event.type);
      numbers.push(event.sequence_number);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    const final = await stream.finalResponse();
    assert.equal(text, data.output_text);
    assert.equal(final.output_text, text);
    assert.deepEqual(
      [types[0], types[1], types.at(-1)],
      ['response.created', 'response.in_progress', 'response.completed'],
    );
    assert.deepEqual(numbers, [...numbers.keys()], 'from 0, without a gap');
    assert.ok(types.filter((type) => type === 'response.output_text.delta').length > 1);
    assert.equal(factsOf(final).provider, model.split('/')[0]);
    // Afterwards both are found by their ids, as they were told.
    for (const told of [data, final]) {
      const found = await house.client.responses.retrieve(told.id);
      assert.ok((found.completed_at ?? 0) >= found.created_at);
      assert.ok(Math.abs((told.completed_at ?? 0) - (found.completed_at ?? 0)) <= 10, `${told.completed_at}`);
      assert.deepEqual(lasting(found), lasting(told));
    }
    assert.deepEqual((await view(house.server, requestOf(final))).status, 'succeeded');
  }
});

test('a vendor of the dialect gets the body as it came, and its own reasoning back', async () => {
  const body = {
    model: OWN,
    input: [{ role: 'user' as const, content: 'Please call get_weather' }],
    tools: [WEATHER],
    include: ['reasoning.encrypted_content' as const],
    store: false,
    prompt_cache_key: 'k',
    unheard_of: { a: 1 },
  };
  const first = await house.client.responses.create(body);
  const { stream, ...heard } = house.own.heard.at(-1) ?? {};
  assert.deepEqual([stream, heard], [false, { ...body, model: 'own-1' }]);
  const call = callIn(first);
  assert.equal(call.call_id, 'call_vendor1');
  const second = await house.client.responses.create({
    ...body,
    input: [
      ...body.input,
      ...asInput(first.output),
      { type: 'function_call_output', call_id: call.call_id, output: 'raining' },
    ],
  });
  assert.match(second.output_text, /It is raining/);
  const items = house.own.heard.at(-1)?.input as Record<string, unknown>[];
  assert.deepEqual(
    items.map(({ type, id, encrypted_content }) => [type, id, encrypted_content]),
    [
      [undefined, undefined, undefined],
      ['reasoning', 'rs_vendor1', 'gAAAAAB-encrypted-by-the-vendor'],
      ['function_call', undefined, undefined],
      ['function_call_output', undefined, undefined],
    ],
  );
});

test('tools, in both ways, and their results', async () => {
  for (const model of ALL) {
    const body = { model, input: 'Please call get_weather now', tools: [WEATHER] };
    const whole = await house.client.responses.create(body);
    const made = callIn(whole);
    assert.equal(made.name, 'get_weather');
    assert.equal(typeof JSON.parse(made.arguments).city, 'string');
    const streamed = await house.client.responses.stream(body).finalResponse();
    assert.equal(callIn(streamed).arguments, made.arguments);
    const last = await house.client.responses.create({
      ...body,
      input: [
        { role: 'user', content: body.input },
        ...asInput(whole.output),
        { type: 'function_call_output', call_id: made.call_id, output: `sunny says ${model}` },
      ],
    });
    assert.match(last.output_text, /sunny says/);
  }
  const forced = await house.client.responses.create({
    model: CLAUDE,
    input: 'Anything',
    tools: [WEATHER],
    tool_choice: { type: 'function', name: 'get_weather' },
  });
  assert.equal(callIn(forced).name, 'get_weather');
  const search = { model: GPT, input: 'Search.', tools: [{ type: 'web_search' as const }] };
  const refused = await errorOf(house.client.responses.create(search));
  assert.deepEqual([refused.status, refused.code], [400, 'unsupported_by_target']);
  await house.client.responses.create({ ...search, model: OWN });
  assert.deepEqual(house.own.heard.at(-1)?.tools, [{ type: 'web_search' }]);
});

test('images and structured output', async () => {
  for (const model of [GPT, CLAUDE]) {
    const seen = await house.client.responses.create({
      model,
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is it?' },
            { type: 'input_image', image_url: PIXEL, detail: 'low' },
          ],
        },
      ],
    });
    assert.match(seen.output_text, /1 image/);
  }
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  };
  const format = { type: 'json_schema' as const, name: 'place', schema, strict: true };
  const made = await house.client.responses.create({ model: GPT, input: 'Where?', text: { format } });
  assert.equal(typeof JSON.parse(made.output_text).city, 'string');
  assert.deepEqual(made.text?.format, format);
  const again = await house.client.responses.retrieve(made.id);
  assert.deepEqual(again.text?.format, format);
});

test('an answer that hits its bound is incomplete, streamed too', async () => {
  const body = { model: GPT, input: 'Much [[sim tokens=60]]', max_output_tokens: 20 };
  const whole = await house.client.responses.create(body);
  assert.deepEqual([whole.status, whole.incomplete_details], ['incomplete', { reason: 'max_output_tokens' }]);
  const types: string[] = [];
  for await (const event of await house.client.responses.create({ ...body, stream: true })) types.push(event.type);
  assert.equal(types.at(-1), 'response.incomplete');
  assert.equal((await house.client.responses.retrieve(whole.id)).status, 'incomplete');
});

test("errors have OpenAI's shape, and say which field", async () => {
  const refused = async (body: Json, status: number, code: string, param: string | null) => {
    const answer = await post<{ error: Json }>(house.server, '/v1/responses', body);
    assert.equal(answer.status, status, answer.text);
    const { message, type, ...rest } = answer.body.error;
    assert.deepEqual(rest, { code, param }, answer.text);
    assert.equal(typeof message, 'string');
    assert.equal(type, status === 401 ? 'authentication_error' : 'invalid_request_error');
    assert.equal(answer.headers.get('x-should-retry'), 'false');
  };
  await refused({ model: GPT }, 400, 'invalid_request', 'input');
  await refused({ model: GPT, input: 'x', conversation: 'conv_1' }, 400, 'invalid_request', 'conversation');
  await refused({ model: GPT, input: 'x', background: true, store: false }, 400, 'invalid_request', 'background');
  await refused({ model: 'nobody/none', input: 'x' }, 404, 'unknown_model', null);
  const input = [{ type: 'item_reference', id: 'msg_67ccf18f64008190a39b619f4c8455ef087bb177ab789d5c' }];
  await refused({ model: GPT, input }, 400, 'invalid_request', 'input.0');
  const headers = { 'x-mcp-failover': 'restart' };
  const failover = await post(house.server, '/v1/responses', { model: GPT, input: 'x', stream: true }, headers);
  assert.equal(failover.status, 400);
  const compact = await post(house.server, '/v1/responses/compact', { model: GPT, input: 'x' });
  assert.equal(compact.status, 404, compact.text);
  const typed = await errorOf(house.client.responses.create({ model: GPT, input: 'x [[sim fault=context-too-long]]' }));
  assert.deepEqual([typed.status, typed.code], [400, 'upstream_context_too_long']);
  for (const stream of [false, true]) {
    const limited = await errorOf(
      house.client.responses.create({ model: GPT, input: `x ${stream} [[sim fault=status-400]]`, stream }),
    );
    assert.deepEqual([limited.status, limited.code], [400, 'upstream_rejected']);
  }
});

test('the document describes the door', async () => {
  const { body } = await call<{ paths: Record<string, Record<string, unknown>> }>(house.server, '/openapi.json');
  const methods = (path: string) => Object.keys(body.paths[path] ?? {}).sort();
  assert.deepEqual(methods('/v1/responses'), ['post']);
  assert.deepEqual(methods('/v1/responses/{id}'), ['delete', 'get']);
  assert.deepEqual(methods('/v1/responses/{id}/cancel'), ['post']);
  assert.deepEqual(methods('/v1/responses/{id}/input_items'), ['get']);
});
