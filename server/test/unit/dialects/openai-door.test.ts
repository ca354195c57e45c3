import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dialect } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { openai } from '../../../src/dialects/openai/index.ts';

const door = openai.door as NonNullable<Dialect['door']>;
const user = { role: 'user', content: 'hi' };
const decode = (body: object) => door.decode({ model: 'm', messages: [user], ...body });
const call = (body: object) => decode(body).call;
const messages = (...list: unknown[]) => call({ messages: list }).messages;

function errors(body: object): string[] {
  try {
    decode(body);
  } catch (error) {
    assert.ok(error instanceof GoblinError && error.code === 'invalid_request');
    assert.ok(error.detail.length > 5);
    return (error.errors ?? []).map((entry) => entry.path);
  }
  return [];
}

test('a small body, and all fields that a call has', () => {
  const body = { model: 'gpt-4o-mini', messages: [{ role: 'system', content: 'Be brief.' }, user], stream: true };
  assert.deepEqual(door.decode(body), {
    call: {
      kind: 'answer',
      model: 'gpt-4o-mini',
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      ],
      native: { dialect: 'openai', body },
    },
    stream: true,
    includeUsage: false,
  });
  const {
    native: _,
    messages: __,
    ...rest
  } = call({
    max_tokens: 5,
    max_completion_tokens: 7,
    temperature: 0,
    top_p: 1,
    stop: 'x',
    seed: -1,
    parallel_tool_calls: false,
    reasoning_effort: 'low',
    tools: [
      { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true } },
    ],
    tool_choice: { type: 'function', function: { name: 'f' } },
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {}, strict: false } },
    n: 1,
    user: null,
  });
  assert.deepEqual(rest, {
    kind: 'answer',
    model: 'm',
    maxTokens: 7,
    temperature: 0,
    topP: 1,
    stop: ['x'],
    seed: -1,
    parallelToolCalls: false,
    reasoningEffort: 'low',
    tools: [{ name: 'f', description: 'd', parameters: { type: 'object' }, strict: true }],
    toolChoice: { name: 'f' },
    responseFormat: { type: 'json_schema', name: 'n', schema: {}, strict: false },
  });
});

test('null means left out; stream options', () => {
  const nulls = {
    max_tokens: null,
    temperature: null,
    stop: null,
    tools: null,
    tool_choice: null,
    response_format: null,
    stream: null,
    stream_options: null,
    seed: null,
    n: null,
    reasoning_effort: null,
    model: null,
  };
  assert.deepEqual(Object.keys(call(nulls)).sort(), ['kind', 'messages', 'native']);
  assert.equal(decode({ stream_options: { include_usage: true } }).includeUsage, true);
});

test('content of all kinds', () => {
  const png = 'data:image/png;base64,iVBORw0KGgo=';
  const audio = { type: 'input_audio', input_audio: { data: 'x', format: 'wav' } };
  const content = [
    { type: 'text', text: 'look' },
    { type: 'image_url', image_url: { url: png, detail: 'low' } },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
    { type: 'text', text: 'cached', cache_control: { type: 'ephemeral' } },
    audio,
  ];
  assert.deepEqual(messages({ role: 'user', content })[0], {
    role: 'user',
    content: [
      { type: 'text', text: 'look' },
      { type: 'image', data: 'iVBORw0KGgo=', mediaType: 'image/png', detail: 'low' },
      { type: 'image', url: 'https://example.com/a.png' },
      {
        type: 'text',
        text: 'cached',
        vendor: { dialect: 'anthropic', fields: { cache_control: { type: 'ephemeral' } } },
      },
      { type: 'foreign', name: 'input_audio', dialect: 'openai', raw: audio },
    ],
  });
});

test('assistant messages: tool calls, refusals, reasoning; tool results; developers; the older functions', () => {
  const tool = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } };
  assert.deepEqual(
    messages(
      { role: 'developer', content: [{ type: 'text', text: 'd' }] },
      { role: 'assistant', content: null, tool_calls: [tool], reasoning_content: 'why' },
      { role: 'tool', tool_call_id: 'a', content: 'ok', is_error: true },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 't' },
          { type: 'refusal', refusal: 'no' },
        ],
      },
      { role: 'assistant', function_call: { name: 'g', arguments: '{}' } },
      { role: 'function', name: 'g', content: 'done' },
    ),
    [
      { role: 'system', content: [{ type: 'text', text: 'd' }] },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'why' },
          { type: 'tool_call', id: 'a', name: 'f', arguments: '{}' },
        ],
      },
      { role: 'tool', toolCallId: 'a', content: [{ type: 'text', text: 'ok' }], isError: true },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 't' },
          { type: 'text', text: 'no' },
        ],
      },
      { role: 'assistant', content: [{ type: 'tool_call', id: 'call_g', name: 'g', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'call_g', content: [{ type: 'text', text: 'done' }] },
    ],
  );
});

test('reasoning details become signed blocks again', () => {
  const detail = (fields: object) => ({ format: 'anthropic-claude-v1', index: 0, ...fields });
  const of = (message: object) => messages({ role: 'assistant', content: null, ...message })[0]?.content;
  const signed = { dialect: 'anthropic', fields: { type: 'thinking', signature: 'sig' } };
  assert.deepEqual(
    of({
      reasoning_content: 'ignored beside details',
      reasoning_details: [
        detail({ type: 'reasoning.text', text: 'why', signature: 'sig' }),
        detail({ type: 'reasoning.encrypted', data: 'xyz' }),
      ],
    }),
    [
      { type: 'reasoning', text: 'why', vendor: signed },
      {
        type: 'reasoning',
        text: '',
        vendor: { dialect: 'anthropic', fields: { type: 'redacted_thinking', data: 'xyz' } },
      },
    ],
  );
  // A client that kept the text apart from the signature.
  assert.deepEqual(
    of({ reasoning_content: 'why', reasoning_details: [detail({ type: 'reasoning.text', signature: 'sig' })] }),
    [{ type: 'reasoning', text: 'why', vendor: signed }],
  );
  const other = { type: 'reasoning.encrypted', data: 'x', format: 'openai-responses-v1' };
  assert.deepEqual(of({ reasoning_details: [other] }), [
    { type: 'reasoning', text: '', vendor: { dialect: 'openai', fields: { reasoning_detail: other } } },
  ]);
});

test('what cannot be accepted is named by its path', () => {
  const tool = (fn: object) => ({ tools: [{ type: 'function', function: fn }] });
  const table: [object, string[]][] = [
    [{ messages: undefined }, ['messages']],
    [{ messages: [] }, ['messages']],
    [{ messages: 'hi' }, ['messages']],
    [{ messages: [null] }, ['messages.0']],
    [{ messages: [user, { role: 'robot', content: 'x' }] }, ['messages.1.role']],
    [{ messages: [{ role: 'user' }] }, ['messages.0.content']],
    [{ messages: [{ role: 'user', content: 5 }] }, ['messages.0.content']],
    [{ messages: [{ role: 'user', content: [5] }] }, ['messages.0.content.0']],
    [{ messages: [{ role: 'user', content: [{}] }] }, ['messages.0.content.0.type']],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, ['messages.0.content.0.text']],
    [
      { messages: [user, user, { role: 'user', content: [{ type: 'image_url', image_url: { url: 'ftp://x' } }] }] },
      ['messages.2.content.0.image_url.url'],
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:text/html;base64,x' } }] }] },
      ['messages.0.content.0.image_url.url'],
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png,x' } }] }] },
      ['messages.0.content.0.image_url.url'],
    ],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'http://x' }] }] },
      ['messages.0.content.0.image_url'],
    ],
    [{ messages: [{ role: 'tool', content: 'x' }] }, ['messages.0.tool_call_id']],
    [{ messages: [{ role: 'assistant', content: 5 }] }, ['messages.0.content']],
    [{ messages: [{ role: 'assistant', tool_calls: 'x' }] }, ['messages.0.tool_calls']],
    [{ messages: [{ role: 'assistant', tool_calls: [{ type: 'function' }] }] }, ['messages.0.tool_calls.0.id']],
    [
      { messages: [{ role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: {} } }] }] },
      ['messages.0.tool_calls.0.function.arguments'],
    ],
    [
      { messages: [{ role: 'assistant', tool_calls: [{ id: 'a', function: {} }] }] },
      ['messages.0.tool_calls.0.function.name'],
    ],
    [{ messages: [{ role: 'assistant', content: 'x', reasoning_content: 5 }] }, ['messages.0.reasoning_content']],
    [{ messages: [{ role: 'assistant', content: 'x', reasoning_details: {} }] }, ['messages.0.reasoning_details']],
    [
      { messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'https://x.y/z' } }] }] },
      ['messages.0.content'],
    ],
    [{ n: 2 }, ['n']],
    [{ model: 5 }, ['model']],
    [{ model: '' }, ['model']],
    [{ temperature: 2.1 }, ['temperature']],
    [{ temperature: '1' }, ['temperature']],
    [{ top_p: -0.1 }, ['top_p']],
    [{ max_tokens: 0 }, ['max_tokens']],
    [{ max_tokens: 1.5, max_completion_tokens: '5' }, ['max_tokens', 'max_completion_tokens']],
    [{ seed: 'x' }, ['seed']],
    [{ stop: 5 }, ['stop']],
    [{ stop: Array(17).fill('x') }, ['stop']],
    [{ stop: [''] }, ['stop']],
    [{ stream: 'yes' }, ['stream']],
    [{ stream_options: 5 }, ['stream_options']],
    [{ stream_options: { include_usage: 1 } }, ['stream_options.include_usage']],
    [{ reasoning_effort: 5 }, ['reasoning_effort']],
    [{ parallel_tool_calls: 1 }, ['parallel_tool_calls']],
    [{ tools: {} }, ['tools']],
    [{ tools: [5] }, ['tools.0']],
    [{ tools: [{}] }, ['tools.0.type']],
    [tool({ name: 'no spaces' }), ['tools.0.function.name']],
    [tool({ name: 'x'.repeat(65) }), ['tools.0.function.name']],
    [tool({ name: 'f', parameters: 'x' }), ['tools.0.function.parameters']],
    [tool({ name: 'f', description: 5 }), ['tools.0.function.description']],
    [{ tool_choice: 'maybe' }, ['tool_choice']],
    [{ tool_choice: { type: 'function' } }, ['tool_choice']],
    [{ response_format: 'json' }, ['response_format']],
    [{ response_format: { type: 'xml' } }, ['response_format.type']],
    [{ response_format: { type: 'json_schema' } }, ['response_format.json_schema']],
    [
      { response_format: { type: 'json_schema', json_schema: {} } },
      ['response_format.json_schema.name', 'response_format.json_schema.schema'],
    ],
    [JSON.parse('{"__proto__": {"polluted": true}}'), ['__proto__']],
    [{ constructor: {} }, ['constructor']],
    [{ messages: Array(500).fill(5) }, Array.from({ length: 20 }, (_, i) => `messages.${i}`)],
  ];
  for (const [body, paths] of table) {
    const proto = Object.hasOwn(body, '__proto__')
      ? () => door.decode(Object.assign(JSON.parse('{"__proto__":1}'), { messages: [user] }))
      : null;
    if (proto) assert.throws(proto, /__proto__/);
    else assert.deepEqual(errors(body), paths, JSON.stringify(body));
  }
});

test('tools of other types and allowed tools stay in the body and are not in the call', () => {
  const got = call({
    tools: [{ type: 'custom', custom: { name: 'c' } }],
    tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } },
  });
  assert.deepEqual([got.tools, got.toolChoice], [[], 'required']);
  assert.deepEqual(call({ functions: [{ name: 'f' }], function_call: { name: 'f' } }).tools, [{ name: 'f' }]);
});
