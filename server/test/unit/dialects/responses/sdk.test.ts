import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import OpenAI from 'openai';
import { makeParseableTextFormat } from 'openai/lib/parser';
import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import type { Encoder } from '../../../../src/contract/dialect.ts';
import type { FinishReason, Usage, VisiblePart } from '../../../../src/contract/part.ts';
import { CONTEXT, door, USAGE } from './door.ts';

/** The official client against a loopback server that says `bytes` to whatever it is asked. */
async function ask<T>(
  bytes: string,
  run: (client: OpenAI) => Promise<T>,
  type = 'text/event-stream',
  status = 200,
): Promise<T> {
  const server = createServer((_, res) => {
    res.writeHead(status, { 'content-type': type });
    // In pieces that cut events and characters.
    const all = Buffer.from(bytes);
    for (let at = 0; at < all.length; at += 701) res.write(all.subarray(at, at + 701));
    res.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    const { port } = server.address() as AddressInfo;
    return await run(new OpenAI({ apiKey: 'k', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 }));
  } finally {
    server.close();
  }
}

const parts: VisiblePart[] = [
  { type: 'reasoning', text: 'Let me ' },
  { type: 'reasoning', text: 'see.' },
  {
    type: 'reasoning',
    text: '',
    vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature: 'sig' } },
  },
  { type: 'text', text: 'Hällo "w' },
  { type: 'text', text: 'örld"\n😀' },
  {
    type: 'tool_call',
    index: 0,
    id: 'call_a',
    name: 'weather',
    arguments: '{"city":',
    vendor: { dialect: 'gemini', fields: { thoughtSignature: 'AAAA' } },
  },
  { type: 'tool_call', index: 1, id: 'call_b', name: 'time', arguments: '' },
  { type: 'tool_call', index: 0, arguments: '"Paris"}' },
  { type: 'tool_call', index: 1, arguments: '{}' },
];

function stream(list: readonly VisiblePart[], end: (encoder: Encoder) => string, request?: Record<string, unknown>) {
  const encoder = door.encoder({ ...CONTEXT, ...(request ? { request } : {}) } as typeof CONTEXT);
  return list.map((part) => encoder.part(part)).join('') + end(encoder);
}
const finish =
  (reason: FinishReason, usage: Usage = USAGE) =>
  (encoder: Encoder) =>
    encoder.finish(reason, usage, {});
const params = { model: 'm', input: 'hi' } as const;

test('responses.stream() follows text, reasoning and mixed calls to the final response', async () => {
  const seen: string[] = [];
  const deltas: string[] = [];
  const final = await ask(stream(parts, finish('tool_calls')), async (client) => {
    const running = client.responses.stream({
      ...params,
      tools: [{ type: 'function', name: 'weather', strict: true, parameters: { type: 'object', properties: {} } }],
    });
    running.on('event', (event: ResponseStreamEvent) => seen.push(event.type));
    running.on('response.output_text.delta', (event) => deltas.push(event.snapshot));
    return await running.finalResponse();
  });
  assert.deepEqual(deltas, ['Hällo "w', 'Hällo "wörld"\n😀']);
  assert.equal(final.id, `resp_${CONTEXT.requestId}`);
  assert.equal(final.status, 'completed');
  assert.equal(final.output_text, 'Hällo "wörld"\n😀');
  assert.deepEqual(
    final.output.map((item) => item.type),
    ['reasoning', 'message', 'reasoning', 'function_call', 'function_call'],
  );
  const calls = final.output.filter((item) => item.type === 'function_call');
  assert.deepEqual(
    calls.map(({ call_id, name, arguments: text, status }) => [call_id, name, text, status]),
    [
      ['call_a', 'weather', '{"city":"Paris"}', 'completed'],
      ['call_b', 'time', '{}', 'completed'],
    ],
  );
  // The SDK parses the arguments of strict tools.
  assert.deepEqual(calls[0]?.parsed_arguments, { city: 'Paris' });
  const [thought] = final.output;
  assert.ok(thought?.type === 'reasoning' && thought.summary[0]?.text === 'Let me see.');
  assert.deepEqual(final.usage, {
    input_tokens: 19,
    input_tokens_details: { cached_tokens: 8, cache_write_tokens: 0 },
    output_tokens: 10,
    output_tokens_details: { reasoning_tokens: 3 },
    total_tokens: 29,
  });
  assert.deepEqual(seen.slice(0, 12), [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.reasoning_summary_part.added',
    'response.reasoning_summary_text.delta',
    'response.reasoning_summary_text.delta',
    'response.reasoning_summary_text.done',
    'response.reasoning_summary_part.done',
    'response.output_item.done',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
  ]);
  assert.equal(seen.at(-1), 'response.completed');
});

test('plain iteration gives numbered events without a gap, and names that are their types', async () => {
  const bytes = stream(parts, finish('tool_calls'));
  const events = await ask(bytes, async (client) => {
    const list: ResponseStreamEvent[] = [];
    for await (const event of await client.responses.create({ ...params, stream: true })) list.push(event);
    return list;
  });
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, i) => i),
  );
  const names = bytes.split('\n\n').flatMap((block) => /^event: (.*)$/m.exec(block)?.[1] ?? []);
  assert.deepEqual(
    names,
    events.map((event) => event.type),
  );
});

test('structured output is parsed by the SDK', async () => {
  const bytes = stream(
    [
      { type: 'text', text: '{"n":' },
      { type: 'text', text: '4}' },
    ],
    finish('stop'),
  );
  const schema = { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } as const;
  const format = makeParseableTextFormat(schema, (text: string) => JSON.parse(text) as { n: number });
  const final = await ask(bytes, (client) => client.responses.stream({ ...params, text: { format } }).finalResponse());
  assert.deepEqual(final.output_parsed, { n: 4 });
});

test('answers that were cut short are incomplete, with the reason', async () => {
  const cut = await ask(stream(parts.slice(0, 6), finish('length')), (client) =>
    client.responses.stream(params).finalResponse(),
  );
  assert.deepEqual([cut.status, cut.incomplete_details], ['incomplete', { reason: 'max_output_tokens' }]);
  const last = cut.output.at(-1);
  assert.ok(last?.type === 'function_call' && last.status === 'incomplete' && last.arguments === '{"city":');
  const filtered = await ask(stream([{ type: 'text', text: 'I' }], finish('content_filter')), (client) =>
    client.responses.stream(params).finalResponse(),
  );
  assert.deepEqual([filtered.status, filtered.incomplete_details?.reason], ['incomplete', 'content_filter']);
  const message = filtered.output[0];
  assert.ok(message?.type === 'message' && message.status === 'incomplete');
});

test('an answer without parts is an empty response, not an error', async () => {
  const final = await ask(stream([], finish('stop')), (client) => client.responses.stream(params).finalResponse());
  assert.deepEqual([final.status, final.output, final.output_text], ['completed', [], '']);
});

test('a failure in the stream throws, in the helper and in plain iteration, with our code', async () => {
  const broken = stream(parts.slice(0, 5), (encoder) =>
    encoder.failure({ code: 'upstream_truncated', message: 'The provider cut the answer short' }),
  );
  const isOurs = (error: unknown) =>
    error instanceof OpenAI.APIError && error.code === 'upstream_truncated' && /cut the answer/.test(error.message);
  await assert.rejects(
    ask(broken, (client) => client.responses.stream(params).finalResponse()),
    isOurs,
  );
  await assert.rejects(
    ask(broken, async (client) => {
      for await (const _ of await client.responses.create({ ...params, stream: true }));
    }),
    isOurs,
  );
});

test('an unstreamed answer, and an error before the stream', async () => {
  const body = door.encoder(CONTEXT).whole({ parts, finishReason: 'tool_calls', usage: USAGE }, { cost_usd: 1 });
  const whole = await ask(body, (client) => client.responses.create(params), 'application/json');
  assert.equal(whole.output_text, 'Hällo "wörld"\n😀');
  assert.equal(whole.status, 'completed');
  assert.equal(whole.output.length, 5);
  const error = door.error('rate_limited', 429, 'Slow down', 'r1');
  await assert.rejects(
    ask(error, (client) => client.responses.create(params), 'application/json', 429),
    (thrown) => thrown instanceof OpenAI.RateLimitError && /Slow down/.test(thrown.message),
  );
});

test('items of tools that only the vendor has pass as they came', async () => {
  const search = { id: 'ws_1', type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'q' } };
  const custom: VisiblePart = {
    type: 'tool_call',
    index: 0,
    id: 'call_c',
    name: 'code',
    arguments: 'print("x")',
    vendor: { dialect: 'responses', fields: { type: 'custom_tool_call' } },
  };
  const list: VisiblePart[] = [
    { type: 'reasoning', text: '', vendor: { dialect: 'responses', fields: search } },
    {
      type: 'reasoning',
      text: '',
      vendor: { dialect: 'responses', fields: { type: 'message', phase: 'final_answer' } },
    },
    { type: 'text', text: 'found' },
    custom,
  ];
  const final = await ask(stream(list, finish('tool_calls')), (client) =>
    client.responses.stream(params).finalResponse(),
  );
  assert.deepEqual(final.output[0], search);
  const message = final.output[1];
  assert.ok(message?.type === 'message' && message.phase === 'final_answer');
  const call = final.output[2];
  assert.ok(call?.type === 'custom_tool_call' && call.input === 'print("x")' && call.call_id === 'call_c');
});

test('the response repeats what was asked', async () => {
  const request = {
    model: 'm',
    instructions: 'Be brief.',
    temperature: 0.2,
    tools: [{ type: 'function', name: 'f', parameters: {}, strict: false }],
    metadata: { a: 'b' },
    tool_choice: null,
  };
  const final = await ask(stream(parts, finish('stop'), request), (client) =>
    client.responses.stream(params).finalResponse(),
  );
  assert.deepEqual(
    [final.instructions, final.temperature, final.tools, final.metadata, final.tool_choice],
    ['Be brief.', 0.2, request.tools, { a: 'b' }, 'auto'],
  );
});
