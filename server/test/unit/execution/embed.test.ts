import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../src/contract/call.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { type EmbedTry, embedTries } from '../../../src/execution/embed.ts';

const said = (...texts: string[]): AnswerCall['messages'] =>
  texts.map((text) => ({ role: 'user', content: [{ type: 'text', text }] }));
const call = (more: Partial<AnswerCall> = {}): AnswerCall => ({ kind: 'embed', messages: said('a', 'b'), ...more });
const target = { provider: 'p', model: 'm', quirks: {} };
const embedTry = (dialect: (typeof DIALECTS)['openai'], of: AnswerCall): EmbedTry => {
  const [made, ...more] = embedTries(dialect, of, target);
  assert.ok(made && more.length === 0);
  return made;
};
const body = (embeddings: unknown[], more = {}): string =>
  JSON.stringify({
    object: 'list',
    data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    ...more,
  });

test('a body of vectors is a usage and an end; nothing of it is visible', () => {
  const made = embedTry(DIALECTS.openai, call());
  assert.equal(made.vectors(), null);
  const parts = made.dialect.vendor.whole(body([[1], [2]], { usage: { prompt_tokens: 3 } }), {});
  assert.deepEqual(
    parts.map((part) =>
      part.type === 'usage' ? [part.usage.inputTokens, part.usage.outputTokens, part.usage.source] : part,
    ),
    [[3, 0, 'reported'], { type: 'finish', reason: 'stop' }],
  );
  assert.deepEqual(made.vectors(), [[1], [2]]);
  assert.deepEqual(embedTry(DIALECTS.openai, call()).dialect.vendor.whole(body([[1], [2]]), {}), [
    { type: 'finish', reason: 'stop' },
  ]);
});

test('what is no body of vectors is a failure, and leaves none behind', () => {
  for (const [text, code] of [
    [body([[1]]), 'upstream_protocol'],
    [body([[1], [2], [3]]), 'upstream_protocol'],
    [body([[1], [2, 3]]), 'upstream_protocol'],
    [body([[1], ['x']]), 'upstream_protocol'],
    [body([[1], []]), 'upstream_protocol'],
    ['{"data": [', 'upstream_truncated'],
    ['{"error": {"message": "Rate limit", "code": "rate_limit_exceeded"}}', 'upstream_rate_limited'],
  ] as const) {
    const made = embedTry(DIALECTS.openai, call());
    const [part, ...more] = made.dialect.vendor.whole(text, {});
    assert.equal(part?.type === 'failure' && part.failure.code, code, text);
    assert.deepEqual([more, made.vectors()], [[], null]);
  }
  const decoder = embedTry(DIALECTS.openai, call()).dialect.vendor.decoder({});
  for (const parts of [decoder.push({ name: '', data: body([[1], [2]]) }), decoder.end()]) {
    assert.equal(parts[0]?.type === 'failure' && parts[0].failure.code, 'upstream_protocol', 'a stream is none');
  }
});

test("texts and numbers reach the vendor's dialect; one without vectors refuses", () => {
  const sent = (of: AnswerCall, dialect: 'openai' | 'cohere' | 'anthropic' = 'openai') =>
    JSON.parse(embedTry(DIALECTS[dialect], of).dialect.vendor.encode(of, target, false).body) as Record<
      string,
      unknown
    >;
  assert.deepEqual(sent(call({ embed: { dimensions: 5, base64: true } })), {
    model: 'm',
    input: ['a', 'b'],
    dimensions: 5,
  });
  assert.deepEqual(sent(call({ messages: [], embed: { tokens: [[1, 2]] } })).input, [[1, 2]]);
  // What was put in place of a secret goes out, not what the caller's own body says.
  const native = { dialect: 'openai' as const, body: { input: ['secret', 'b'], extra: 1 } };
  assert.deepEqual(sent(call({ native })), { model: 'm', input: ['a', 'b'], extra: 1 });
  assert.deepEqual(
    sent(call({ native: { dialect: 'openai', body: { input_type: 'search_query' } } }), 'cohere').texts,
    ['a', 'b'],
  );
  assert.throws(
    () => sent(call(), 'anthropic'),
    (error) => error instanceof GoblinError && error.code === 'unsupported_by_target',
  );
});

test('whether the body can go on to the caller as it came', () => {
  for (const [embeddings, base64, as] of [
    [[[1], [2]], false, true],
    [[[1], [2]], true, false],
    [['AAAAPw==', 'AAAAPw=='], true, true],
    [['AAAAPw==', 'AAAAPw=='], false, false],
  ] as [unknown[], boolean, boolean][]) {
    const made = embedTry(DIALECTS.openai, call({ embed: { base64 } }));
    made.dialect.vendor.whole(body(embeddings), {});
    assert.ok(made.vectors());
    assert.equal(made.asWanted(), as);
  }
});
