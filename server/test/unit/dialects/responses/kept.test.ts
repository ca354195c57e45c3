import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResponsesEncoder } from '../../../../src/dialects/responses/encoder.ts';
import {
  askedBody,
  decodeResponses,
  inputItems,
  isStored,
  keptCall,
  responseObject,
  withPrevious,
} from '../../../../src/dialects/responses/index.ts';
import { CONTEXT, USAGE } from './door.ts';

const ID = CONTEXT.requestId;
const BODY = {
  model: 'm',
  instructions: 'Be brief.',
  input: [{ role: 'user', content: 'Hi' }],
  previous_response_id: 'resp_before',
  metadata: { a: 'b' },
  user: 'ann@example.com',
  safety_identifier: 'hash-of-ann',
  stream: true,
  tools: [{ type: 'web_search' }],
  reasoning: { effort: 'low', summary: 'auto' },
};
const decoded = () => decodeResponses(BODY, { record: true });

test('the record keeps what a response repeats and a vendor of the dialect must get, and no name', () => {
  const { call, metadata, user } = decoded();
  assert.equal(user, 'hash-of-ann');
  const kept = JSON.parse(JSON.stringify(keptCall(call)));
  assert.doesNotMatch(JSON.stringify(kept), /ann/);
  assert.deepEqual(kept.native, {
    dialect: 'responses',
    body: { model: 'm', instructions: 'Be brief.', tools: BODY.tools, reasoning: BODY.reasoning },
    only: ['tools of type "web_search"'],
    previous: 'resp_before',
  });
  const { user: _, safety_identifier: __, stream: ___, input: ____, ...shown } = BODY;
  assert.deepEqual(askedBody(kept, metadata), shown);
  const told = JSON.parse(
    createResponsesEncoder({ ...CONTEXT, request: { ...BODY, user: null, safety_identifier: null } }).whole(
      { parts: [], finishReason: 'stop', usage: USAGE },
      {},
    ),
  );
  const request = { id: ID, state: 'running', model: 'm', createdAt: 0, finishedAt: null, error: null } as const;
  const found = responseObject({ request, call: kept, result: null, partialText: null, metadata });
  for (const field of ['instructions', 'tools', 'reasoning', 'metadata', 'previous_response_id', 'user']) {
    assert.deepEqual(found[field], told[field], field);
  }
});

test('bodies of other dialects are not kept', () => {
  const call = { ...decoded().call, native: { dialect: 'openai' as const, body: { messages: [] } } };
  assert.equal(keptCall(call).native, undefined);
  assert.equal(isStored(call), true);
  assert.equal(askedBody(call, null), null);
  assert.equal(isStored(decodeResponses({ ...BODY, store: false }, { record: true }).call), false);
  assert.equal(isStored(keptCall(decodeResponses({ ...BODY, store: false }, { record: true }).call)), false);
});

test('a turn goes on from what was kept as from what was said', () => {
  const next = decodeResponses({ input: 'More', instructions: 'Be kind.' }, { record: true }).call;
  const { call } = decoded();
  const answer = [{ type: 'text' as const, text: 'Hello.' }];
  assert.deepEqual(
    withPrevious(next, JSON.parse(JSON.stringify(keptCall(call))), answer),
    withPrevious(next, call, answer),
  );
});

test('input items: all that was asked, under ids of their own, without the instructions', () => {
  const { call } = decodeResponses({
    instructions: 'Be brief.',
    input: [
      { role: 'developer', content: 'Rules.' },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'Hi' },
          { type: 'input_image', image_url: 'https://x.test/a.png' },
        ],
      },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'enc' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed' },
      { role: 'assistant', content: 'Ho' },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: 'ok' },
    ],
  });
  const items = inputItems(call, ID);
  assert.deepEqual(
    items.map(({ type, role }) => role ?? type),
    ['system', 'user', 'reasoning', 'web_search_call', 'assistant', 'function_call', 'function_call_output'],
  );
  const ids = items.map(({ id }) => String(id));
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(ids[3], 'ws_1', 'an id of the vendor stays');
  assert.ok(ids.every((id) => id.length <= 64 && /^[\w-]+$/.test(id)));
  assert.deepEqual(items[0]?.content, [{ type: 'input_text', text: 'Rules.' }]);
  assert.deepEqual(inputItems(call, ID), items, 'the same every time');
  // They mean the same when they are sent again.
  const again = decodeResponses({ instructions: 'Be brief.', input: items }).call.messages;
  assert.deepEqual(
    again.map(({ role, content }) => [role, content.map((part) => part.type)]),
    call.messages.map(({ role, content }) => [role, content.map((part) => part.type)]),
  );
});
