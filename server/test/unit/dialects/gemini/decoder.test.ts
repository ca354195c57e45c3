/** What Gemini's streams and whole answers mean: recorded ones, and every way in which they break. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Part } from '../../../../src/contract/part.ts';
import type { Quirks } from '../../../../src/contract/quirks.ts';
import { outcome, parts, whole } from './answers.ts';
import * as fixture from './fixtures.ts';
import { candidate, event, stop } from './fixtures.ts';

const codes = (list: readonly Part[]) => list.map((part) => (part.type === 'failure' ? part.failure.code : part.type));
const hi = candidate([{ text: 'Hi' }]);
const usage = (promptTokenCount: unknown, candidatesTokenCount?: unknown, more: object = {}) => ({
  promptTokenCount,
  candidatesTokenCount,
  ...more,
});

test('recorded streams: text, thoughts, calls, signatures, usage', () => {
  const short = outcome(fixture.VERTEX_SHORT);
  assert.deepEqual(
    [short.text, short.end, short.usage?.inputTokens, short.usage?.outputTokens],
    ['Cheyenne', 'stop', 6, 4],
  );
  const signed = outcome(fixture.SIGNED_TEXT);
  assert.deepEqual([signed.text, signed.end], ['fixture ok', 'stop']);
  assert.deepEqual(signed.marks, [
    { dialect: 'gemini', fields: { thoughtSignature: fixture.TEXT_SIGNATURE, service: 'gemini' } },
  ]);
  assert.deepEqual(signed.usage, {
    inputTokens: 7,
    outputTokens: 96,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 94,
    source: 'reported',
  });
  const call = outcome(fixture.THOUGHTFUL_CALL);
  assert.match(call.reasoning, /Calculating the Days[\s\S]+Now — 🎉/);
  assert.deepEqual(call.tools, [{ id: 'call_48SHaPHpHKbG8YPtZCawAk_0', name: 'now', arguments: '{}' }]);
  assert.deepEqual([call.end, call.usage?.outputTokens, call.usage?.reasoningTokens], ['tool_calls', 174, 168]);
  const later = outcome(fixture.CALL_THEN_EMPTY);
  assert.deepEqual([later.tools[0]?.arguments, later.end], ['{"location":"San Francisco"}', 'tool_calls']);
  assert.deepEqual(
    [outcome(fixture.FINISH_MESSAGE).text, outcome(fixture.FINISH_MESSAGE).usage],
    ['Hello world!', null],
  );
});

test('a call carries its signature, and the service that gave it', () => {
  const mark = (quirks: Quirks) =>
    parts(fixture.THOUGHTFUL_CALL, quirks).find((part) => part.type === 'tool_call')?.vendor;
  const fields = (service: string) => ({
    dialect: 'gemini',
    fields: { thoughtSignature: fixture.CALL_SIGNATURE, service },
  });
  assert.deepEqual(mark({}), fields('gemini'));
  assert.deepEqual(mark({ vertex: true }), fields('vertex'));
});

test("ids of calls: the vendor's own, else invented and different", () => {
  const calls = outcome(
    candidate([{ functionCall: { id: 'own', name: 'f', args: { a: 1 } } }, { functionCall: { name: 'f' } }]) +
      candidate([{ functionCall: { name: 'g', args: null } }]) +
      stop(),
  ).tools;
  assert.deepEqual(
    calls.map((call) => [call.id, call.name, call.arguments]),
    [
      ['own', 'f', '{"a":1}'],
      ['call_48SHaPHpHKbG8YPtZCawAk_1', 'f', '{}'],
      ['call_48SHaPHpHKbG8YPtZCawAk_2', 'g', '{}'],
    ],
  );
  assert.deepEqual(
    whole(fixture.PARALLEL).tools.map((call) => [call.id, call.arguments]),
    [
      ['call_0', '{"y":1,"x":2}'],
      ['call_1', '{"y":3,"x":4}'],
      ['call_2', '{"y":5,"x":6}'],
    ],
  );
});

test('faults: every broken ending is a failure of its class', () => {
  const error = (code: number, status: string, message = 'x') => event({ error: { code, status, message } });
  const table: [string, string, string, string][] = [
    ['an empty 200', '', '', 'upstream_truncated'],
    ['[DONE] only', 'data: [DONE]\n\n', '', 'upstream_truncated'],
    ['no terminal signal', hi, 'Hi', 'upstream_truncated'],
    ['usage but no end', hi + event({ usageMetadata: usage(1, 1) }), 'Hi', 'upstream_truncated'],
    ['cut inside JSON', hi + stop().slice(0, -30), 'Hi', 'upstream_truncated'],
    ['an end without its blank line', (hi + stop()).trimEnd(), 'Hi', 'stop'],
    ['[DONE] after the end', `${hi}${stop()}data: [DONE]\n\n`, 'Hi', 'stop'],
    ['not JSON', `${hi}data: nope\n\n`, 'Hi', 'upstream_protocol'],
    ['a page', '<html><body>busy</body></html>', '', 'upstream_truncated'],
    [
      'overloaded',
      hi + error(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.'),
      'Hi',
      'upstream_overloaded',
    ],
    ['unavailable', hi + error(503, 'UNAVAILABLE', 'Service unavailable'), 'Hi', 'upstream_unavailable'],
    ['internal', hi + error(500, 'INTERNAL'), 'Hi', 'upstream_unavailable'],
    ['deadline', hi + error(504, 'DEADLINE_EXCEEDED'), 'Hi', 'upstream_timeout'],
    [
      'rate',
      error(429, 'RESOURCE_EXHAUSTED', 'Resource exhausted. Please try again later.'),
      '',
      'upstream_rate_limited',
    ],
    ['a list', `${hi}data: [{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}]\n\n`, 'Hi', 'upstream_rate_limited'],
    ['a named event', `${hi}event: error\ndata: {"code":500,"message":"boo"}\n\n`, 'Hi', 'upstream_unavailable'],
    [
      'a status without code',
      hi + event({ error: { status: 'PERMISSION_DENIED', message: 'x' } }),
      'Hi',
      'upstream_forbidden',
    ],
    ['the prompt is blocked', fixture.BLOCKED, '', 'content_filter'],
    ['an image', fixture.IMAGE, "Here's a", 'unsupported_by_target'],
    ['arguments in pieces', fixture.ARGUMENTS_IN_PIECES, '', 'upstream_protocol'],
    ['a call without a name', candidate([{ functionCall: { args: {} } }]) + stop(), '', 'upstream_protocol'],
    ['cut by a filter', fixture.RECITATION, 'text1', 'content_filter'],
    ['no candidates', event({ candidates: [], promptFeedback: { blockReasonMessage: 'M' } }), '', 'upstream_truncated'],
    ['events of other kinds', event({ responseId: 'x' }) + hi + event({ news: 1 }) + stop(), 'Hi', 'stop'],
  ];
  for (const [what, stream, text, end] of table) {
    const got = outcome(stream);
    assert.deepEqual([got.text, got.end], [text, end], what);
  }
});

test('finish reasons: what ends an answer, what filtered it, and what is no answer', () => {
  const table: Record<string, string> = {
    STOP: 'stop',
    MAX_TOKENS: 'length',
    CONTINUATION: 'length',
    SAFETY: 'content_filter',
    RECITATION: 'content_filter',
    LANGUAGE: 'content_filter',
    BLOCKLIST: 'content_filter',
    PROHIBITED_CONTENT: 'content_filter',
    SPII: 'content_filter',
    MODEL_ARMOR: 'content_filter',
    IMAGE_SAFETY: 'content_filter',
    MALFORMED_FUNCTION_CALL: 'upstream_protocol',
    MALFORMED_RESPONSE: 'upstream_protocol',
    UNEXPECTED_TOOL_CALL: 'upstream_protocol',
    MISSING_THOUGHT_SIGNATURE: 'unsupported_by_target',
    TOO_MANY_TOOL_CALLS: 'upstream_unavailable',
    OTHER: 'upstream_unavailable',
    FINISH_REASON_UNSPECIFIED: 'upstream_unavailable',
    NO_IMAGE: 'upstream_unavailable',
    A_WORD_TO_COME: 'upstream_unavailable',
    constructor: 'upstream_unavailable',
  };
  for (const [finishReason, end] of Object.entries(table)) {
    assert.equal(outcome(hi + event({ candidates: [{ finishReason, index: 0 }] })).end, end, finishReason);
    const alone = whole({ candidates: [{ finishReason, index: 0 }] });
    assert.equal(alone.end, end, `${finishReason} alone`);
  }
  const withCall = candidate([{ functionCall: { name: 'f' } }], { finishReason: 'MAX_TOKENS' });
  assert.equal(outcome(withCall).end, 'length');
  assert.equal(outcome(hi + event({ candidates: [{ finishReason: '' }] })).end, 'upstream_truncated');
});

test('what a filter blocks in a prompt is a failure with the usage before it', () => {
  const got = parts(fixture.BLOCKED);
  assert.deepEqual(codes(got), ['usage', 'content_filter']);
  assert.equal(outcome(fixture.BLOCKED).usage?.inputTokens, 9);
  const rated = event({ promptFeedback: { blockReason: 'BLOCK_REASON_UNSPECIFIED', safetyRatings: [] } });
  assert.equal(outcome(rated + hi + stop()).end, 'stop');
});

test('STOP before the first word does not end the answer, and ends it when nothing comes', () => {
  const empty = event({ candidates: [{ content: { parts: [], role: 'model' }, finishReason: 'STOP', index: 0 }] });
  const got = outcome(empty + empty + hi + stop());
  assert.deepEqual([got.text, got.end], ['Hi', 'stop']);
  assert.equal(outcome(empty + hi).end, 'upstream_truncated');
  assert.deepEqual([outcome(empty).text, outcome(empty).end], ['', 'stop']);
  assert.equal(outcome(event({ candidates: [{ finishReason: 'STOP' }] })).end, 'stop');
  // Any other word is the end at once.
  const full = event({ candidates: [{ content: { role: 'model' }, finishReason: 'MAX_TOKENS' }] });
  assert.deepEqual(codes(parts(full + hi)), ['finish']);
});

test('after the terminal signal only usage is read; after a failure nothing', () => {
  const late = event({ usageMetadata: usage(5, 7) });
  assert.deepEqual(codes(parts(hi + stop({}, usage(5, 6)) + hi + late + event({ error: { code: 500 } }))), [
    'text',
    'usage',
    'finish',
    'usage',
  ]);
  assert.deepEqual(codes(parts(`${hi}data: nope\n\n${hi}${stop()}`)), ['text', 'upstream_protocol']);
  assert.deepEqual(codes(parts(hi + candidate([{ text: 'a' }, { functionCall: {} }, { text: 'b' }]) + stop())), [
    'text',
    'text',
    'upstream_protocol',
  ]);
});

test('usage: thoughts beside the answer, tools beside the prompt, the last sane one, never summed', () => {
  const of_ = (...list: (object | null)[]) => {
    const events = list.map((value) => candidate([{ text: 'a' }], {}, value ?? undefined));
    return outcome(events.join('') + stop()).usage;
  };
  const pick = (value: ReturnType<typeof of_>) =>
    value && [value.inputTokens, value.outputTokens, value.cachedInputTokens, value.reasoningTokens];
  const all = { toolUsePromptTokenCount: 65, cachedContentTokenCount: 4, thoughtsTokenCount: 89, totalTokenCount: 237 };
  assert.deepEqual(pick(of_(usage(12, 71, all))), [77, 160, 4, 89]);
  // Some servers count thoughts inside: the total says so.
  assert.deepEqual(pick(of_(usage(10, 50, { thoughtsTokenCount: 20, totalTokenCount: 60 }))), [10, 50, 0, 20]);
  // Early events know only the prompt; that is no count of the answer.
  assert.equal(of_(usage(10, undefined, { totalTokenCount: 10 })), null);
  assert.deepEqual(pick(of_(usage(10, undefined, { thoughtsTokenCount: 8, totalTokenCount: 18 }))), [10, 8, 0, 8]);
  assert.deepEqual(pick(of_(usage(10, 3), usage(10, 9))), [10, 9, 0, 0]);
  for (const insane of [null, -1, '9', 1.5, 1e12]) {
    assert.deepEqual(pick(of_(usage(10, 3), usage(insane, 9))), [10, 3, 0, 0], `prompt ${insane}`);
    const counts = insane === null ? [10, 3, 0, 0] : pick(of_(usage(10, 3), usage(10, insane)));
    assert.deepEqual(counts, [10, 3, 0, 0], `candidates ${insane}`);
  }
  assert.equal(of_(usage(0, 0)), null);
  assert.deepEqual(pick(of_(usage(10, 3, { cachedContentTokenCount: 11 }))), [10, 3, 0, 0]);
  // At the end what is left out is what the total leaves.
  const ended = (value: object) => pick(outcome(hi + stop({}, value)).usage);
  assert.deepEqual(ended(usage(10, undefined, { totalTokenCount: 17 })), [10, 7, 0, 0]);
  assert.deepEqual(ended(usage(10)), [10, 0, 0, 0]);
  const cached = whole(fixture.CACHED);
  assert.deepEqual([cached.end, pick(cached.usage)], ['stop', [12013, 88, 11243, 73]]);
});

test('one candidate is read; torn characters meet again in text and thoughts apart', () => {
  const two = event({
    candidates: [
      { index: 1, content: { parts: [{ text: 'other' }] }, finishReason: 'STOP' },
      { index: 0, content: { parts: [{ text: 'mine' }] }, finishReason: 'STOP' },
    ],
  });
  assert.equal(outcome(two).text, 'mine');
  const torn =
    candidate([{ text: '\ud83d' }]) +
    candidate([{ text: '\ud83c', thought: true }]) +
    candidate([{ text: '\ude00' }]) +
    candidate([{ text: '\udf89\0', thought: true }]) +
    candidate([{ text: '\ud83d' }]) +
    stop();
  const got = outcome(torn);
  assert.deepEqual([got.text, got.reasoning], ['😀\ufffd', '🎉\ufffd']);
});

test('whole answers, and what is not one', () => {
  const answer = { candidates: [{ content: { parts: [{ text: 'Hi' }] }, finishReason: 'STOP' }] };
  const table: [unknown, string][] = [
    [answer, 'stop'],
    ['', 'upstream_truncated'],
    ['<html>', 'upstream_protocol'],
    [fixture.CACHED.slice(0, 99), 'upstream_truncated'],
    [fixture.API_KEY_INVALID, 'upstream_unauthorized'],
    ['[{"error":{"code":503,"status":"UNAVAILABLE","message":"The model is overloaded."}}]', 'upstream_overloaded'],
    [{ hello: 1 }, 'upstream_protocol'],
    ['[]', 'upstream_protocol'],
    [{ candidates: [{ content: { parts: [{ text: 'Hi' }] } }] }, 'upstream_truncated'],
    [{ promptFeedback: { blockReason: 'SAFETY' } }, 'content_filter'],
    // A stream that came without `alt=sse`, and one that nobody asked for.
    [[{ candidates: [{ content: { parts: [{ text: 'H' }] } }] }, answer], 'stop'],
    [[answer.candidates[0], { candidates: [{ content: { parts: [{ text: 'H' }] } }] }], 'upstream_truncated'],
    [[{ candidates: [{ content: { parts: [{ text: 'H' }] } }] }, { error: { code: 500 } }], 'upstream_unavailable'],
    [fixture.SIGNED_TEXT, 'stop'],
  ];
  for (const [body, end] of table) assert.equal(whole(body).end, end, JSON.stringify(body));
  assert.equal(whole([{ candidates: [{ content: { parts: [{ text: 'H' }] } }] }, answer]).text, 'HHi');
});
