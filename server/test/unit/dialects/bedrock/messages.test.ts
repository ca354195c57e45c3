import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AssistantContent, ImageContent } from '../../../../src/contract/call.ts';
import { openai } from '../../../../src/dialects/openai/index.ts';
import { openaiMessage } from '../../../../src/dialects/openai/message.ts';
import { SEALED, SIGNATURE, THINKING, TOOLS } from './fixtures.ts';
import { read } from './frames.ts';
import { CLAUDE, called, encode, GPT_OSS, hi, LLAMA, LOOK, NEWER, NOVA, refused, result, said, user } from './kit.ts';

const PNG: ImageContent = { type: 'image', data: 'iVBORw0KGgo=', mediaType: 'image/png' };
const thought = (text: string, dialect?: 'anthropic' | 'bedrock' | 'gemini', fields = {}): AssistantContent => ({
  type: 'reasoning',
  text,
  ...(dialect ? { vendor: { dialect, fields } } : {}),
});

test('system, turns and the address', () => {
  const { json, wire, notices } = encode([
    { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
    user('a', '  '),
    user('b'),
    said('c'),
    { role: 'system', content: [{ type: 'text', text: 'Be kind.' }] },
    user('d'),
  ]);
  assert.deepEqual(json, {
    system: [{ text: 'Be brief.' }, { text: 'Be kind.' }],
    messages: [
      { role: 'user', content: [{ text: 'a' }, { text: 'b' }] },
      { role: 'assistant', content: [{ text: 'c' }] },
      { role: 'user', content: [{ text: 'd' }] },
    ],
  });
  assert.equal(wire.path, '/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream');
  assert.equal(wire.headers.accept, 'application/vnd.amazon.eventstream');
  assert.deepEqual(notices, ['changed system messages inside the conversation moved to its front']);
  const arn = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12';
  assert.equal(
    encode([hi], {}, arn).wire.path,
    '/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fab12/converse-stream',
  );
});

test('images as data only, in the formats there are', () => {
  const { json } = encode([user('what is it?', PNG, { ...PNG, mediaType: 'image/jpg' })]);
  assert.deepEqual(json.messages[0].content.slice(1), [
    { image: { format: 'png', source: { bytes: 'iVBORw0KGgo=' } } },
    { image: { format: 'jpeg', source: { bytes: 'iVBORw0KGgo=' } } },
  ]);
  assert.match(refused([user({ type: 'image', url: 'https://example.com/a.png' })]), /only as data/);
  assert.match(refused([user({ ...PNG, mediaType: 'image/tiff' })]), /image\/tiff/);
  assert.match(refused([user({ type: 'foreign', name: 'audio', dialect: 'openai', raw: {} })]), /"audio"/);
});

test('tool calls and results', () => {
  const talk = [hi, said('Wait.', called('a'), called('b', 'look', '')), result('b', '', true), result('a')];
  const { json } = encode(talk, { tools: [LOOK] });
  assert.deepEqual(json.messages.slice(1), [
    {
      role: 'assistant',
      content: [
        { text: 'Wait.' },
        { toolUse: { toolUseId: 'a', name: 'look', input: { a: 1 } } },
        { toolUse: { toolUseId: 'b', name: 'look', input: {} } },
      ],
    },
    {
      role: 'user',
      content: [
        { toolResult: { toolUseId: 'b', content: [{ text: '(no output)' }], status: 'error' } },
        { toolResult: { toolUseId: 'a', content: [{ text: 'found' }] } },
      ],
    },
  ]);
  const plain = encode([hi, said(called('a')), result('a', 'bad', true), user('and?')], { tools: [LOOK] }, GPT_OSS);
  assert.deepEqual(plain.json.messages[2].content, [
    { toolResult: { toolUseId: 'a', content: [{ text: 'bad' }] } },
    { text: 'and?' },
  ]);
  assert.deepEqual(plain.notices, ['dropped tool results cannot be marked as errors here']);
});

test('broken arguments are shown to the model as they were', () => {
  const { json, notices } = encode([hi, said(called('a', 'look', '{"a": [1,')), result('a')], { tools: [LOOK] });
  assert.deepEqual(json.messages[1].content[0].toolUse.input, { invalid_arguments: '{"a": [1,' });
  assert.equal(notices.length, 1);
});

test('images in results stand inside or beside', () => {
  const shown = { role: 'tool' as const, toolCallId: 'a', content: [PNG] };
  const image = { image: { format: 'png', source: { bytes: 'iVBORw0KGgo=' } } };
  const inside = encode([hi, said(called('a')), shown], { tools: [LOOK] });
  assert.deepEqual(inside.json.messages[2].content, [{ toolResult: { toolUseId: 'a', content: [image] } }]);
  const beside = encode([hi, said(called('a')), shown], { tools: [LOOK] }, GPT_OSS);
  assert.deepEqual(beside.json.messages[2].content, [
    { toolResult: { toolUseId: 'a', content: [{ text: '(no output)' }] } },
    image,
  ]);
});

test('ids and names that Converse refuses are changed alike, and the same way in every turn', () => {
  const long = 'x'.repeat(65);
  const talk = [
    hi,
    said(called('a b'), called(long, 'look<|channel|>')),
    result('a b'),
    result(long),
    result('call_1'),
  ];
  const { json } = encode(talk, { tools: [LOOK] });
  const uses = json.messages[1].content.map((block: { toolUse: object }) => block.toolUse);
  assert.deepEqual(
    uses.map((use: { toolUseId: string; name: string }) => [use.toolUseId, use.name]),
    [
      ['call_1', 'look'],
      ['call_2', 'look__channel__'],
    ],
  );
  const results = json.messages[2].content.map(
    (block: { toolResult: { toolUseId: string } }) => block.toolResult.toolUseId,
  );
  assert.deepEqual(results.slice(0, 2), ['call_1', 'call_2']);
  assert.notEqual(results[2], 'call_1');
  const mistral = encode(
    [hi, said(called('tooluse_x')), result('tooluse_x')],
    { tools: [LOOK] },
    'mistral.mistral-large-2407-v1:0',
  );
  assert.equal(mistral.json.messages[1].content[0].toolUse.toolUseId, 'c00000001');
  assert.equal(mistral.json.messages[2].content[0].toolResult.toolUseId, 'c00000001');
});

test('a conversation begins with the user and has some content', () => {
  const { json, notices } = encode([said('Welcome!'), hi]);
  assert.deepEqual(json.messages[0], { role: 'user', content: [{ text: '(the conversation begins)' }] });
  assert.equal(notices.length, 1);
  assert.match(refused([user(' ')]), /at least one/);
  assert.match(refused([]), /at least one/);
});

test('models without a place for system messages', () => {
  const { json } = encode(
    [{ role: 'system', content: [{ type: 'text', text: 'Be brief.' }] }, hi],
    {},
    'mistral.mistral-7b-instruct-v0:2',
  );
  assert.deepEqual(json, { messages: [{ role: 'user', content: [{ text: 'Be brief.' }, { text: 'hi' }] }] });
});

test('signed reasoning goes back to Claude byte for byte, from any door', () => {
  const signed = { reasoningContent: { reasoningText: { text: 'Hm. ', signature: SIGNATURE } } };
  const back = (part: AssistantContent, model = CLAUDE) =>
    encode([hi, said(part, 'Yes.'), user('ok')], {}, model).json.messages[1].content;
  assert.deepEqual(back(thought('Hm. ', 'anthropic', { type: 'thinking', signature: SIGNATURE }))[0], signed);
  assert.deepEqual(back(thought('Hm. ', 'bedrock', { signature: SIGNATURE }))[0], signed);
  assert.deepEqual(back(thought('', 'anthropic', { type: 'redacted_thinking', data: 'EmwK' }))[0], {
    reasoningContent: { redactedContent: 'EmwK' },
  });
  assert.equal(back(thought('', 'anthropic', { type: 'thinking', signature: SIGNATURE })).length, 2);
  const parts = read(THINKING).filter((part) => part.type === 'text' || part.type === 'reasoning');
  const decoded = openai.door?.decode({
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }, openaiMessage(parts), { role: 'user', content: 'ok' }],
  });
  assert.deepEqual(encode(decoded?.call.messages ?? []).json.messages[1].content, [
    { reasoningContent: { reasoningText: { text: 'Let me count the r.', signature: SIGNATURE } } },
    { text: 'Three.' },
  ]);
});

test('sealed reasoning survives OpenAI’s door, and goes to no vendor of its dialect', () => {
  const sealed = {
    type: 'reasoning' as const,
    text: '',
    vendor: { dialect: 'bedrock' as const, fields: { redactedContent: SEALED } },
  };
  const decoded = openai.door?.decode({
    model: 'm',
    messages: [
      { role: 'user', content: 'hi' },
      openaiMessage([sealed, { type: 'text', text: 'Yes.' }]),
      { role: 'user', content: 'ok' },
    ],
  });
  const call = decoded?.call;
  assert.ok(call);
  assert.deepEqual(encode(call.messages, {}, 'us.openai.gpt-5.6').json.messages[1].content, [
    { reasoningContent: { redactedContent: SEALED } },
    { text: 'Yes.' },
  ]);
  assert.deepEqual(encode(call.messages).json.messages[1].content, [{ text: 'Yes.' }]);
  const elsewhere = openai.vendor.encode(call, { provider: 'x', model: 'y', quirks: {} }, false);
  assert.ok(!elsewhere.body.includes(SEALED));
});

test('reasoning goes to nobody else', () => {
  const kept = (part: AssistantContent, model: string) =>
    encode([hi, said(part, 'Yes.'), user('ok')], {}, model).json.messages[1].content.length === 2;
  const signed = thought('Hm.', 'anthropic', { type: 'thinking', signature: SIGNATURE });
  const sealed = thought('', 'bedrock', { redactedContent: SEALED });
  const plain = thought('Hm.');
  const kimi = 'moonshot.kimi-k2-thinking';
  const gpt = 'us.openai.gpt-5.6';
  const table: [AssistantContent, string, boolean][] = [
    [signed, CLAUDE, true],
    [signed, NOVA, false],
    [signed, kimi, false],
    [signed, gpt, false],
    [signed, 'anthropic.claude-3-haiku-20240307-v1:0', false],
    [sealed, gpt, true],
    [sealed, CLAUDE, false],
    [sealed, kimi, false],
    [plain, kimi, true],
    [plain, CLAUDE, false],
    [plain, GPT_OSS, false],
    [thought('Hm.', 'gemini', { signature: 'x' }), CLAUDE, false],
    [thought('Hm.', 'gemini', { signature: 'x' }), kimi, false],
  ];
  for (const [part, model, expected] of table)
    assert.equal(kept(part, model), expected, `${JSON.stringify(part)} ${model}`);
});

test('a tool loop of fifty turns keeps its beginning', () => {
  const talk = [hi];
  for (let turn = 0; turn < 50; turn++) {
    const before = turn === 0 ? null : encode(talk, { tools: [LOOK] }, LLAMA).json.messages;
    talk.push(said(called(`weird id ${turn}`)), result(`weird id ${turn}`, `${turn}`));
    const after = encode(talk, { tools: [LOOK] }, LLAMA).json.messages;
    if (before) assert.deepEqual(after.slice(0, before.length), before);
    assert.equal(after.length, 2 * turn + 3);
  }
  assert.equal(read(TOOLS).filter((part) => part.type === 'tool_call' && part.id).length, 2);
});

test('cache marks become cache points', () => {
  const mark = (cache_control: object) => ({ vendor: { dialect: 'anthropic' as const, fields: { cache_control } } });
  const marked = user({ type: 'text', text: 'long', ...mark({ type: 'ephemeral', ttl: '1h' }) }, 'short');
  assert.deepEqual(encode([marked]).json.messages[0].content, [
    { text: 'long' },
    { cachePoint: { type: 'default', ttl: '1h' } },
    { text: 'short' },
  ]);
  assert.deepEqual(encode([marked], {}, NOVA).json.messages[0].content[1], { cachePoint: { type: 'default' } });
  assert.equal(encode([marked], {}, LLAMA).json.messages[0].content.length, 2);
  const system = {
    role: 'system' as const,
    content: [{ type: 'text' as const, text: 'S', ...mark({ type: 'ephemeral' }) }],
  };
  assert.deepEqual(encode([system, hi]).json.system, [{ text: 'S' }, { cachePoint: { type: 'default' } }]);
  const own = user({
    type: 'text',
    text: 'x',
    vendor: { dialect: 'bedrock', fields: { cachePoint: { type: 'default' } } },
  });
  assert.deepEqual(encode([own], {}, LLAMA).json.messages[0].content[1], { cachePoint: { type: 'default' } });
  const native = {
    dialect: 'anthropic' as const,
    body: { tools: [{ name: 'look', cache_control: { type: 'ephemeral' } }] },
  };
  const { toolConfig } = encode([hi], { tools: [LOOK], native }).json;
  assert.deepEqual(toolConfig.tools[1], { cachePoint: { type: 'default' } });
  const answered = {
    role: 'tool' as const,
    toolCallId: 'a',
    content: [{ type: 'text' as const, text: 'r', ...mark({ type: 'ephemeral' }) }],
  };
  assert.deepEqual(encode([hi, said(called('a')), answered], { tools: [LOOK] }).json.messages[2].content, [
    { toolResult: { toolUseId: 'a', content: [{ text: 'r' }] } },
    { cachePoint: { type: 'default' } },
  ]);
});

test('an answer that goes on from a given beginning', () => {
  const last = (prefix: string, messages = [hi], model = CLAUDE) =>
    encode(messages, {}, model, { prefix }).json.messages.at(-1);
  assert.deepEqual(last('Once upon '), { role: 'assistant', content: [{ text: 'Once upon' }] });
  assert.deepEqual(last(' a time', [hi, said('Once upon')]), {
    role: 'assistant',
    content: [{ text: 'Once upon a time' }],
  });
  assert.deepEqual(last('\n\n'), { role: 'user', content: [{ text: 'hi' }] });
  for (const model of [NEWER, NOVA, LLAMA, GPT_OSS, 'arn:aws:bedrock:us-east-1:1:application-inference-profile/x']) {
    assert.match(refused([hi], {}, model, { prefix: 'Once' }), /cannot go on/);
    assert.match(refused([hi, said('Once')], {}, model), /cannot go on/);
  }
  assert.match(refused([hi], { tools: [LOOK], toolChoice: 'required' }, CLAUDE, { prefix: 'Once' }), /forced/);
  assert.deepEqual(
    encode([hi, said('Once  ', thought('Hm.', 'bedrock', { signature: 's' }))]).json.messages[1].content,
    [{ text: 'Once' }],
  );
});
