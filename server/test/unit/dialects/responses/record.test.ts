import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VisiblePart } from '../../../../src/contract/part.ts';
import type { State } from '../../../../src/contract/states.ts';
import { DIALECTS, openaiMessage } from '../../../../src/dialects/index.ts';
import {
  namedRequests,
  requestIdOf,
  responseId,
  responseObject,
  withItems,
  withPrevious,
} from '../../../../src/dialects/responses/index.ts';
import { CONTEXT, door, USAGE } from './door.ts';

const ID = CONTEXT.requestId;
const parts: VisiblePart[] = [
  { type: 'reasoning', text: 'Hm.' },
  { type: 'reasoning', text: '', vendor: { dialect: 'anthropic', fields: { type: 'thinking', signature: 's' } } },
  { type: 'text', text: 'Four.' },
  { type: 'tool_call', index: 0, id: 'call_a', name: 'f', arguments: '{}' },
];
const asked = { model: 'm', input: 'hi', instructions: 'Be brief.', metadata: { a: 'b' }, background: true };
const call = {
  ...door.decode({ ...asked, background: false }).call,
  native: { dialect: 'responses' as const, body: asked },
};
const result = {
  text: 'Four.',
  message: JSON.parse(JSON.stringify(openaiMessage(parts))),
  finishReason: 'tool_calls' as const,
  provider: 'p',
  model: 'v',
  usage: USAGE,
  costPico: null,
  priceVersion: null,
  latencyMs: 5,
};

function recorded(state: State, more: object = {}) {
  return responseObject({
    request: { id: ID, state, model: 'm', createdAt: 1_741_569_952_900, finishedAt: 1_741_569_960_100, error: null },
    call,
    result: null,
    partialText: null,
    ...more,
  });
}

test('a finished request is the response that its caller would have had', () => {
  const got = recorded('succeeded', { result });
  const direct = JSON.parse(
    door
      .encoder({ ...CONTEXT, model: 'm', request: asked, ended: () => 1741569960 })
      .whole({ parts, finishReason: 'tool_calls', usage: USAGE }, {}),
  );
  assert.deepEqual({ ...got, x_mcp: {} }, direct);
  assert.equal(got.completed_at, 1741569960);
  const cut = recorded('succeeded', { result: { ...result, finishReason: 'length' } });
  assert.deepEqual([cut.status, cut.incomplete_details], ['incomplete', { reason: 'max_output_tokens' }]);
  assert.equal(cut.completed_at, null);
});

test('every state has its status', () => {
  const status = (state: State, more?: object) => {
    const got = recorded(state, more);
    return [
      got.status,
      (got.error as { code?: string } | null)?.code ?? null,
      got.usage,
      (got.output as unknown[]).length,
    ];
  };
  assert.deepEqual(status('queued'), ['queued', null, null, 0]);
  assert.deepEqual(status('running'), ['in_progress', null, null, 0]);
  assert.deepEqual(status('cancelled', { partialText: 'Fo' }), ['cancelled', null, null, 1]);
  assert.deepEqual(status('expired'), ['failed', 'server_error', null, 0]);
  assert.deepEqual(status('blocked'), ['failed', 'server_error', null, 0]);
  const error = { code: 'upstream_context_too_long', message: 'The prompt is longer than the model can read' };
  const failed = recorded('failed', {
    request: { id: ID, state: 'failed', model: null, createdAt: 0, finishedAt: 1, error },
    partialText: 'Fo',
  });
  assert.deepEqual(failed.error, {
    code: 'context_length_exceeded',
    message: error.message,
    x_mcp_code: 'upstream_context_too_long',
  });
  assert.equal((failed.output as { status: string }[])[0]?.status, 'incomplete');
  assert.deepEqual([failed.completed_at, failed.instructions], [null, 'Be brief.']);
  // The body was erased: the response shows defaults.
  assert.deepEqual(
    [recorded('queued', { call: null }).instructions, recorded('queued', { call: null }).tools],
    [null, []],
  );
  assert.deepEqual(recorded('queued').metadata, { a: 'b' });
});

test('ids of responses', () => {
  assert.equal(responseId(ID), `resp_${ID}`);
  assert.equal(requestIdOf(`resp_${ID}`), ID);
  for (const other of [ID, 'resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654', `resp_${ID}x`, `resp_../${ID}`]) {
    assert.equal(requestIdOf(other), null, other);
  }
});

test('a turn that goes on from an earlier one', () => {
  const first = door.decode({ model: 'm', input: 'one', instructions: 'Old.' }).call;
  const body = {
    model: 'm',
    instructions: 'New.',
    previous_response_id: responseId(ID),
    input: [{ type: 'function_call_output', call_id: 'call_a', output: '4' }],
    tools: [{ type: 'web_search' }],
  };
  const { previous_response_id: _, ...alone } = body;
  const next = {
    ...door.decode(alone).call,
    native: { ...door.decode(alone).call.native, dialect: 'responses' as const, body },
  };
  const joined = withPrevious(next, first, parts);
  assert.deepEqual(
    joined.messages.map((message) => [message.role, message.content.length]),
    [
      ['system', 1],
      ['user', 1],
      ['assistant', 3],
      ['tool', 1],
    ],
  );
  assert.deepEqual(joined.messages[0]?.content, [{ type: 'text', text: 'New.' }]);
  const target = { provider: 'p', model: 'claude-sonnet-4-5', quirks: {}, maxOutput: 8000 };
  // A vendor of the same dialect gets the whole conversation, the caller's other fields, and no id of ours.
  const own = JSON.parse(DIALECTS.responses.vendor.encode(joined, target, true).body);
  assert.deepEqual(own.input, [
    { role: 'system', content: 'New.' },
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'Four.' },
    { type: 'function_call', call_id: 'call_a', name: 'f', arguments: '{}' },
    { type: 'function_call_output', call_id: 'call_a', output: '4' },
  ]);
  assert.deepEqual([own.instructions, own.previous_response_id, own.tools], [undefined, undefined, body.tools]);
  // Others get the signature that they gave.
  const { only: __, ...native } = joined.native ?? { dialect: 'responses' as const, body: {} };
  const claude = JSON.parse(
    DIALECTS.anthropic.vendor.encode({ ...joined, native: { ...native, body: {} } }, target, true).body,
  );
  assert.deepEqual(claude.messages[1].content[0], { type: 'thinking', thinking: 'Hm.', signature: 's' });
  assert.equal(claude.system, 'New.');
  // A third turn goes on from both.
  const third = withPrevious(door.decode({ model: 'm', input: 'three' }).call, joined, [
    { type: 'text', text: 'Done.' },
  ]);
  assert.deepEqual(
    third.messages.map((message) => message.role),
    ['user', 'assistant', 'tool', 'assistant', 'user'],
  );
});

test('items that are named by their ids alone come from the record', () => {
  const output = recorded('succeeded', { result }).output as Record<string, unknown>[];
  const refer = (id: unknown, type = true) => ({ ...(type ? { type: 'item_reference' } : {}), id });
  const body = {
    model: 'm',
    input: [
      { role: 'user', content: 'hi' },
      ...output.map((item, i) => refer(item.id, i > 0)),
      { type: 'function_call_output', call_id: 'call_a', output: '4' },
    ],
  };
  assert.deepEqual(namedRequests(body), [ID]);
  const found = withItems(body, (id) => (id === ID ? output : null));
  assert.deepEqual(
    door.decode(found).call.messages,
    door.decode({ ...body, input: [body.input[0], ...output, body.input.at(-1)] }).call.messages,
  );
  assert.equal(withItems({ input: 'hi' }, () => null).input, 'hi');
  // Another's, a vendor's, or one that never was: still a reference, and refused.
  for (const id of ['msg_67c9fdcf37fc8190ba82116e33fb28c507b8b0ad4e5eb654', `msg_mcp_${ID}_77`, 5]) {
    const other = { model: 'm', input: [refer(id)] };
    assert.throws(() => door.decode(withItems(other, () => output)), /input\.0/);
  }
  assert.deepEqual(namedRequests({ input: [refer('rs_1'), refer('msg_mcp_../../x_1')] }), []);
});
