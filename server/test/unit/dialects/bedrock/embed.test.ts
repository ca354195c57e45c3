import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmbedCall } from '../../../../src/contract/call.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { bedrock } from '../../../../src/dialects/bedrock/index.ts';

const embed = bedrock.vendor.embed;
const TITAN = 'amazon.titan-embed-text-v2:0';
const COHERE = 'us.cohere.embed-v4:0';

function encode(model: string, inputs: EmbedCall['inputs'], more: Partial<EmbedCall> = {}) {
  const wire = embed?.encode({ kind: 'embed', inputs, ...more }, { provider: 'p', model, quirks: {} });
  assert.ok(wire);
  return { json: JSON.parse(wire.body), wire };
}
const refused = (...args: Parameters<typeof encode>) =>
  assert.throws(
    () => encode(...args),
    (error) => error instanceof GoblinError && error.code === 'unsupported_by_target',
  );
const decode = (body: unknown, inputs: number) =>
  embed?.decode(typeof body === 'string' ? body : JSON.stringify(body), inputs);

test('each family in its own words', () => {
  const { json, wire } = encode(TITAN, ['a'], { dimensions: 256 });
  assert.deepEqual(json, { inputText: 'a', dimensions: 256 });
  assert.equal(wire.path, '/model/amazon.titan-embed-text-v2%3A0/invoke');
  assert.deepEqual(encode('amazon.titan-embed-text-v1', ['a']).json, { inputText: 'a' });
  const cohere = encode(COHERE, ['a', 'b'], { dimensions: 512 });
  assert.deepEqual(cohere.json, {
    texts: ['a', 'b'],
    input_type: 'search_document',
    embedding_types: ['float'],
    output_dimension: 512,
    truncate: 'NONE',
  });
  assert.equal(cohere.wire.notices.length, 1);
  const native = { dialect: 'openai' as const, body: { input_type: 'search_query' } };
  const query = encode(COHERE, ['a'], { native });
  assert.deepEqual([query.json.input_type, query.wire.notices], ['search_query', []]);
  assert.deepEqual(encode('amazon.nova-2-multimodal-embeddings-v1:0', ['a'], { dimensions: 384 }).json, {
    taskType: 'SINGLE_EMBEDDING',
    singleEmbeddingParams: {
      embeddingPurpose: 'GENERIC_INDEX',
      embeddingDimension: 384,
      text: { truncationMode: 'NONE', value: 'a' },
    },
  });
});

test('what cannot be said is refused', () => {
  refused(TITAN, ['a', 'b']);
  refused(TITAN, []);
  refused(TITAN, [[1, 2]]);
  refused('amazon.titan-embed-text-v1', ['a'], { dimensions: 256 });
  refused('cohere.embed-english-v3', ['a'], { dimensions: 256 });
  refused(COHERE, Array(97).fill('a'));
  refused('twelvelabs.marengo-embed-3-0-v1:0', ['a']);
});

test('vectors in all their forms', () => {
  assert.deepEqual(decode({ embedding: [1, 2], inputTextTokenCount: 3 }, 1), { vectors: [[1, 2]], inputTokens: 3 });
  assert.deepEqual(decode({ embeddings: [[1], [2]], response_type: 'embeddings_floats' }, 2), {
    vectors: [[1], [2]],
    inputTokens: null,
  });
  assert.deepEqual(decode({ embeddings: { float: [[1], [2]] } }, 2), { vectors: [[1], [2]], inputTokens: null });
  const nova = { embeddings: [{ embeddingType: 'TEXT', embedding: [0.5] }], inputTokenCount: 4 };
  assert.deepEqual(decode(nova, 1), { vectors: [[0.5]], inputTokens: 4 });
});

test('anything else is a failure', () => {
  const code = (body: unknown, inputs = 1) => {
    const answer = decode(body, inputs);
    return answer && 'code' in answer ? answer.code : null;
  };
  assert.equal(code({ embedding: [1, 2] }, 2), 'upstream_protocol');
  assert.equal(code({ embedding: ['a'] }), 'upstream_protocol');
  assert.equal(code({ embeddings: [[1], [2, 3]] }, 2), 'upstream_protocol');
  assert.equal(code({}), 'upstream_protocol');
  assert.equal(code('[]'), 'upstream_protocol');
  assert.equal(code('{"embedding":[1,'), 'upstream_truncated');
  assert.equal(code('<html>'), 'upstream_protocol');
  assert.equal(code({ __type: 'ThrottlingException', message: 'x' }), 'upstream_rate_limited');
});
