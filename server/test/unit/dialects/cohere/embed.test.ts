import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EmbedCall } from '../../../../src/contract/call.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { cohere } from '../../../../src/dialects/cohere/index.ts';
import { EMBEDDING } from './fixtures.ts';

const { embed } = cohere.vendor;
assert.ok(embed);
const target = { provider: 'cohere', model: 'embed-v4.0', quirks: {} };
const encode = (call: Partial<EmbedCall>) => {
  const wire = embed.encode({ kind: 'embed', inputs: ['a', 'b'], ...call }, target);
  return { json: JSON.parse(wire.body), wire };
};
const decode = (body: unknown, inputs = 2) =>
  embed.decode(typeof body === 'string' ? body : JSON.stringify(body), inputs);

test('texts go out with a use that is assumed and told, or asked for', () => {
  const { json, wire } = encode({ dimensions: 256 });
  assert.equal(wire.path, '/v2/embed');
  assert.deepEqual(json, {
    model: 'embed-v4.0',
    texts: ['a', 'b'],
    input_type: 'search_document',
    embedding_types: ['float'],
    output_dimension: 256,
    truncate: 'NONE',
  });
  assert.match(wire.notices[0]?.detail ?? '', /search_document/);
  const asked = encode({ native: { dialect: 'openai', body: { input_type: 'search_query' } } });
  assert.deepEqual([asked.json.input_type, asked.wire.notices], ['search_query', []]);
  const odd = encode({ native: { dialect: 'openai', body: { input_type: 'image' } } });
  assert.deepEqual([odd.json.input_type, odd.wire.notices.length], ['search_document', 1]);
});

test('what cannot be said is refused', () => {
  const refused = (call: Partial<EmbedCall>) =>
    assert.throws(
      () => encode(call),
      (error) => error instanceof GoblinError && error.code === 'unsupported_by_target',
    );
  refused({ inputs: [[1, 2]] });
  refused({ inputs: Array.from({ length: 97 }, () => 'x') });
  assert.equal(encode({ inputs: Array.from({ length: 96 }, () => 'x') }).json.texts.length, 96);
});

test('the documented answer, and what is none', () => {
  const got = decode(EMBEDDING);
  assert.ok('vectors' in got);
  assert.deepEqual([got.vectors.length, got.vectors[1]?.[4], got.inputTokens], [2, -0.010360718, 10]);
  const float = [
    [1, 2],
    [3, 4],
  ];
  const tokens = (meta: unknown) => {
    const answer = decode({ embeddings: { float }, meta });
    return 'vectors' in answer ? answer.inputTokens : answer;
  };
  assert.equal(tokens({ billed_units: { input_tokens: 0 } }), null);
  assert.equal(tokens({ billed_units: { image_tokens: 9 }, tokens: { input_tokens: 5 } }), 5);
  assert.equal(tokens(null), null);
  const table: [unknown, string][] = [
    ['', 'upstream_truncated'],
    ['{"embeddings":', 'upstream_truncated'],
    ['<html>', 'upstream_protocol'],
    [{ id: 'x', message: 'overloaded' }, 'upstream_overloaded'],
    [{ embeddings: { float: [[1, 2]] } }, 'upstream_protocol'],
    [{ embeddings: { float: [[1, 2], [3]] } }, 'upstream_protocol'],
    [{ embeddings: { float: [[], []] } }, 'upstream_protocol'],
    [
      {
        embeddings: {
          float: [
            [1, null],
            [3, 4],
          ],
        },
      },
      'upstream_protocol',
    ],
    [{ embeddings: { int8: float } }, 'upstream_protocol'],
    [[], 'upstream_protocol'],
  ];
  for (const [body, code] of table) {
    const failure = decode(body);
    assert.equal('code' in failure && failure.code, code, JSON.stringify(body));
  }
});
