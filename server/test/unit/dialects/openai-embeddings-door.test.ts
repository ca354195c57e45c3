import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Vectors } from '../../../src/contract/dialect.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { embeddingsDoor } from '../../../src/dialects/openai/embeddings-door.ts';
import { fromBase64, messageOfVectors, rounded, toBase64, vectorsOfMessage } from '../../../src/dialects/vectors.ts';

const { decode, encoder } = embeddingsDoor;
const said = (text: string) => ({ role: 'user', content: [{ type: 'text', text }] });

function refusal(body: Record<string, unknown>): string[] {
  try {
    decode(body);
    return [];
  } catch (error) {
    assert.ok(error instanceof GoblinError);
    assert.equal(error.code, 'invalid_request');
    return (error.errors ?? []).map(({ path }) => path);
  }
}

test('texts become messages, token numbers stay numbers, the body stays whole', () => {
  const body = { model: 'm', input: ['a', 'b'], dimensions: 3, encoding_format: 'base64', user: 'u', input_type: 'q' };
  const { call, stream, user } = decode(body);
  assert.deepEqual(call, {
    kind: 'embed',
    model: 'm',
    messages: [said('a'), said('b')],
    embed: { dimensions: 3, base64: true },
    native: { dialect: 'openai', body },
  });
  assert.deepEqual([stream, user], [false, 'u']);
  assert.deepEqual(decode({ input: 'a' }).call.messages, [said('a')]);
  assert.equal(decode({ input: 'a' }).call.model, undefined);
  assert.deepEqual(decode({ input: [1, 2] }).call.embed, { tokens: [[1, 2]] });
  assert.deepEqual(decode({ input: [[1], [2, 3]] }).call.embed, { tokens: [[1], [2, 3]] });
  assert.deepEqual(decode({ input: [[1]] }).call.messages, []);
});

test('whatever else is named by its path', () => {
  assert.deepEqual(refusal({ input: ['a', 1, null, ''] }), ['input.1', 'input.2', 'input.3']);
  assert.deepEqual(refusal({ input: [[1], [1.5], [2 ** 31], ['a']] }), ['input.1', 'input.2', 'input.3']);
  assert.deepEqual(refusal({ input: true, dimensions: 1.5, encoding_format: 7 }), [
    'input',
    'dimensions',
    'encoding_format',
  ]);
  assert.deepEqual(refusal({ input: Array.from({ length: 2048 }, () => 'x') }), []);
  assert.deepEqual(refusal({ input: Array.from({ length: 2049 }, () => 'x') }), ['input']);
  assert.deepEqual(refusal({ input: Array.from({ length: 2049 }, () => [1]) }), ['input']);
  assert.deepEqual(refusal({ input: Array.from({ length: 9000 }, () => 1) }), [], 'one list of many tokens');
  assert.ok(refusal({ input: Array.from({ length: 2000 }, () => 7).fill(8, 1) as unknown[] }).length === 0);
  assert.equal(refusal({ input: Array.from({ length: 2000 }, (_, n) => (n === 0 ? 'a' : n)) }).length, 20);
  const dangerous = JSON.parse('{"input":"a","constructor":1}') as Record<string, unknown>;
  assert.deepEqual(refusal(dangerous), ['constructor']);
});

test('the answer has the shape that clients read', () => {
  const usage = {
    inputTokens: 7,
    outputTokens: 0,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    source: 'reported' as const,
  };
  const context = { requestId: 'r', model: 'm', created: 1, includeUsage: false };
  const answer = { parts: [], finishReason: 'stop' as const, usage, vectors: [[0.5, -0.25], [1]] };
  assert.deepEqual(JSON.parse(encoder(context).whole(answer, { a: 1 })), {
    object: 'list',
    data: [
      { object: 'embedding', index: 0, embedding: [0.5, -0.25] },
      { object: 'embedding', index: 1, embedding: [1] },
    ],
    model: 'm',
    usage: { prompt_tokens: 7, total_tokens: 7 },
    x_mcp: { a: 1 },
  });
  const base64 = JSON.parse(encoder({ ...context, base64: true }).whole(answer, {})) as {
    data: { embedding: string }[];
  };
  assert.deepEqual(
    base64.data.map(({ embedding }) => embedding),
    ['AAAAPwAAgL4=', 'AACAPw=='],
  );
});

const float = fc.float({ noNaN: true, noDefaultInfinity: true });
const table: fc.Arbitrary<Vectors> = fc
  .integer({ min: 1, max: 8 })
  .chain((length) =>
    fc.array(fc.array(float, { minLength: length, maxLength: length }), { minLength: 1, maxLength: 5 }),
  );
const plain = (vectors: Vectors) => vectors.map((vector) => vector.map((number) => number + 0));

test('floats of four bytes come back from base64, and from the record, as they were', () => {
  fc.assert(
    fc.property(table, (vectors) => {
      assert.deepEqual(plain(vectors.map((vector) => fromBase64(toBase64(vector)) ?? [])), plain(vectors));
      assert.deepEqual(rounded(vectors), vectors);
      const message = JSON.parse(JSON.stringify(messageOfVectors(vectors, true))) as Record<string, unknown>;
      const back = vectorsOfMessage(message);
      assert.deepEqual(plain(back as Vectors), plain(vectors));
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1, max: 1 }), { minLength: 1 }), (vector) => {
      assert.deepEqual(
        plain([fromBase64(toBase64(vector)) ?? []]),
        plain(rounded([vector])),
        'others are rounded once',
      );
    }),
  );
});

test('the record says how many there were, and keeps them only when asked to, and up to a size', () => {
  assert.deepEqual(messageOfVectors([[1, 2]], false), { embeddings: { count: 1, dimensions: 2 } });
  assert.equal(vectorsOfMessage(messageOfVectors([[1, 2]], false)), 'gone');
  const many = Array.from({ length: 1025 }, () => new Array<number>(4096).fill(0.5));
  assert.equal(vectorsOfMessage(messageOfVectors(many, true)), 'gone');
  assert.equal(vectorsOfMessage(messageOfVectors(many.slice(1), true))?.length, 1024);
  assert.equal(vectorsOfMessage({ role: 'assistant', content: 'hello' }), null, 'an answer has none');
  assert.equal(vectorsOfMessage({ embeddings: { base64: ['AAAAPw==', 'no base64'] } }), 'gone');
  assert.equal(vectorsOfMessage({ embeddings: { base64: ['AAAAPw==', 'AAAAPwAAgL4='] } }), 'gone');
});
