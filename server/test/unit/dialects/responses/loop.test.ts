/** What a client sends back with its next turn: nothing that a vendor wants to see again is lost on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AnswerCall, AssistantContent, DialectName, VendorField } from '../../../../src/contract/call.ts';
import type { VisiblePart } from '../../../../src/contract/part.ts';
import { DIALECTS } from '../../../../src/dialects/index.ts';
import { openaiMessage } from '../../../../src/dialects/openai/message.ts';
import { contentOf, partsOfStored } from '../../../../src/dialects/responses/previous.ts';
import { CONTEXT, door, USAGE } from './door.ts';

type Item = Record<string, unknown>;

const whole = (parts: readonly VisiblePart[], requestId = CONTEXT.requestId) =>
  JSON.parse(door.encoder({ ...CONTEXT, requestId }).whole({ parts, finishReason: 'tool_calls', usage: USAGE }, {}));

/** How clients that are in use return the items of an answer. */
const CLIENTS: Record<string, (items: readonly Item[]) => Item[]> = {
  'the SDKs: as they came': (items) => [...items],
  'Codex: without ids and states': (items) => items.map(({ id: _, status: __, ...rest }) => rest),
  'Agents: each with its known fields': (items) =>
    items.map((item) =>
      item.type === 'reasoning'
        ? { id: item.id, type: item.type, summary: item.summary, encrypted_content: item.encrypted_content }
        : item,
    ),
  'AI SDK: messages as plain texts': (items) =>
    items.map((item) =>
      item.type === 'message'
        ? {
            role: 'assistant',
            content: (item.content as Item[]).map(({ type, text }) => ({ type, text })),
            id: item.id,
          }
        : item,
    ),
};

const user = { role: 'user', content: 'go' };

function back(items: readonly Item[]): AssistantContent[] {
  const [, message] = door.decode({ model: 'm', input: [user, ...items] }).call.messages;
  return message?.role === 'assistant' ? message.content : [];
}

const mark = (dialect: DialectName, fields: Item): VisiblePart => ({
  type: 'reasoning',
  text: '',
  vendor: { dialect, fields },
});
const call = (index: number, vendor?: VendorField): VisiblePart => ({
  type: 'tool_call',
  index,
  id: `call_${index}`,
  name: 'f',
  arguments: '{"a":1}',
  ...(vendor ? { vendor } : {}),
});

const CLAUDE: VisiblePart[] = [
  { type: 'reasoning', text: 'Hm.' },
  mark('anthropic', { type: 'thinking', signature: 'c2lnbmVk' }),
  mark('anthropic', { type: 'redacted_thinking', data: 'xyz' }),
  { type: 'text', text: 'On it.' },
  call(0),
];
const GEMINI: VisiblePart[] = [
  { type: 'reasoning', text: 'Hm.' },
  call(0, { dialect: 'gemini', fields: { thoughtSignature: 'QUFB', service: 'gemini' } }),
  call(1),
];
const RESPONSES: VisiblePart[] = [
  { type: 'reasoning', text: 'Hm.\n\nYes.' },
  mark('responses', {
    type: 'reasoning',
    id: 'rs_vendor',
    encrypted_content: 'gAAAA',
    summary: [
      { type: 'summary_text', text: 'Hm.' },
      { type: 'summary_text', text: 'Yes.' },
    ],
  }),
  mark('responses', { type: 'web_search_call', id: 'ws_1', status: 'completed' }),
  mark('responses', { type: 'message', phase: 'commentary' }),
  { type: 'text', text: 'On it.' },
  call(0),
];

test('signatures, redacted thinking and thought signatures return with every client', () => {
  for (const [name, send] of Object.entries(CLIENTS)) {
    for (const parts of [CLAUDE, GEMINI]) {
      assert.deepEqual(back(send(whole(parts).output)), contentOf(parts), name);
    }
  }
});

function wire(to: DialectName, parts: readonly VisiblePart[], send: (items: readonly Item[]) => Item[]) {
  const items = send(whole(parts).output);
  const result = { type: 'function_call_output', call_id: 'call_0', output: 'ok' };
  const decoded = door.decode({ model: 'm', input: [user, ...items, result], reasoning: { effort: 'high' } });
  const target = { provider: 'p', model: 'claude-sonnet-4-5', quirks: {}, maxOutput: 8000 };
  return JSON.parse(DIALECTS[to].vendor.encode(decoded.call, target, true).body);
}

test('a tool loop through Claude: the blocks of the turn before, byte for byte', () => {
  for (const [name, send] of Object.entries(CLIENTS)) {
    const body = wire('anthropic', CLAUDE, send);
    assert.deepEqual(
      body.messages[1].content,
      [
        { type: 'thinking', thinking: 'Hm.', signature: 'c2lnbmVk' },
        { type: 'redacted_thinking', data: 'xyz' },
        { type: 'text', text: 'On it.' },
        { type: 'tool_use', id: 'call_0', name: 'f', input: { a: 1 } },
      ],
      name,
    );
    assert.equal(body.thinking.type, 'enabled', name);
  }
});

test("a tool loop through a vendor of this dialect: its items, not ours, and nobody else's", () => {
  const body = wire('responses', RESPONSES, CLIENTS['the SDKs: as they came'] ?? (() => []));
  assert.deepEqual(body.input, [
    user,
    {
      type: 'reasoning',
      id: 'rs_vendor',
      encrypted_content: 'gAAAA',
      summary: [
        { type: 'summary_text', text: 'Hm.' },
        { type: 'summary_text', text: 'Yes.' },
      ],
    },
    { type: 'web_search_call', id: 'ws_1', status: 'completed' },
    {
      type: 'message',
      status: 'completed',
      role: 'assistant',
      phase: 'commentary',
      content: [{ type: 'output_text', annotations: [], logprobs: [], text: 'On it.' }],
    },
    { type: 'function_call', status: 'completed', call_id: 'call_0', name: 'f', arguments: '{"a":1}' },
    { type: 'function_call_output', call_id: 'call_0', output: 'ok' },
  ]);
  assert.ok(!JSON.stringify(body).includes('mcp'));
  // The reasoning of a Claude that answered the turn before stays here.
  const foreign = wire('responses', [...CLAUDE, ...GEMINI.slice(1)], CLIENTS['the SDKs: as they came'] ?? (() => []));
  assert.ok(!JSON.stringify(foreign).includes('mcp') && !JSON.stringify(foreign).includes('reasoning_content'));
  assert.deepEqual(
    foreign.input.map((item: Item) => item.type ?? item.role),
    ['user', 'message', 'function_call', 'function_call', 'function_call_output'],
  );
});

test('the record keeps what vendors want back', () => {
  for (const parts of [CLAUDE, RESPONSES]) {
    const stored = JSON.parse(JSON.stringify(openaiMessage(parts)));
    const marks = (list: readonly VisiblePart[]) =>
      list.flatMap((part) => (part.type === 'reasoning' && part.vendor ? [part.vendor] : []));
    const kept = marks(partsOfStored(stored));
    for (const { dialect, fields } of marks(parts)) {
      const { summary: _, ...rest } = fields;
      assert.ok(
        kept.some((field) => {
          const { summary: __, ...known } = field.fields;
          return field.dialect === dialect && JSON.stringify(known) === JSON.stringify(rest);
        }) || fields.type === 'reasoning',
        JSON.stringify(fields),
      );
    }
  }
  const stored = partsOfStored(openaiMessage(RESPONSES));
  const item = stored.find((part) => part.type === 'reasoning' && part.vendor?.fields.type === 'reasoning');
  assert.ok(item?.type === 'reasoning' && item.vendor?.fields.encrypted_content === 'gAAAA');
});

const text = fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' });
const fields = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 5, unit: fc.constantFrom('a', 'b', 'é', '"', '_') }),
  fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.constant(null), fc.array(fc.boolean())),
  { maxKeys: 3 },
);
const vendor = fc.record({ dialect: fc.constantFrom<DialectName>('anthropic', 'gemini', 'openai', 'bedrock'), fields });
const step = fc.oneof(
  text.map((value): VisiblePart => ({ type: 'text', text: value })),
  text.map((value): VisiblePart => ({ type: 'reasoning', text: value })),
  vendor.map((field): VisiblePart => ({ type: 'reasoning', text: '', vendor: field })),
  fc.tuple(text, vendor).map(([value, field]): VisiblePart => ({ type: 'reasoning', text: value, vendor: field })),
  fc.record({
    kind: fc.constant('call' as const),
    vendor: fc.option(vendor),
    pieces: fc.array(text, { maxLength: 3 }),
  }),
);

/** Steps in order, each call in fragments, which may stand among those of the one before it. */
const answer = fc.array(step, { maxLength: 12 }).map((steps) => {
  const parts: VisiblePart[] = [];
  let index = 0;
  let late: VisiblePart[] = [];
  for (const each of steps) {
    if (!('kind' in each)) {
      parts.push(each);
      continue;
    }
    const at = index++;
    parts.push({
      type: 'tool_call',
      index: at,
      id: `call_${at}`,
      name: 'f',
      arguments: '',
      ...(each.vendor ? { vendor: each.vendor } : {}),
    });
    const pieces = each.pieces.map((piece): VisiblePart => ({ type: 'tool_call', index: at, arguments: piece }));
    parts.push(...pieces.slice(0, 1), ...late);
    late = pieces.slice(1);
  }
  return [...parts, ...late];
});

function streamed(parts: readonly VisiblePart[]) {
  const encoder = door.encoder(CONTEXT);
  const bytes = parts.map((part) => encoder.part(part)).join('') + encoder.finish('tool_calls', USAGE, {});
  const events = bytes
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => JSON.parse(block.slice(block.indexOf('\ndata: ') + 7)));
  return { events, response: events.at(-1).response };
}

test('streamed or whole, an answer has the same items, and returns as it was', () => {
  fc.assert(
    fc.property(answer, (generated) => {
      const parts: VisiblePart[] = structuredClone(generated);
      const once = whole(parts);
      const { events, response } = streamed(parts);
      assert.deepEqual(response, once);
      // Every item that was added is done, with what the response says at the end.
      const done = events.filter((event) => event.type === 'response.output_item.done');
      for (const event of done) assert.deepEqual(event.item, once.output[event.output_index]);
      assert.equal(done.length, once.output.length);
      assert.deepEqual(
        events.map((event) => event.sequence_number),
        events.map((_, i) => i),
      );
      assert.deepEqual(back(once.output), contentOf(parts));
    }),
    { numRuns: 500 },
  );
});

test('fifty turns of a tool loop: the signature of every turn is still there', () => {
  let input: Item[] = [user];
  for (let turn = 0; turn < 50; turn++) {
    const parts: VisiblePart[] = [
      { type: 'reasoning', text: `thought ${turn}` },
      mark('anthropic', { type: 'thinking', signature: `sig${turn}` }),
      { ...call(0), id: `call_t${turn}` } as VisiblePart,
    ];
    const requestId = `019ab7f0-1c2d-7e3f-8a4b-${String(turn).padStart(12, '0')}`;
    const { output } = whole(parts, requestId);
    input = [...input, ...output, { type: 'function_call_output', call_id: `call_t${turn}`, output: 'ok' }];
  }
  const decoded: AnswerCall = door.decode({ model: 'm', input }).call;
  const target = { provider: 'p', model: 'claude-sonnet-4-5', quirks: {}, maxOutput: 8000 };
  const body = JSON.parse(DIALECTS.anthropic.vendor.encode(decoded, target, true).body);
  const signatures = body.messages.flatMap((message: { content: Item[] }) =>
    Array.isArray(message.content) ? message.content.flatMap((block) => block.signature ?? []) : [],
  );
  assert.deepEqual(
    signatures,
    Array.from({ length: 50 }, (_, turn) => `sig${turn}`),
  );
});
