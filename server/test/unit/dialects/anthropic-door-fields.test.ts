import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';

const door = anthropic.door as NonNullable<Dialect['door']>;
const hello = { model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };

function refused(body: Record<string, unknown>): string[] {
  try {
    door.decode(body);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'invalid_request', String(error));
    return (error.errors ?? []).map(({ path }) => path);
  }
  return assert.fail(`${JSON.stringify(body)} was accepted`);
}

test('each field that cannot be accepted is named by its path', () => {
  const cases: [Record<string, unknown>, string[]][] = [
    [{ messages: 'x' }, ['messages']],
    [{ messages: [] }, ['messages']],
    [{ messages: ['x', { role: 'tool', content: '' }] }, ['messages.0', 'messages.1.role']],
    [{ messages: [{ role: 'user' }] }, ['messages.0.content']],
    [
      { messages: [{ role: 'user', content: [{}, 'x', { type: 'text', text: 7 }] }] },
      ['messages.0.content.0.type', 'messages.0.content.1', 'messages.0.content.2.text'],
    ],
    [{ messages: [{ role: 'user', content: [{ type: 'image' }] }] }, ['messages.0.content.0.source']],
    [
      { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'ftp' } }] }] },
      ['messages.0.content.0.source.type'],
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url: 'file:///etc' } }] }] },
      ['messages.0.content.0.source.url'],
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', data: 'x' } }] }] },
      ['messages.0.content.0.source.media_type'],
    ],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '' } }] },
        ],
      },
      ['messages.0.content.0.source.data'],
    ],
    [{ messages: [{ role: 'user', content: [{ type: 'document' }] }] }, ['messages.0.content.0.source']],
    [
      { messages: [{ role: 'user', content: [{ type: 'tool_result', is_error: 'no' }] }] },
      ['messages.0.content.0.tool_use_id'],
    ],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', is_error: 1, content: [{ type: 1 }] }] },
        ],
      },
      ['messages.0.content.0.content.0.type', 'messages.0.content.0.is_error'],
    ],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: '{}' }] }] },
      ['messages.0.content.0.input'],
    ],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'tool_use', name: 'f', input: {} }] }] },
      ['messages.0.content.0.id'],
    ],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'a', input: {} }] }] },
      ['messages.0.content.0.name'],
    ],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'thinking' }, { type: 'redacted_thinking' }] }] },
      ['messages.0.content.0.thinking', 'messages.0.content.1.data'],
    ],
    [
      { messages: [{ role: 'assistant', content: [{ type: 'thinking', thinking: '', signature: 1 }] }] },
      ['messages.0.content.0.signature'],
    ],
    [{ messages: [{ role: 'assistant', content: [{ type: 'image', source: {} }] }] }, ['messages.0.content.0.type']],
    [{ messages: [{ role: 'system', content: [{ type: 'image' }] }] }, ['messages.0.content.0.type']],
    [{ system: 7 }, ['system']],
    [{ system: [{ type: 'image' }, { type: 'text' }] }, ['system.0.type', 'system.1.text']],
    [{ model: 7 }, ['model']],
    [{ model: 'a b' }, ['model']],
    [{ max_tokens: -1 }, ['max_tokens']],
    [{ max_tokens: 1.5, temperature: 2, top_p: -1, top_k: 'x' }, ['max_tokens', 'temperature', 'top_p', 'top_k']],
    [{ stop_sequences: 'x' }, ['stop_sequences']],
    [{ stop_sequences: [''] }, ['stop_sequences']],
    [{ tools: {} }, ['tools']],
    [
      { tools: ['x', { type: 7 }, { name: 'a b', input_schema: {} }, { name: 'f' }] },
      ['tools.0', 'tools.1.type', 'tools.2.name', 'tools.3.input_schema'],
    ],
    [
      { tools: [{ name: 'f', input_schema: {}, description: 7, strict: 'y' }] },
      ['tools.0.description', 'tools.0.strict'],
    ],
    [{ tool_choice: 'auto' }, ['tool_choice']],
    [{ tool_choice: { type: 'required' } }, ['tool_choice.type']],
    [
      { tool_choice: { type: 'tool', disable_parallel_tool_use: 1 } },
      ['tool_choice.name', 'tool_choice.disable_parallel_tool_use'],
    ],
    [{ thinking: 'on' }, ['thinking', 'thinking.type']],
    [{ thinking: { type: 'enabled', budget_tokens: 'x' } }, ['thinking.budget_tokens']],
    [{ output_config: { effort: 7, format: { type: 'text' } } }, ['output_config.effort', 'output_config.format.type']],
    [{ output_format: { type: 'json_schema' } }, ['output_format.schema']],
    [{ metadata: { user_id: 7 } }, ['metadata.user_id']],
    [
      { metadata: 'x', mcp_servers: {}, container: 7, context_management: [] },
      ['mcp_servers', 'container', 'context_management', 'metadata'],
    ],
    [{ stream: 'yes' }, ['stream']],
    [JSON.parse('{"constructor": 1}'), ['constructor']],
  ];
  for (const [more, paths] of cases) assert.deepEqual(refused({ ...hello, ...more }), paths, JSON.stringify(more));
});

test('anything that JSON can hold is accepted or refused, and never breaks the door', () => {
  const block = fc.record(
    {
      type: fc.constantFrom('text', 'image', 'document', 'search_result', 'thinking', 'tool_use', 'tool_result', 'x'),
      text: fc.json().map((json) => JSON.parse(json)),
      source: fc.json().map((json) => JSON.parse(json)),
      content: fc.json().map((json) => JSON.parse(json)),
      signature: fc.oneof(fc.constantFrom('mcp1.', 'mcp1.e30', 'mcp1.!'), fc.string()),
      thinking: fc.string(),
      id: fc.string(),
      tool_use_id: fc.string(),
      name: fc.string(),
      input: fc.dictionary(fc.string(), fc.string()),
    },
    { requiredKeys: ['type'] },
  );
  const any = fc.json().map((json) => JSON.parse(json) as unknown);
  const body = fc.record(
    {
      messages: fc.oneof(
        any,
        fc.array(
          fc.record({
            role: fc.constantFrom('user', 'assistant', 'system', 'x'),
            content: fc.oneof(any, fc.array(block)),
          }),
          { minLength: 1 },
        ),
      ),
      system: any,
      tools: fc.oneof(any, fc.array(any)),
      tool_choice: any,
      thinking: any,
      output_config: any,
      metadata: any,
    },
    { requiredKeys: ['messages'] },
  );
  fc.assert(
    fc.property(body, (value) => {
      try {
        door.decode(structuredClone(value));
      } catch (error) {
        assert.ok(error instanceof GoblinError && error.code === 'invalid_request', String(error));
        assert.ok((error.errors ?? []).length > 0);
      }
    }),
    { numRuns: 1000 },
  );
});

test("errors have Anthropic's shape, its types by status, and our code", () => {
  const type = (code: string, status: number) => JSON.parse(door.error(code, status, 'm', null)).error.type;
  assert.deepEqual(JSON.parse(door.error('invalid_request', 400, 'no', 'r1', [{ path: 'a.b', message: 'is odd' }])), {
    type: 'error',
    error: {
      type: 'invalid_request_error',
      message: 'no',
      details: { error_code: 'invalid_request', errors: [{ path: 'a.b', message: 'is odd' }] },
    },
    request_id: 'r1',
  });
  const types: [string, number, string][] = [
    ['unauthorized', 401, 'authentication_error'],
    ['x', 402, 'billing_error'],
    ['forbidden', 403, 'permission_error'],
    ['unknown_model', 404, 'not_found_error'],
    ['method_not_allowed', 405, 'invalid_request_error'],
    ['gone', 410, 'not_found_error'],
    ['body_too_large', 413, 'request_too_large'],
    ['content_filter', 422, 'invalid_request_error'],
    ['upstream_rate_limited', 429, 'rate_limit_error'],
    ['internal', 500, 'api_error'],
    ['upstream_unavailable', 502, 'api_error'],
    ['upstream_overloaded', 503, 'overloaded_error'],
    ['queue_full', 503, 'overloaded_error'],
    ['upstream_quota', 503, 'api_error'],
    ['upstream_timeout', 504, 'timeout_error'],
    ['x', 529, 'overloaded_error'],
  ];
  for (const [code, status, expected] of types) assert.equal(type(code, status), expected, `${code} ${status}`);
});
