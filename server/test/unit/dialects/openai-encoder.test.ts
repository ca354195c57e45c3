import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stream } from 'openai/core/streaming';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { ERRORS } from '../../../src/contract/errors.ts';
import type { Usage } from '../../../src/contract/part.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { assemble, read } from './read.ts';

const door = openai.door as NonNullable<Dialect['door']>;

const usage: Usage = {
  inputTokens: 19,
  outputTokens: 10,
  cachedInputTokens: 8,
  cacheWriteTokens: 0,
  reasoningTokens: 3,
  source: 'reported',
};
const context = { requestId: 'r1', model: 'openai/gpt-4o-mini', created: 1741569952, includeUsage: true };
const chunks = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block !== '' && block !== 'data: [DONE]')
    .map((block) => JSON.parse(block.slice(6)));

test('a stream as OpenAI writes it, readable by our own decoder', () => {
  const encoder = door.encoder(context);
  const out = [
    encoder.part({ type: 'reasoning', text: 'think' }),
    encoder.part({
      type: 'reasoning',
      text: '',
      vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature: 'sig' } },
    }),
    encoder.part({ type: 'text', text: 'Hi "there"\n\u2028' }),
    encoder.part({ type: 'text', text: '' }),
    encoder.part({ type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '' }),
    encoder.part({ type: 'tool_call', index: 0, arguments: '{}' }),
    encoder.finish('tool_calls', usage, { provider: 'openai' }),
  ].join('');
  assert.ok(out.endsWith('data: [DONE]\n\n'));
  const list = chunks(out);
  for (const chunk of list) {
    assert.deepEqual(
      [chunk.id, chunk.object, chunk.created, chunk.model],
      ['chatcmpl-r1', 'chat.completion.chunk', 1741569952, 'openai/gpt-4o-mini'],
    );
    assert.ok(Array.isArray(chunk.choices));
  }
  assert.deepEqual(
    list.map((chunk) => chunk.choices[0]?.delta),
    [
      { role: 'assistant', reasoning_content: 'think' },
      {
        reasoning_details: [
          { type: 'reasoning.text', text: 'think', signature: 'sig', format: 'anthropic-claude-v1', index: 0 },
        ],
      },
      { content: 'Hi "there"\n\u2028' },
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
      {},
      undefined,
    ],
  );
  assert.equal(list.at(-2).choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(
    [list.at(-1).choices, list.at(-1).x_mcp, list.at(-1).usage.total_tokens],
    [[], { provider: 'openai' }, 29],
  );
  assert.deepEqual(list.at(-1).usage.prompt_tokens_details.cached_tokens, 8);
  const back = assemble(read(openai, out));
  assert.deepEqual(
    [back.text, back.reasoning, back.end, back.usage, back.tools],
    ['Hi "there"\n\u2028', 'think', 'tool_calls', usage, [{ id: 'a', name: 'f', arguments: '{}' }]],
  );
});

test('without usage the facts ride on the finish chunk; an empty answer still has its role', () => {
  const [only, ...more] = chunks(door.encoder({ ...context, includeUsage: false }).finish('stop', usage, { a: 1 }));
  assert.deepEqual(
    [only.choices, only.x_mcp, only.usage, more.length],
    [[{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: 'stop' }], { a: 1 }, undefined, 0],
  );
});

test('a failure is in-band, without [DONE], and the last word', () => {
  const encoder = door.encoder(context);
  encoder.part({ type: 'text', text: 'half' });
  const out = encoder.failure({ code: 'upstream_truncated', message: 'The provider cut the answer short' });
  assert.deepEqual(chunks(out), [
    {
      error: {
        message: 'The provider cut the answer short',
        type: 'server_error',
        param: null,
        code: 'upstream_truncated',
      },
    },
  ]);
  assert.ok(!out.includes('[DONE]'));
  assert.deepEqual(
    [
      encoder.finish('stop', usage, {}),
      encoder.part({ type: 'text', text: 'x' }),
      encoder.failure({ code: 'timeout', message: '' }),
    ],
    ['', '', ''],
  );
});

test('a whole completion, and errors before a stream', () => {
  const body = JSON.parse(
    door.encoder(context).whole({ parts: [{ type: 'text', text: 'Hi' }], finishReason: 'stop', usage }, { cost: 1 }),
  );
  assert.deepEqual(body.choices, [
    { index: 0, message: { role: 'assistant', content: 'Hi', refusal: null }, logprobs: null, finish_reason: 'stop' },
  ]);
  assert.deepEqual(
    [body.id, body.object, body.usage.prompt_tokens, body.x_mcp],
    ['chatcmpl-r1', 'chat.completion', 19, { cost: 1 }],
  );
  assert.deepEqual(JSON.parse(door.error('invalid_request', 400, 'no', 'r1', [{ path: 'n', message: 'no' }])), {
    error: { message: 'no', type: 'invalid_request_error', param: 'n', code: 'invalid_request' },
    request_id: 'r1',
  });
  for (const code of Object.keys(ERRORS)) assert.ok(JSON.parse(door.error(code, 500, 'x', null)).error.type);
});

test("OpenAI's own client reads our streams, and sees our failures as errors", async () => {
  const collect = async (bytes: string) => {
    let got = '';
    const stream = Stream.fromSSEResponse<{ choices: { delta: { content?: string } }[] }>(
      new Response(bytes, { headers: { 'content-type': 'text/event-stream' } }),
      new AbortController(),
    );
    for await (const chunk of stream) got += chunk.choices[0]?.delta.content ?? '';
    return got;
  };
  const encoder = door.encoder(context);
  const text = ['Hällo', ' "wörld"\n', '😀'].map((piece) => encoder.part({ type: 'text', text: piece })).join('');
  assert.equal(await collect(text + encoder.finish('stop', usage, {})), 'Hällo "wörld"\n😀');
  const broken = door.encoder(context);
  const half = broken.part({ type: 'text', text: 'half' });
  await assert.rejects(collect(half + broken.failure({ code: 'upstream_truncated', message: 'cut' })), /cut/);
});
