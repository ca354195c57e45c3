import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { ollama } from '../../../../src/dialects/ollama/index.ts';

const { embed } = ollama.vendor;
assert.ok(embed);
const target = { provider: 'ollama', model: 'all-minilm', quirks: {} };
const decode = (body: unknown, inputs = 2) =>
  embed.decode(typeof body === 'string' ? body : JSON.stringify(body), inputs);

test('texts go out, lists of tokens do not', () => {
  const wire = embed.encode({ kind: 'embed', inputs: ['a', 'b'], dimensions: 64 }, target);
  assert.equal(wire.path, '/api/embed');
  assert.deepEqual(JSON.parse(wire.body), { model: 'all-minilm', input: ['a', 'b'], truncate: false, dimensions: 64 });
  assert.deepEqual(wire.notices, []);
  assert.throws(
    () => embed.encode({ kind: 'embed', inputs: ['a', [1]] }, target),
    (error) => error instanceof GoblinError && error.code === 'unsupported_by_target',
  );
});

test('the documented answer, and what is none', () => {
  const documented = {
    model: 'all-minilm',
    embeddings: [
      [0.010071029, -0.0017594862, 0.05007221],
      [-0.0098027075, 0.06042469, 0.025257962],
    ],
    total_duration: 14143917,
    load_duration: 1019500,
    prompt_eval_count: 8,
  };
  const got = decode(documented);
  assert.deepEqual(got, { vectors: documented.embeddings, inputTokens: 8 });
  assert.deepEqual('vectors' in got && decode({ embeddings: [[1], [2]] }), { vectors: [[1], [2]], inputTokens: null });
  const table: [unknown, string][] = [
    ['', 'upstream_truncated'],
    ['{"embeddings":', 'upstream_truncated'],
    [{ error: 'model "x" not found, try pulling it first' }, 'upstream_unknown_model'],
    [{ error: 'the input length exceeds the context length' }, 'upstream_context_too_long'],
    [{ embeddings: [[1]] }, 'upstream_protocol'],
    [{ embeddings: [[1], ['2']] }, 'upstream_protocol'],
    [{}, 'upstream_protocol'],
    ['7', 'upstream_protocol'],
  ];
  for (const [body, code] of table) {
    const failure = decode(body);
    assert.equal('code' in failure && failure.code, code, JSON.stringify(body));
  }
});
