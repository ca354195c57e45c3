import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message, VendorField } from '../../../../src/contract/call.ts';
import type { VisiblePart } from '../../../../src/contract/part.ts';
import { gemini } from '../../../../src/dialects/gemini/index.ts';
import { openai } from '../../../../src/dialects/openai/index.ts';
import { openaiMessage } from '../../../../src/dialects/openai/message.ts';
import { read } from '../read.ts';
import { called, door, encode, hi, refused, result, SECOND, said, THIRD, text, user } from './calls.ts';
import * as fixture from './fixtures.ts';

const SKIP = 'skip_thought_signature_validator';
const mark = (thoughtSignature: string, service = 'gemini'): VendorField => ({
  dialect: 'gemini',
  fields: { thoughtSignature, service },
});

test('roles, merged turns, system messages, empty texts', () => {
  const { json, notices } = encode([
    { role: 'system', content: [text('one'), text('')] },
    user('a'),
    user('b'),
    said(text(''), text('c')),
    said(text('d')),
    { role: 'system', content: [text('two')] },
    user('e'),
    user(''),
  ]);
  assert.deepEqual(json.systemInstruction, { parts: [{ text: 'one' }, { text: 'two' }] });
  assert.deepEqual(json.contents, [
    { role: 'user', parts: [{ text: 'a' }, { text: 'b' }] },
    { role: 'model', parts: [{ text: 'c' }, { text: 'd' }] },
    { role: 'user', parts: [{ text: 'e' }] },
  ]);
  assert.deepEqual(notices, ['changed system messages inside the conversation moved to its front']);
  assert.match(refused([{ role: 'system', content: [text('x')] }]), /user message/);
  assert.match(refused([user('')]), /user message/);
});

test('images: inside, by address, and what the API does not read', () => {
  const image = (more: object): Message => ({ role: 'user', content: [{ type: 'image', ...more }, text('?')] });
  const part = (more: object, model?: string, target?: object) =>
    encode([image(more)], {}, model, target).json.contents[0].parts[0];
  assert.deepEqual(part({ data: 'AA', mediaType: 'image/jpg', detail: 'high' }), {
    inlineData: { mimeType: 'image/jpeg', data: 'AA' },
  });
  assert.deepEqual(part({ url: 'https://x.example/a/b.PNG?c=d.gif' }), {
    fileData: { mimeType: 'image/png', fileUri: 'https://x.example/a/b.PNG?c=d.gif' },
  });
  assert.deepEqual(part({ url: 'https://x.example/a' }), { fileData: { fileUri: 'https://x.example/a' } });
  assert.match(refused([image({ url: 'https://x.example/a' })], {}, SECOND, { quirks: { vertex: true } }), /address/);
  assert.match(refused([image({ url: 'https://x.example/a.gif' })]), /address/);
  assert.match(refused([image({ url: 'http://x.example/a.png' })]), /https/);
  assert.match(refused([image({ url: 'https://x.example/a.png' })], {}, 'gemini-2.0-flash'), /addresses/);
  assert.match(refused([image({ data: 'AA', mediaType: 'image/gif' })]), /GIF|gif/);
  const audio: Message = {
    role: 'user',
    content: [{ type: 'foreign', name: 'input_audio', dialect: 'openai', raw: {} }],
  };
  assert.match(refused([audio]), /input_audio/);
});

test('tool calls and results: names by call, ids from Gemini 3 on, results together and right after their calls', () => {
  const messages: Message[] = [
    hi,
    said(text('calling'), called('a', 'f', '{"x":1}'), called('b', 'g', '')),
    result('a', '{"temp":20.0}'),
    user('and?'),
    { ...result('b', 'no such city'), isError: true } as Message,
  ];
  assert.deepEqual(encode(messages).json.contents.slice(1), [
    {
      role: 'model',
      parts: [
        { text: 'calling' },
        { functionCall: { name: 'f', args: { x: 1 } } },
        { functionCall: { name: 'g', args: {} } },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { name: 'f', response: { output: '{"temp":20.0}' } } },
        { functionResponse: { name: 'g', response: { error: 'no such city' } } },
      ],
    },
    { role: 'user', parts: [{ text: 'and?' }] },
  ]);
  const third = encode(messages, {}, THIRD).json.contents;
  assert.deepEqual(
    [...third[1].parts.slice(1), ...third[2].parts].map(
      (part: Record<string, { id: string }>) => (part.functionCall ?? part.functionResponse)?.id,
    ),
    ['a', 'b', 'a', 'b'],
  );
  assert.match(refused([hi, result('a', 'x')]), /no tool call/);
  // A name may be used again under the same id: the latest call is meant.
  const again = encode([hi, said(called('a', 'f')), result('a', '1'), said(called('a', 'g')), result('a', '2')]);
  assert.deepEqual(
    again.json.contents
      .filter((_: unknown, i: number) => i === 2 || i === 4)
      .map((c: { parts: { functionResponse: { name: string } }[] }) => c.parts[0]?.functionResponse.name),
    ['f', 'g'],
  );
});

test('images in results: inside from Gemini 3 on, after them before', () => {
  const shown: Message = {
    role: 'tool',
    toolCallId: 'a',
    content: [text('see'), { type: 'image', data: 'AA', mediaType: 'image/png' }, text('it')],
  };
  const image = { inlineData: { mimeType: 'image/png', data: 'AA' } };
  const third = encode([hi, said(called('a')), shown, user('go on')], {}, THIRD);
  assert.deepEqual(third.json.contents[2].parts, [
    { functionResponse: { name: 'f', id: 'a', response: { output: 'see\nit' }, parts: [image] } },
  ]);
  const second = encode([hi, said(called('a')), shown, user('go on')]);
  assert.deepEqual(second.json.contents.slice(2), [
    { role: 'user', parts: [{ functionResponse: { name: 'f', response: { output: 'see\nit' } } }] },
    { role: 'user', parts: [image, { text: 'go on' }] },
  ]);
  assert.deepEqual(second.notices, ['changed images in tool results follow as a user message']);
});

test('arguments that are not an object are kept under a name of their own', () => {
  for (const broken of ['{"x":', '[1]', '"x"', 'null']) {
    const { json, notices } = encode([hi, said(called('a', 'f', broken)), result('a', '')]);
    assert.deepEqual(json.contents[1].parts[0].functionCall.args, { invalid_arguments: broken });
    assert.equal(notices.length, 1);
  }
});

test('a conversation may not begin with a call', () => {
  const { json, notices } = encode([said(called('a')), result('a', 'r')]);
  assert.deepEqual(
    json.contents.map((content: { role: string }) => content.role),
    ['user', 'model', 'user'],
  );
  assert.equal(notices.length, 1);
  assert.equal(encode([said(text('hello')), user('x')]).json.contents.length, 2);
});

test('signatures go back where they stood; the first call of a turn without one is marked for Gemini 3', () => {
  const parts = (messages: Message[], model = THIRD, target = {}) =>
    encode([hi, ...messages, hi], {}, model, target).json.contents[1].parts.map(
      (part: Record<string, unknown>) => part.thoughtSignature,
    );
  const own = [said(called('a', 'f', '{}', mark('S1')), called('b'))];
  assert.deepEqual(parts(own), ['S1', undefined]);
  assert.deepEqual(parts(own, SECOND), ['S1', undefined]);
  const none = [said(called('a'), called('b'))];
  assert.deepEqual(parts(none), [SKIP, undefined]);
  assert.deepEqual(parts(none, SECOND), [undefined, undefined]);
  assert.deepEqual(parts(none, 'gemini-flash-latest'), [SKIP, undefined]);
  // Two assistant messages in a row are one turn.
  assert.deepEqual(parts([said(called('a')), said(called('b'))]), [SKIP, undefined]);
  // Each step of a loop needs its own.
  const loop = encode(
    [hi, said(called('a', 'f', '{}', mark('S1'))), result('a', '1'), said(called('b')), result('b', '2')],
    {},
    THIRD,
  );
  assert.deepEqual(
    [loop.json.contents[1].parts[0].thoughtSignature, loop.json.contents[3].parts[0].thoughtSignature],
    ['S1', SKIP],
  );
  assert.deepEqual(loop.notices, [
    'changed tool calls without a thought signature of this provider are marked as foreign',
  ]);
});

test('a signature of the other service of Google is not sent', () => {
  const messages = [hi, said(called('a', 'f', '{}', mark('S1', 'vertex'))), result('a', '1')];
  const there = encode(messages, {}, THIRD, { quirks: { vertex: true } });
  assert.deepEqual([there.json.contents[1].parts[0].thoughtSignature, there.notices.length], ['S1', 0]);
  const here = encode(messages, {}, THIRD);
  assert.equal(here.json.contents[1].parts[0].thoughtSignature, SKIP);
  assert.match(here.notices.join(), /dropped thought signatures/);
  const claudes = { dialect: 'anthropic' as const, fields: { type: 'thinking', signature: 'C' } };
  const foreign = encode([hi, said({ type: 'reasoning', text: 'hm', vendor: claudes }, text('x')), hi], {}, THIRD);
  assert.doesNotMatch(foreign.wire.body, /"C"|hm/);
  assert.match(foreign.notices.join(), /dropped reasoning/);
});

test('a signature of a text goes back on the text; thoughts themselves stay here', () => {
  const answer = said({ type: 'reasoning', text: 'hm' }, text('one'), text('two'), {
    type: 'reasoning',
    text: '',
    vendor: mark('T'),
  });
  const { json, notices } = encode([hi, answer, user('x')], {}, THIRD);
  assert.deepEqual(json.contents[1].parts, [{ text: 'one' }, { text: 'two', thoughtSignature: 'T' }]);
  assert.deepEqual(notices, []);
});

test('the end: older models go on from an assistant message, newer ones refuse it', () => {
  const ends = [hi, said(text('So '))];
  for (const model of [SECOND, 'gemini-2.0-flash', 'gemini-3-flash-preview', THIRD, 'gemini-3.1-flash-lite']) {
    assert.deepEqual(encode(ends, {}, model).json.contents[1], { role: 'model', parts: [{ text: 'So ' }] }, model);
    const prefixed = encode([hi], {}, model, { prefix: 'So far ' });
    assert.deepEqual(prefixed.json.contents[1], { role: 'model', parts: [{ text: 'So far ' }] }, model);
    assert.equal(gemini.vendor.goesOn?.({ provider: 'p', model, quirks: {} }), true, model);
  }
  const newer = ['gemini-3.5-flash-lite', 'gemini-3.6-flash', 'gemini-3.8-flash', 'gemini-4-pro', 'gemini-pro-latest'];
  for (const model of newer) {
    assert.match(refused(ends, {}, model), /go on/, model);
    assert.match(refused([hi], {}, model, { prefix: 'So' }), /go on/, model);
    assert.equal(gemini.vendor.goesOn?.({ provider: 'p', model, quirks: {} }), false, model);
  }
  // Taken, but nobody says that it goes on.
  assert.equal(encode(ends, {}, 'gemini-3.5-flash').json.contents.length, 2);
  assert.match(refused([hi], {}, 'gemini-3.5-flash', { prefix: 'So' }), /go on/);
  // In a tool loop the beginning stands after the results; after an assistant message it is its continuation.
  const loop = encode([hi, said(called('a')), result('a', '1')], {}, THIRD, { prefix: 'It is' });
  assert.deepEqual(loop.json.contents[3], { role: 'model', parts: [{ text: 'It is' }] });
  const both = encode(ends, {}, SECOND, { prefix: 'far' });
  assert.deepEqual(both.json.contents[1].parts, [{ text: 'So ' }, { text: 'far' }]);
  assert.equal(encode([hi], {}, 'gemini-3.8-flash', { prefix: '' }).json.contents.length, 1);
});

test('through the OpenAI door and back: a tool loop keeps its signatures, streamed and whole', () => {
  const visible = (stream: string) =>
    read(gemini, stream).filter((part): part is VisiblePart => part.type !== 'usage' && part.type !== 'finish');
  const back = (message: Record<string, unknown>, ...rest: object[]) =>
    door.decode({ messages: [{ role: 'user', content: 'x' }, message, ...rest] }).call;
  const toThird = (call: ReturnType<typeof back>, model = THIRD, target = {}) =>
    encode(call.messages, call, model, target);

  const callParts = visible(fixture.THOUGHTFUL_CALL);
  const stored = openaiMessage(callParts) as { tool_calls: { id: string; extra_content: unknown }[] };
  const [first] = stored.tool_calls;
  assert.deepEqual(first?.extra_content, { google: { thought_signature: fixture.CALL_SIGNATURE } });
  const loop = back(stored, { role: 'tool', tool_call_id: first?.id, content: '12:00' });
  const sent = toThird(loop).json.contents;
  assert.equal(sent[1].parts[0].thoughtSignature, fixture.CALL_SIGNATURE);
  assert.equal(sent[1].parts[0].functionCall.id, first?.id);
  assert.equal(sent[2].parts[0].functionResponse.id, first?.id);
  assert.equal(toThird(loop, THIRD, { quirks: { vertex: true } }).json.contents[1].parts[0].thoughtSignature, SKIP);

  const textStored = openaiMessage(visible(fixture.SIGNED_TEXT));
  const spoken = back(textStored, { role: 'user', content: 'and?' });
  assert.deepEqual(toThird(spoken).json.contents[1].parts, [
    { text: 'fixture ok', thoughtSignature: fixture.TEXT_SIGNATURE },
  ]);

  // The stream of the door says the same as the stored message.
  const encoder = door.encoder({ requestId: 'r', model: 'm', created: 0, includeUsage: false });
  const chunks = callParts.map((part) => encoder.part(part)).join('');
  assert.match(
    chunks,
    new RegExp(`"extra_content":{"google":{"thought_signature":"${fixture.CALL_SIGNATURE.replace(/[+/]/g, '\\$&')}"}}`),
  );
  const spokenChunks = visible(fixture.SIGNED_TEXT)
    .map((part) => encoder.part(part))
    .join('');
  assert.match(spokenChunks, /"reasoning_details":\[\{"type":"reasoning.encrypted"/);
});

test('other vendors behind the OpenAI door get none of it', () => {
  const visible = read(gemini, fixture.SIGNED_TEXT).filter(
    (part): part is VisiblePart => part.type === 'text' || part.type === 'reasoning',
  );
  const call = read(gemini, fixture.THOUGHTFUL_CALL).filter((part): part is VisiblePart => part.type === 'tool_call');
  const message = openaiMessage([...visible, ...call]);
  const decoded = door.decode({
    messages: [
      { role: 'user', content: 'x' },
      message,
      { role: 'tool', tool_call_id: 'call_48SHaPHpHKbG8YPtZCawAk_0', content: '1' },
    ],
  }).call;
  const { native: _, ...anew } = decoded;
  for (const variant of [decoded, anew]) {
    const target = { provider: 'openai', model: 'gpt-5', quirks: {} };
    const { body } = openai.vendor.encode(variant, target, false);
    assert.doesNotMatch(body, /google-gemini-v1/);
    assert.doesNotMatch(openai.vendor.encode(decoded, target, false).body, /extra_content|reasoning_details/);
  }
  // Google's own OpenAI layer wants its signatures back.
  const layer = openai.vendor.encode(decoded, { provider: 'gemini', model: 'gemini-3.1-pro', quirks: {} }, false).body;
  assert.match(layer, /extra_content/);
  assert.doesNotMatch(layer, /google-gemini-v1/);
});
