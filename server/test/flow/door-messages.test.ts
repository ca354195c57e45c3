/** The messages door with Anthropic's own client: vendors of both dialects behind it, and the built-in simulator. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { startSimulator } from '../../src/providers/simulator/index.ts';
import { call, result, view } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsOver, callsWith, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';
import { HELLO } from '../unit/dialects/fixtures/anthropic.ts';
import { type AnthropicVendor, startAnthropicVendor } from '../vendors/anthropic.ts';

const CLAUDE = 'anthropic/claude-sonnet-4-5';
const GPT = 'openai/gpt-4o-mini';
/** A vendor of OpenAI's dialect that thinks aloud, and wants its reasoning back. */
const THINKER = 'thinker/thinker-1';
const BOTH = [CLAUDE, GPT];
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Faults before an answer, and what a caller is told of them. */
const REFUSALS: [string, number, string][] = [
  ['retry-after-60', 429, 'rate_limit_error'],
  ['status-400', 400, 'invalid_request_error'],
  ['context-too-long', 400, 'invalid_request_error'],
  ['status-404', 404, 'not_found_error'],
  ['status-401', 502, 'api_error'],
  ['quota', 503, 'api_error'],
  ['status-529', 503, 'overloaded_error'],
];
/** A provider for each: what one is out for must not hold up the next. */
const refuser = (index: number, stream: boolean) => `refuses-${index}-${stream ? 'stream' : 'whole'}/claude-x`;

/** Hears what comes, and says hello in Anthropic's words. */
interface Ear {
  url: string;
  heard: { path: string; headers: IncomingHttpHeaders }[];
  close(): void;
}

async function startEar(): Promise<Ear> {
  const heard: Ear['heard'] = [];
  const listener = createServer((request, response) => {
    heard.push({ path: request.url ?? '', headers: request.headers });
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(HELLO);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, heard, close: () => void listener.close() };
}

let claude: AnthropicVendor;
let ear: Ear;
let gpt: Awaited<ReturnType<typeof startSimulator>>;
let server: Server;
let client: Anthropic;
before(async () => {
  claude = await startAnthropicVendor();
  gpt = await startSimulator({ journal: true, key: OPENAI_KEY });
  ear = await startEar();
  server = await startServer({
    env: {
      ...openaiEnv(gpt),
      ANTHROPIC_API_KEY: claude.key,
      ANTHROPIC_BASE_URL: claude.url,
      THINKER_KEY: OPENAI_KEY,
    },
    settings: {
      aliases: {
        'broken-gpt': ['thinker/thinker-1?fault=cut-after-8', CLAUDE],
        'broken-claude': ['twin/claude-sonnet-4-5?fault=cut-after-8', CLAUDE],
      },
      providers: {
        twin: {
          base_url: claude.url,
          dialect: 'anthropic',
          key_env: 'ANTHROPIC_API_KEY',
          models: ['claude-sonnet-4-5'],
        },
        thinker: { base_url: gpt.url, key_env: 'THINKER_KEY', models: ['thinker-1'] },
        ear: { base_url: ear.url, dialect: 'anthropic', models: ['ear-1'] },
        other: { base_url: ear.url, models: ['other-1'] },
        ...Object.fromEntries(
          REFUSALS.flatMap((_row, index) =>
            [false, true].map((stream) => [
              refuser(index, stream).split('/')[0],
              { base_url: claude.url, dialect: 'anthropic', key_env: 'ANTHROPIC_API_KEY', models: ['claude-x'] },
            ]),
          ),
        ),
      },
    },
  });
  client = newClient(server);
});
after(async () => {
  await server.stop();
  await claude.close();
  await gpt.close();
  ear.close();
});

const newClient = (at: Server) => new Anthropic({ baseURL: at.address, apiKey: 'unused', maxRetries: 0 });

const ask = (content: Anthropic.MessageParam['content'], model = CLAUDE) => ({
  model,
  max_tokens: 1024,
  messages: [{ role: 'user' as const, content: content as string }],
});

const textIn = (message: Anthropic.Message): string =>
  message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');

const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

async function errorOf(work: Promise<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Anthropic.APIError, String(error));
    return error;
  }
  assert.fail('it succeeded');
}

const bodyOf = (entry: { body: unknown } | undefined) => (entry?.body ?? {}) as Record<string, unknown>;

test('unstreamed and streamed, from both dialects: the same text, the headers, the record', async () => {
  for (const model of BOTH) {
    const content = `Speak through ${model}. [[sim tokens=20]]`;
    const { data, response, request_id } = await client.messages.create(ask(content, model)).withResponse();
    assert.match(textIn(data), /You wrote: "Speak through/);
    assert.deepEqual([data.type, data.role, data.stop_reason], ['message', 'assistant', 'end_turn']);
    assert.equal(data.usage.output_tokens, 20);
    assert.equal(response.headers.get('x-mcp-provider'), model.split('/')[0]);
    assert.equal(response.headers.get('x-mcp-attempts'), '1');
    assert.ok(Number(response.headers.get('x-mcp-cost-usd')) > 0);
    assert.equal(request_id, response.headers.get('x-mcp-request-id'));
    assert.equal((await result(server, request_id ?? '')).text, textIn(data));
    const stream = client.messages.stream(ask(content, model));
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
    const row = await view(server, truth.request_id ?? '');
    assert.deepEqual([row.status, row.attempts[0]?.provider], ['succeeded', model.split('/')[0]]);
    const frames = await readAll(openSse(server, truth.request_id ?? ''));
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
  await read(`${claude.url}/messages`, 'claude-sonnet-4-5', { 'x-api-key': claude.key });
  const direct = await read(`${claude.url}/messages`, 'claude-sonnet-4-5', { 'x-api-key': claude.key });
  const ours = await read(server.url('/v1/messages'), CLAUDE, {});
  const head = (text: string) => text.slice(0, text.indexOf('event: message_delta'));
  assert.ok(head(direct).length > 500);
  assert.equal(head(ours), head(direct));
  const sent = callsWith(claude, 'Byte for byte.').at(-1);
  assert.deepEqual(bodyOf(sent), { ...body, model: 'claude-sonnet-4-5' });
});

test('betas go to vendors of the dialect, nothing else of the caller does; any version is taken', async () => {
  const betas = 'context-management-2025-06-27,interleaved-thinking-2025-05-14';
  const headers = { 'anthropic-beta': betas, 'anthropic-version': '2026-10-21', 'x-own': 'no', cookie: 'no' };
  const message = await client.messages.stream(ask('Hello', 'ear/ear-1'), { headers }).finalMessage();
  assert.equal(textIn(message), 'Hello Wörld 🎉!');
  assert.equal(message.model, 'claude-opus-4-8', 'as the vendor names it');
  const { headers: got, path } = ear.heard.at(-1) ?? { headers: {}, path: '' };
  assert.equal(path, '/v1/messages');
  assert.equal(got['anthropic-beta'], betas);
  assert.equal(got['anthropic-version'], '2023-06-01');
  assert.deepEqual(
    [got['x-own'], got.cookie, got.authorization, got['x-api-key']],
    [undefined, undefined, undefined, undefined],
  );
  await errorOf(
    client.messages.create(ask('Hello', 'other/other-1'), { headers: { ...headers, 'x-mcp-deadline-ms': '1000' } }),
  );
  assert.equal(ear.heard.at(-1)?.path, '/v1/chat/completions');
  assert.equal(ear.heard.at(-1)?.headers['anthropic-beta'], undefined);
  const long = await errorOf(client.messages.create(ask('x'), { headers: { 'anthropic-beta': 'b'.repeat(5000) } }));
  assert.deepEqual([long.status, long.errorCode], [400, 'invalid_request']);
});

test('tools, in both ways, and their results', async () => {
  for (const model of BOTH) {
    const body = { ...ask('Please call get_weather now', model), tools: [WEATHER] };
    const message = await client.messages.stream(body).finalMessage();
    assert.equal(message.stop_reason, 'tool_use');
    const made = message.content.find((block) => block.type === 'tool_use');
    assert.ok(made?.type === 'tool_use');
    assert.equal(made.name, 'get_weather');
    assert.equal(typeof (made.input as { city: unknown }).city, 'string');
    const whole = await client.messages.create(body);
    const again = whole.content.find((block) => block.type === 'tool_use');
    assert.deepEqual(again?.type === 'tool_use' && again.input, made.input);
    const last = await client.messages.create({
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
    const forced = await client.messages.create({
      ...ask('Anything', model),
      tools: [WEATHER],
      tool_choice: { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true },
    });
    assert.equal(forced.stop_reason, 'tool_use');
  }
});

test('images, documents of text, and a document that only one vendor can read', async () => {
  for (const model of BOTH) {
    const seen = await client.messages.create(
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
  assert.match(JSON.stringify(callsWith(gpt, 'What is it?')[0]?.body), /Notes\\n\\nGreen grass\./);
  const pdf = (model: string) =>
    ask(
      [
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
        { type: 'text', text: 'Read this PDF.' },
      ],
      model,
    );
  assert.equal((await client.messages.create(pdf(CLAUDE))).stop_reason, 'end_turn');
  const refused = await errorOf(client.messages.create(pdf(GPT)));
  assert.deepEqual([refused.status, refused.errorCode], [400, 'unsupported_by_target']);
  assert.equal(callsWith(gpt, 'Read this PDF.').length, 0);
});

test('server tools go to Anthropic only', async () => {
  const tools: Anthropic.ToolUnion[] = [{ type: 'web_search_20250305', name: 'web_search' }];
  const refused = await errorOf(client.messages.create({ ...ask('Search.', GPT), tools }));
  assert.deepEqual(
    [refused.status, refused.type, refused.errorCode],
    [400, 'invalid_request_error', 'unsupported_by_target'],
  );
  assert.match(refused.message, /web_search_20250305/);
  // The loopback vendor knows no server tools, and says so: it was asked.
  await errorOf(client.messages.create({ ...ask('Search at home.'), tools }));
  assert.deepEqual(bodyOf(callsWith(claude, 'Search at home.')[0]).tools, tools);
});

test('thinking survives a tool loop, and a change of vendors', async () => {
  const thinking = { type: 'enabled' as const, budget_tokens: 2000 };
  const loop = async (model: string, messages: Anthropic.MessageParam[]) =>
    await client.messages.stream({ model, max_tokens: 8000, messages, tools: [WEATHER], thinking }).finalMessage();
  const history: Anthropic.MessageParam[] = [
    { role: 'user', content: 'Think, then call get_weather [[sim reasoning=6]]' },
  ];
  for (const model of [CLAUDE, THINKER]) {
    const first = await loop(model, history);
    const [thought] = first.content;
    assert.ok(thought?.type === 'thinking' && thought.thinking.length > 0, model);
    assert.ok(thought.signature.length > 0, 'clients drop what is not signed');
    const made = first.content.find((block) => block.type === 'tool_use');
    assert.ok(made?.type === 'tool_use');
    history.push(
      { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: made.id, content: `rain says ${model}` }] },
    );
    const second = await loop(model, history);
    assert.match(textIn(second), new RegExp(`rain says ${model}`));
    history.push(
      { role: 'assistant', content: second.content },
      { role: 'user', content: 'Again: call get_weather [[sim reasoning=4]]' },
    );
  }
  // The vendor that thought gets its reasoning back; Claude's stays away from it.
  const [sent] = callsWith(gpt, 'rain says thinker').slice(-1);
  const said = (bodyOf(sent).messages as { role: string; reasoning_content?: string }[]).filter(
    ({ role }) => role === 'assistant',
  );
  assert.equal(said.filter(({ reasoning_content }) => reasoning_content).length, 1);
  // And Claude, whose wire checks signatures, is not shown the other's.
  const back = await loop(CLAUDE, history);
  assert.equal(back.stop_reason, 'tool_use');
  assert.match(JSON.stringify(bodyOf(callsWith(claude, 'rain says thinker').at(-1))), /"signature":"EqRk/);
});

test('structured output', async () => {
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  };
  const output_config = { format: { type: 'json_schema' as const, schema } };
  const answer = await client.messages.create({ ...ask('Schema please', GPT), output_config });
  assert.equal(typeof JSON.parse(textIn(answer)).ok, 'boolean');
  assert.deepEqual(
    (bodyOf(callsWith(gpt, 'Schema please')[0]).response_format as { type: string }).type,
    'json_schema',
  );
  await client.messages.create({ ...ask('Schema at home'), output_config });
  assert.deepEqual(bodyOf(callsWith(claude, 'Schema at home')[0]).output_config, output_config);
});

test('the limit and the stop sequences reach every vendor', async () => {
  for (const model of BOTH) {
    const short = await client.messages.create({ ...ask('Long. [[sim tokens=50]]', model), max_tokens: 5 });
    assert.deepEqual([short.stop_reason, short.usage.output_tokens], ['max_tokens', 5]);
    const stopped = await client.messages.create({ ...ask('Say STOP here', model), stop_sequences: ['STOP'] });
    assert.ok(!textIn(stopped).includes('STOP'));
  }
});

test("errors come in Anthropic's shape and class", async () => {
  const unknown = await errorOf(client.messages.create(ask('x', 'no-such-model')));
  assert.ok(unknown instanceof Anthropic.NotFoundError);
  assert.deepEqual([unknown.type, unknown.errorCode], ['not_found_error', 'unknown_model']);
  assert.ok(unknown.requestID, 'under the name that the SDK looks for');
  const invalid = await errorOf(client.messages.create({ ...ask('x'), temperature: 9 } as never));
  assert.ok(invalid instanceof Anthropic.BadRequestError);
  assert.match(invalid.message, /temperature/);
  for (const [index, [fault, status, type]] of REFUSALS.entries()) {
    for (const stream of [false, true]) {
      const error = await errorOf(
        client.messages.create(
          { ...ask(`Fail ${fault} ${stream}. [[sim fault=${fault}]]`, refuser(index, stream)), stream },
          { headers: { 'x-mcp-deadline-ms': '2000', 'x-mcp-failover': 'fail' } },
        ),
      );
      const what = `${fault} stream=${stream}: ${error.message}`;
      if (fault === 'status-529' && error.status === 504) continue;
      assert.deepEqual([error.status, error.type], [status, type], what);
      assert.ok(error.requestID);
    }
  }
  const raw = async (path: string, options: Parameters<typeof call>[2]) =>
    await call<{ type: string; error: { type: string; details: { error_code: string } }; request_id: unknown }>(
      server,
      path,
      options,
    );
  for (const [path, options, status, type, code] of [
    ['/v1/messages', { raw: '{' }, 400, 'invalid_request_error', 'malformed_json'],
    [
      '/v1/messages',
      { raw: '{}', headers: { 'content-type': 'text/plain' } },
      415,
      'invalid_request_error',
      'unsupported_media_type',
    ],
    ['/v1/messages/count_tokens', { json: { messages: 7 } }, 400, 'invalid_request_error', 'invalid_request'],
    ['/v1/messages/batches', { json: {} }, 404, 'not_found_error', 'not_found'],
    [
      '/v1/models?limit=0',
      { headers: { 'anthropic-version': 'any' } },
      400,
      'invalid_request_error',
      'invalid_request',
    ],
  ] as const) {
    const { body, status: got } = await raw(path, options);
    assert.deepEqual([got, body.type, body.error.type, body.error.details.error_code], [status, 'error', type, code]);
    assert.ok('request_id' in body);
  }
});

test('broken streams end in an error, never in a shorter success', async () => {
  const faults = ['cut-after-6', 'end-after-6', 'error-after-6', 'event-error-after-6', 'bad-json-after-6'];
  for (const model of BOTH) {
    for (const fault of faults) {
      const stream = client.messages.stream(ask(`Break ${fault}. [[sim tokens=30 rate=200 fault=${fault}]]`, model), {
        headers: { 'x-mcp-failover': 'fail' },
      });
      let text = '';
      const types: string[] = [];
      stream.on('text', (delta) => {
        text += delta;
      });
      stream.on('streamEvent', (event) => types.push(event.type));
      const error = await errorOf(stream.finalMessage());
      assert.match(error.type ?? '', /^(api|overloaded)_error$/, `${model} ${fault}: ${error.message}`);
      assert.ok(text.length > 0);
      assert.ok(!types.includes('message_stop') && !types.includes('message_delta'), `${model} ${fault}: ${types}`);
    }
  }
});

for (const model of ['broken-gpt', 'broken-claude']) {
  test(`${model}: Claude goes on in mid-stream, in the same message`, async () => {
    const content = `Go on, ${model}. [[sim tokens=30 rate=300]]`;
    const expected = textIn(await client.messages.create(ask(content)));
    const stream = client.messages.stream(ask(content, model));
    const types: string[] = [];
    let truth: { attempts?: number; provider?: string } = {};
    stream.on('streamEvent', (event) => {
      types.push(event.type);
      if (event.type === 'message_delta') truth = (event as unknown as { x_mcp: typeof truth }).x_mcp;
    });
    const message = await stream.finalMessage();
    assert.equal(textIn(message), expected);
    assert.equal(message.stop_reason, 'end_turn');
    assert.deepEqual([truth.attempts, truth.provider], [2, 'anthropic']);
    assert.equal(types.filter((type) => type === 'message_start').length, 1);
    assert.equal(types.filter((type) => type === 'content_block_start').length, 1, 'the join is inside of one block');
  });
}

test('odd bytes are no fault: the same message', async () => {
  const faults = ['slice-bytes', 'crlf', 'bom', 'comments-between', 'unknown-events', 'multiline-data', 'whole-json'];
  for (const model of BOTH) {
    const plain = textIn(await client.messages.create(ask('Odd bytes. [[sim tokens=15]]', model)));
    for (const fault of [...faults, 'after-terminal', 'no-blank-line']) {
      const stream = client.messages.stream(ask(`Odd bytes. [[sim tokens=15 fault=${fault}]]`, model));
      assert.equal(textIn(await stream.finalMessage()), plain, `${model} ${fault}`);
    }
  }
});

test('an abort closes the upstream call within a second', async () => {
  for (const model of BOTH) {
    const content = `Leave ${model}. [[sim tokens=400 rate=20]]`;
    const stream = client.messages.stream(ask(content, model));
    const gone = stream.done().catch(() => {});
    await new Promise<void>((resolve) => stream.once('text', () => resolve()));
    const at = Date.now();
    stream.abort();
    await gone;
    const [entry] = await callsOver(model === GPT ? gpt : claude, `Leave ${model}.`);
    assert.equal(entry?.outcome, 'aborted');
    assert.ok((entry?.endedAt ?? 0) - at <= 1000);
  }
});

for (const [index, model] of [CLAUDE, THINKER].entries()) {
  test(`an Idempotency-Key: told again, with its reasoning and its calls, by ${model}`, async () => {
    const body = {
      ...ask('Once: call get_weather [[sim reasoning=3]]', model),
      tools: [WEATHER],
      thinking: { type: 'enabled' as const, budget_tokens: 1024 },
      max_tokens: 4000,
    };
    const options = { headers: { 'idempotency-key': `messages-${index}` } };
    const first = await client.messages.create(body, options).withResponse();
    const second = await client.messages.create(body, options).withResponse();
    assert.equal(second.response.headers.get('idempotent-replayed'), 'true');
    assert.equal(second.request_id, first.request_id);
    assert.deepEqual(second.data.content, first.data.content);
    assert.equal(first.data.content[0]?.type, 'thinking');
    assert.equal(callsWith(model === CLAUDE ? claude : gpt, 'Once: call').length, 1);
    const other = await errorOf(client.messages.create(ask('Another body'), options));
    assert.deepEqual([other.status, other.errorCode], [422, 'idempotency_mismatch']);
  });
}

test('count_tokens: an estimate, of the whole prompt', async () => {
  const one = await client.messages.countTokens({
    model: CLAUDE,
    messages: [{ role: 'user', content: 'Hello, world' }],
  });
  assert.ok(one.input_tokens >= 3 && one.input_tokens < 20, String(one.input_tokens));
  const more = await client.messages.countTokens({
    model: CLAUDE,
    system: 'Be kind. '.repeat(100),
    tools: [WEATHER],
    messages: [
      { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } }] },
    ],
  });
  assert.ok(more.input_tokens > 1200, String(more.input_tokens));
  const beta = await client.beta.messages.countTokens({
    model: CLAUDE,
    messages: [{ role: 'user', content: 'Hello, world' }],
  });
  assert.equal(beta.input_tokens, one.input_tokens);
});

test("the list of models, in Anthropic's shape for its clients alone, page by page", async () => {
  const all: string[] = [];
  for await (const model of client.models.list()) {
    assert.equal(model.type, 'model');
    assert.ok(model.display_name.length > 0 && !Number.isNaN(Date.parse(model.created_at)));
    all.push(model.id);
  }
  assert.ok(all.includes(CLAUDE) && all.includes(GPT));
  const paged: string[] = [];
  for await (const model of client.models.list({ limit: 7 })) paged.push(model.id);
  assert.deepEqual(paged, all);
  const before = await client.models.list({ limit: 2, before_id: all[5] ?? '' });
  assert.deepEqual(
    before.data.map(({ id }) => id),
    all.slice(3, 5),
  );
  assert.equal(before.has_more, true);
  const openai = await call<{ object: string; data: { id: string }[] }>(server, '/v1/models');
  assert.equal(openai.body.object, 'list');
  assert.deepEqual(
    openai.body.data.map(({ id }) => id),
    all,
  );
});

test('fifty turns of a coding agent through a vendor of the other dialect', { timeout: 120_000 }, async () => {
  const tools: Anthropic.Beta.BetaTool[] = ['Read', 'Edit', 'Bash', 'Grep'].map((name) => ({
    name,
    description: `${name} something.`,
    input_schema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    ...(name === 'Grep' ? { cache_control: { type: 'ephemeral' } } : {}),
  }));
  const system: Anthropic.Beta.BetaTextBlockParam[] = [
    { type: 'text', text: 'You are a coding agent.' },
    { type: 'text', text: 'Work in /repo.', cache_control: { type: 'ephemeral' } },
  ];
  const messages: Anthropic.Beta.BetaMessageParam[] = [
    {
      role: 'user',
      content: [{ type: 'text', text: 'Mend the tests. [[sim reasoning=5]]', cache_control: { type: 'ephemeral' } }],
    },
  ];
  const reasoned: string[] = [];
  for (let turn = 1; turn <= 50; turn++) {
    const last = turn === 50;
    const message = await client.beta.messages
      .stream({
        model: THINKER,
        max_tokens: 32_000,
        system,
        tools,
        messages,
        thinking: { type: 'adaptive' },
        tool_choice: last ? { type: 'auto' } : { type: 'any' },
        metadata: { user_id: 'agent' },
        context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
        betas: ['context-management-2025-06-27', 'interleaved-thinking-2025-05-14'],
      })
      .finalMessage();
    messages.push({ role: 'assistant', content: message.content });
    for (const block of message.content) if (block.type === 'thinking') reasoned.push(block.thinking);
    const uses = message.content.filter((block) => block.type === 'tool_use');
    assert.equal(message.stop_reason, last ? 'end_turn' : 'tool_use', `turn ${turn}`);
    assert.equal(uses.length > 0, !last);
    if (last) break;
    messages.push({
      role: 'user',
      content: uses.map((use) => ({
        type: 'tool_result' as const,
        tool_use_id: use.id,
        content: [{ type: 'text' as const, text: `line ${turn}` }],
        ...(turn % 7 === 0 ? { is_error: true } : {}),
      })),
    });
  }
  assert.equal(reasoned.length, 50);
  // The last call carries all that was said, in the vendor's own words: its ids, its arguments, its reasoning.
  const sent = bodyOf(callsWith(gpt, 'Mend the tests.').at(-1)).messages as {
    role: string;
    reasoning_content?: string;
    tool_calls?: { id: string }[];
    tool_call_id?: string;
  }[];
  const said = sent.filter(({ role }) => role === 'assistant');
  assert.equal(said.length, 49);
  assert.deepEqual(
    said.map(({ reasoning_content }) => reasoning_content),
    reasoned.slice(0, 49),
  );
  const ids = said.flatMap(({ tool_calls }) => (tool_calls ?? []).map(({ id }) => id));
  assert.deepEqual(
    sent.filter(({ role }) => role === 'tool').map(({ tool_call_id }) => tool_call_id),
    ids,
  );
  const row = await call<{ items: { status: string }[] }>(server, '/mcp/v1/request?limit=50');
  assert.ok(row.body.items.every(({ status }) => status === 'succeeded'));
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
