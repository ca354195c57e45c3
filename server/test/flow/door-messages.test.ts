/** The messages door with Anthropic's own client: vendors of both dialects behind it, and the built-in simulator. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Anthropic from '@anthropic-ai/sdk';
import { result, view } from '../support/api.ts';
import {
  ask,
  BOTH,
  bodyOf,
  CLAUDE,
  errorOf,
  GPT,
  type MessagesHouse,
  newClient,
  PIXEL,
  startMessagesHouse,
  textIn,
  WEATHER,
} from '../support/messages.ts';
import { startServer } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith } from '../support/vendors.ts';

let house: MessagesHouse;
before(async () => {
  house = await startMessagesHouse();
});
after(() => house.close());

test('unstreamed and streamed, from both dialects: the same text, the headers, the record', async () => {
  for (const model of BOTH) {
    const content = `Speak through ${model}. [[sim tokens=20]]`;
    const { data, response, request_id } = await house.client.messages.create(ask(content, model)).withResponse();
    assert.match(textIn(data), /You wrote: "Speak through/);
    assert.deepEqual([data.type, data.role, data.stop_reason], ['message', 'assistant', 'end_turn']);
    assert.equal(data.usage.output_tokens, 20);
    assert.equal(response.headers.get('x-mcp-provider'), model.split('/')[0]);
    assert.equal(response.headers.get('x-mcp-attempts'), '1');
    assert.ok(Number(response.headers.get('x-mcp-cost-usd')) > 0);
    assert.equal(request_id, response.headers.get('x-mcp-request-id'));
    assert.equal((await result(house.server, request_id ?? '')).text, textIn(data));
    const stream = house.client.messages.stream(ask(content, model));
    const events: string[] = [];
    let truth: { request_id?: string; attempts?: number; cost_usd?: number } = {};
    stream.on('streamEvent', (event) => {
      events.push(event.type);
      if (event.type === 'message_delta') truth = (event as unknown as { x_mcp: typeof truth }).x_mcp;
    });
    const message = await stream.finalMessage();
    assert.equal(textIn(message), textIn(data));
    assert.equal(message.usage.output_tokens, 20);
    assert.ok(message.usage.input_tokens > 0);
    assert.deepEqual([events[0], events.at(-2), events.at(-1)], ['message_start', 'message_delta', 'message_stop']);
    assert.ok(events.filter((type) => type === 'content_block_delta').length > 5);
    assert.equal(truth.request_id, stream.request_id);
    assert.equal(truth.attempts, 1);
    assert.ok((truth.cost_usd ?? 0) > 0);
    // The end is written behind the answer: its result waits for it.
    await result(house.server, truth.request_id ?? '');
    const row = await view(house.server, truth.request_id ?? '');
    assert.deepEqual([row.status, row.attempts[0]?.provider], ['succeeded', model.split('/')[0]]);
    const frames = await readAll(openSse(house.server, truth.request_id ?? ''));
    assert.equal(checkFrames(frames).status, 'succeeded');
    assert.equal(textOf(frames), textIn(message));
  }
});

test("a vendor of the dialect has its events re-sent as they came, the caller's body too", async () => {
  const body = {
    ...ask('Byte for byte. [[sim tokens=12]]'),
    stream: true,
    system: [{ type: 'text', text: 'Be kind.', cache_control: { type: 'ephemeral' } }],
    metadata: { user_id: 'someone' },
    top_k: 5,
  };
  const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' };
  const read = async (url: string, model: string, key: Record<string, string>) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { ...headers, ...key },
      body: JSON.stringify({ ...body, model }),
    });
    assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    return await answer.text();
  };
  // What a first call writes into the vendor's cache, a second one reads: both shall find it there.
  await read(`${house.claude.url}/messages`, 'claude-sonnet-4-5', { 'x-api-key': house.claude.key });
  const direct = await read(`${house.claude.url}/messages`, 'claude-sonnet-4-5', { 'x-api-key': house.claude.key });
  const ours = await read(house.server.url('/v1/messages'), CLAUDE, {});
  const head = (text: string) => text.slice(0, text.indexOf('event: message_delta'));
  assert.ok(head(direct).length > 500);
  assert.equal(head(ours), head(direct));
  const sent = callsWith(house.claude, 'Byte for byte.').at(-1);
  assert.deepEqual(bodyOf(sent), { ...body, model: 'claude-sonnet-4-5' });
});

test('betas go to vendors of the dialect, nothing else of the caller does; any version is taken', async () => {
  const betas = 'context-management-2025-06-27,interleaved-thinking-2025-05-14';
  const headers = { 'anthropic-beta': betas, 'anthropic-version': '2026-10-21', 'x-own': 'no', cookie: 'no' };
  const message = await house.client.messages.stream(ask('Hello', 'ear/ear-1'), { headers }).finalMessage();
  assert.equal(textIn(message), 'Hello Wörld 🎉!');
  assert.equal(message.model, 'claude-opus-4-8', 'as the vendor names it');
  const { headers: got, path } = house.ear.heard.at(-1) ?? { headers: {}, path: '' };
  assert.equal(path, '/v1/messages');
  assert.equal(got['anthropic-beta'], betas);
  assert.equal(got['anthropic-version'], '2023-06-01');
  assert.deepEqual(
    [got['x-own'], got.cookie, got.authorization, got['x-api-key']],
    [undefined, undefined, undefined, undefined],
  );
  await errorOf(
    house.client.messages.create(ask('Hello', 'other/other-1'), {
      headers: { ...headers, 'x-mcp-deadline-ms': '6000' },
    }),
  );
  assert.equal(house.ear.heard.at(-1)?.path, '/v1/chat/completions');
  assert.equal(house.ear.heard.at(-1)?.headers['anthropic-beta'], undefined);
  const long = await errorOf(
    house.client.messages.create(ask('x'), { headers: { 'anthropic-beta': 'b'.repeat(5000) } }),
  );
  assert.deepEqual([long.status, long.errorCode], [400, 'invalid_request']);
});

test('tools, in both ways, and their results', async () => {
  for (const model of BOTH) {
    const body = { ...ask('Please call get_weather now', model), tools: [WEATHER] };
    const message = await house.client.messages.stream(body).finalMessage();
    assert.equal(message.stop_reason, 'tool_use');
    const made = message.content.find((block) => block.type === 'tool_use');
    assert.ok(made?.type === 'tool_use');
    assert.equal(made.name, 'get_weather');
    assert.equal(typeof (made.input as { city: unknown }).city, 'string');
    const whole = await house.client.messages.create(body);
    const again = whole.content.find((block) => block.type === 'tool_use');
    assert.deepEqual(again?.type === 'tool_use' && again.input, made.input);
    const last = await house.client.messages.create({
      ...body,
      messages: [
        ...body.messages,
        { role: 'assistant', content: message.content },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: made.id,
              content: [
                { type: 'text', text: 'sunny' },
                { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
              ],
            },
          ],
        },
      ],
    });
    // OpenAI takes no images in results: there it follows as a message of its own.
    assert.match(textIn(last), model === GPT ? /1 image/ : /sunny/);
    const forced = await house.client.messages.create({
      ...ask('Anything', model),
      tools: [WEATHER],
      tool_choice: { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true },
    });
    assert.equal(forced.stop_reason, 'tool_use');
  }
});

test('images, documents of text, and a document that only one vendor can read', async () => {
  for (const model of BOTH) {
    const seen = await house.client.messages.create(
      ask(
        [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
          {
            type: 'document',
            title: 'Notes',
            source: { type: 'text', media_type: 'text/plain', data: 'Green grass.' },
          },
          { type: 'text', text: 'What is it?' },
        ],
        model,
      ),
    );
    assert.match(textIn(seen), /1 image/);
  }
  assert.match(JSON.stringify(callsWith(house.gpt, 'What is it?')[0]?.body), /Notes\\n\\nGreen grass\./);
  const pdf = (model: string) =>
    ask(
      [
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
        { type: 'text', text: 'Read this PDF.' },
      ],
      model,
    );
  assert.equal((await house.client.messages.create(pdf(CLAUDE))).stop_reason, 'end_turn');
  const refused = await errorOf(house.client.messages.create(pdf(GPT)));
  assert.deepEqual([refused.status, refused.errorCode], [400, 'unsupported_by_target']);
  assert.equal(callsWith(house.gpt, 'Read this PDF.').length, 0);
});

test('server tools go to Anthropic only', async () => {
  const tools: Anthropic.ToolUnion[] = [{ type: 'web_search_20250305', name: 'web_search' }];
  const refused = await errorOf(house.client.messages.create({ ...ask('Search.', GPT), tools }));
  assert.deepEqual(
    [refused.status, refused.type, refused.errorCode],
    [400, 'invalid_request_error', 'unsupported_by_target'],
  );
  assert.match(refused.message, /web_search_20250305/);
  // The loopback vendor knows no server tools, and says so: it was asked.
  await errorOf(house.client.messages.create({ ...ask('Search at home.'), tools }));
  assert.deepEqual(bodyOf(callsWith(house.claude, 'Search at home.')[0]).tools, tools);
});

test('structured output', async () => {
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  };
  const output_config = { format: { type: 'json_schema' as const, schema } };
  const answer = await house.client.messages.create({ ...ask('Schema please', GPT), output_config });
  assert.equal(typeof JSON.parse(textIn(answer)).ok, 'boolean');
  assert.deepEqual(
    (bodyOf(callsWith(house.gpt, 'Schema please')[0]).response_format as { type: string }).type,
    'json_schema',
  );
  await house.client.messages.create({ ...ask('Schema at home'), output_config });
  assert.deepEqual(bodyOf(callsWith(house.claude, 'Schema at home')[0]).output_config, output_config);
});

test('the limit and the stop sequences reach every vendor', async () => {
  for (const model of BOTH) {
    const short = await house.client.messages.create({ ...ask('Long. [[sim tokens=50]]', model), max_tokens: 5 });
    assert.deepEqual([short.stop_reason, short.usage.output_tokens], ['max_tokens', 5]);
    const stopped = await house.client.messages.create({ ...ask('Say STOP here', model), stop_sequences: ['STOP'] });
    assert.ok(!textIn(stopped).includes('STOP'));
  }
});

test('count_tokens: an estimate, of the whole prompt', async () => {
  const one = await house.client.messages.countTokens({
    model: CLAUDE,
    messages: [{ role: 'user', content: 'Hello, world' }],
  });
  assert.ok(one.input_tokens >= 3 && one.input_tokens < 20, String(one.input_tokens));
  const more = await house.client.messages.countTokens({
    model: CLAUDE,
    system: 'Be kind. '.repeat(100),
    tools: [WEATHER],
    messages: [
      { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }] },
    ],
  });
  assert.ok(more.input_tokens > 1200, String(more.input_tokens));
  const beta = await house.client.beta.messages.countTokens({
    model: CLAUDE,
    messages: [{ role: 'user', content: 'Hello, world' }],
  });
  assert.equal(beta.input_tokens, one.input_tokens);
});

test('the built-in simulator answers when nothing is configured', { timeout: 60_000 }, async () => {
  const alone = await startServer();
  try {
    const message = await newClient(alone).messages.stream(ask('Hello', 'claude-opus-5-5')).finalMessage();
    assert.match(textIn(message), /simulator/);
    assert.equal(message.model, 'claude-opus-5-5');
  } finally {
    await alone.stop();
  }
});
