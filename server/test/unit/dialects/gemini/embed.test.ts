import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmbedCall } from '../../../../src/contract/call.ts';
import type { Quirks } from '../../../../src/contract/quirks.ts';
import { gemini } from '../../../../src/dialects/gemini/index.ts';

const embed = gemini.vendor.embed;
assert.ok(embed);
const encode = (inputs: EmbedCall['inputs'], more: { dimensions?: number; model?: string; quirks?: Quirks } = {}) => {
  const { dimensions, model = 'gemini-embedding-001', quirks = {} } = more;
  const call: EmbedCall = { kind: 'embed', inputs, ...(dimensions === undefined ? {} : { dimensions }) };
  const wire = embed.encode(call, { provider: 'p', model, quirks });
  return [wire.path, JSON.parse(wire.body)];
};
const decode = (body: unknown, inputs: number) =>
  embed.decode(typeof body === 'string' ? body : JSON.stringify(body), inputs);
const vertex = { vertex: true };

test('a batch at the Gemini API', () => {
  assert.deepEqual(encode(['a', 'b'], { dimensions: 768 }), [
    '/models/gemini-embedding-001:batchEmbedContents',
    {
      requests: ['a', 'b'].map((text) => ({
        model: 'models/gemini-embedding-001',
        content: { parts: [{ text }] },
        outputDimensionality: 768,
      })),
    },
  ]);
  assert.equal(encode(['a'])[1].requests[0].outputDimensionality, undefined);
  const many = Array.from({ length: 101 }, () => 'x');
  assert.throws(() => encode(many), { code: 'unsupported_by_target' });
  assert.throws(() => encode([[1, 2]]), { code: 'unsupported_by_target' });
});

test('Vertex AI: predictions, and one text at a time for Gemini', () => {
  assert.deepEqual(encode(['a', 'b'], { model: 'text-embedding-005', quirks: vertex, dimensions: 256 }), [
    '/models/text-embedding-005:predict',
    { instances: [{ content: 'a' }, { content: 'b' }], parameters: { outputDimensionality: 256 } },
  ]);
  assert.deepEqual(encode(['a'], { quirks: vertex })[1], { instances: [{ content: 'a' }] });
  assert.throws(() => encode(['a', 'b'], { quirks: vertex }), { code: 'unsupported_by_target' });
  assert.deepEqual(encode(['a'], { model: 'gemini-embedding-2', quirks: vertex, dimensions: 8 }), [
    '/models/gemini-embedding-2:embedContent',
    { content: { role: 'user', parts: [{ text: 'a' }] }, embedContentConfig: { outputDimensionality: 8 } },
  ]);
});

test('answers of all three, with their tokens where they are told', () => {
  assert.deepEqual(decode({ embeddings: [{ values: [1, 2] }, { values: [3, 4] }] }, 2), {
    vectors: [
      [1, 2],
      [3, 4],
    ],
    inputTokens: null,
  });
  const counted = { embeddings: [{ values: [1] }], usageMetadata: { promptTokenCount: 5 } };
  assert.deepEqual(decode(counted, 1), { vectors: [[1]], inputTokens: 5 });
  const prediction = (token_count: unknown) => ({
    embeddings: { values: [1], statistics: { token_count, truncated: false } },
  });
  assert.deepEqual(decode({ predictions: [prediction(3), prediction(4)] }, 2), { vectors: [[1], [1]], inputTokens: 7 });
  assert.deepEqual(decode({ predictions: [prediction(3), prediction(-1)] }, 2), {
    vectors: [[1], [1]],
    inputTokens: null,
  });
  assert.deepEqual(decode({ embedding: { values: [1] }, usageMetadata: { promptTokenCount: 2 } }, 1), {
    vectors: [[1]],
    inputTokens: 2,
  });
});

test('answers that are none', () => {
  const table: [unknown, string][] = [
    ['', 'upstream_truncated'],
    ['{"embeddings":[{"val', 'upstream_truncated'],
    ['<html>', 'upstream_protocol'],
    [{}, 'upstream_protocol'],
    [{ embeddings: [] }, 'upstream_protocol'],
    [{ embeddings: [{ values: [1] }] }, 'upstream_protocol'],
    [{ embeddings: [{ values: [1] }, { values: [1, 2] }] }, 'upstream_protocol'],
    [{ embeddings: [{ values: [1] }, { values: ['x'] }] }, 'upstream_protocol'],
    [{ embeddings: [{ values: [1] }, null] }, 'upstream_protocol'],
    [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'x' } }, 'upstream_rate_limited'],
    [{ error: { code: 400, status: 'FAILED_PRECONDITION', message: 'x' } }, 'upstream_forbidden'],
  ];
  for (const [body, code] of table) {
    const got = decode(body, 2);
    assert.equal('code' in got ? got.code : 'vectors', code, JSON.stringify(body));
  }
});
