/** The same OpenAI client, with a vendor behind the door that speaks Anthropic's wire. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { result, submit, view } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsOver, callsWith } from '../support/vendors.ts';
import { type AnthropicVendor, startAnthropicVendor } from '../vendors/anthropic.ts';

const MODEL = 'anthropic/claude-sonnet-4-5';
/** Faults that end a call at once, and the status that its caller gets; each from a provider that is out afterwards. */
const REFUSALS: readonly [string, number][] = [
  ['status-400', 400],
  ['retry-after-60', 429],
  ['status-401', 502],
];
/** A second is promised; a busy machine stands still for longer, and left alone these calls go on for much longer still. */
const CLOSED_MS = 6000;
let vendor: AnthropicVendor;
let server: Server;
let client: OpenAI;
before(async () => {
  vendor = await startAnthropicVendor();
  const provider = { base_url: vendor.url, dialect: 'anthropic', key_env: 'ANTHROPIC_API_KEY', models: [] };
  server = await startServer({
    env: { ANTHROPIC_API_KEY: vendor.key, ANTHROPIC_BASE_URL: vendor.url },
    settings: { providers: Object.fromEntries(REFUSALS.map(([fault]) => [fault, provider])) },
  });
  client = new OpenAI({ baseURL: server.url('/v1'), apiKey: 'unused', maxRetries: 0 });
});
after(async () => {
  await server.stop();
  await vendor.close();
});

const ask = (content: string) => ({ model: MODEL, messages: [{ role: 'user' as const, content }] });

test('unstreamed and streamed give the same text, and it is on record', async () => {
  const { data, response } = await client.chat.completions
    .create(ask('Claude, speak. [[sim tokens=20]]'))
    .withResponse();
  const text = data.choices[0]?.message.content ?? '';
  assert.match(text, /Claude, speak\./);
  assert.equal(data.choices[0]?.finish_reason, 'stop');
  assert.equal(data.usage?.completion_tokens, 20);
  assert.equal(response.headers.get('x-mcp-provider'), 'anthropic');
  assert.ok(Number(response.headers.get('x-mcp-cost-usd')) > 0);
  const stream = await client.chat.completions
    .create({ ...ask('Claude, speak. [[sim tokens=20]]'), stream: true, stream_options: { include_usage: true } })
    .withResponse();
  let streamed = '';
  let usage: OpenAI.CompletionUsage | null | undefined;
  let finish: string | null | undefined;
  for await (const chunk of stream.data) {
    assert.equal(chunk.object, 'chat.completion.chunk');
    streamed += chunk.choices[0]?.delta.content ?? '';
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(streamed, text);
  assert.equal(finish, 'stop');
  assert.equal(usage?.completion_tokens, 20);
  const id = stream.response.headers.get('x-mcp-request-id') ?? '';
  assert.equal((await result(server, id)).text, text);
  assert.equal((await view(server, id)).attempts[0]?.provider, 'anthropic');
});

test('detached works the same', async () => {
  const { request_id: id } = await submit(server, {
    prompt: 'Claude, detached. [[sim tokens=15 rate=100]]',
    model: MODEL,
    system: 'Be kind.',
  });
  const frames = await readAll(openSse(server, id));
  checkFrames(frames);
  const done = await result(server, id);
  assert.equal(textOf(frames), done.text);
  assert.equal(done.usage.output_tokens, 15);
  const [entry] = callsWith(vendor, 'Claude, detached.');
  assert.ok((entry?.body as { max_tokens?: number } | undefined)?.max_tokens, 'a bound that this wire requires');
});

test('tools go there and back', async () => {
  const body = {
    ...ask('Please call get_weather'),
    tools: [
      {
        type: 'function' as const,
        function: {
          name: 'get_weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      },
    ],
  };
  const message = await client.chat.completions.stream(body).finalMessage();
  const [made] = message.tool_calls ?? [];
  assert.ok(made?.type === 'function');
  assert.equal(made.function.name, 'get_weather');
  assert.equal(typeof JSON.parse(made.function.arguments).city, 'string');
  const final = await client.chat.completions.create({
    ...body,
    messages: [
      ...body.messages,
      { role: 'assistant', tool_calls: [made] },
      { role: 'tool', tool_call_id: made.id, content: 'rain' },
    ],
  });
  assert.match(final.choices[0]?.message.content ?? '', /rain/);
});

test('errors, aborts and broken streams', async () => {
  for (const [fault, status] of REFUSALS) {
    const body = { ...ask(`Claude ${fault}. [[sim fault=${fault}]]`), model: `${fault}/claude-sonnet-4-5` };
    await assert.rejects(
      client.chat.completions.create(body, { headers: { 'x-mcp-deadline-ms': '20000' } }),
      (error) => error instanceof OpenAI.APIError && error.status === status,
      fault,
    );
  }
  for (const fault of ['cut-after-6', 'end-after-6', 'error-after-6', 'event-error-after-6']) {
    const stream = await client.chat.completions.create({
      ...ask(`Claude ${fault}. [[sim tokens=30 rate=150 fault=${fault}]]`),
      stream: true,
    });
    let text = '';
    await assert.rejects(
      (async () => {
        for await (const chunk of stream) {
          text += chunk.choices[0]?.delta.content ?? '';
          assert.ok(!chunk.choices[0]?.finish_reason);
        }
      })(),
      (error) => error instanceof OpenAI.APIError,
      fault,
    );
    assert.ok(text.length > 0);
  }
  const leaving = await client.chat.completions.create({
    ...ask('Claude, stop. [[sim tokens=300 rate=20]]'),
    stream: true,
  });
  for await (const _chunk of leaving) break;
  leaving.controller.abort();
  const at = Date.now();
  const [entry] = await callsOver(vendor, 'Claude, stop.');
  assert.equal(entry?.outcome, 'aborted');
  assert.ok((entry?.endedAt ?? 0) - at <= CLOSED_MS);
});

test('the key goes to the vendor and nowhere else', () => {
  assert.ok(vendor.journal().every((entry) => entry.key === vendor.key.slice(-4)));
  assert.ok(!(server.stdout() + server.stderr()).includes(vendor.key));
});
