import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VENDORS } from '../../../src/catalogue/vendors.ts';
import type { EmbedCall } from '../../../src/contract/call.ts';
import { GoblinError } from '../../../src/contract/errors.ts';
import { openai } from '../../../src/dialects/openai/index.ts';

const { embed } = openai.vendor;
assert.ok(embed);
const { encode, decode } = embed;
const quirksOf = (vendor: string) => VENDORS.find(({ name }) => name === vendor)?.quirks ?? {};
const sent = (vendor: string, call: Omit<EmbedCall, 'kind'>) => {
  const wire = encode({ kind: 'embed', ...call }, { provider: vendor, model: 'v', quirks: quirksOf(vendor) });
  return { path: wire.path, body: JSON.parse(wire.body) as Record<string, unknown> };
};
const unsupported = (error: unknown): boolean => error instanceof GoblinError && error.code === 'unsupported_by_target';

/** The example of the API reference. */
const EXAMPLE = `{
  "object": "list",
  "data": [
    {
      "object": "embedding",
      "embedding": [
        0.0023064255,
        -0.009327292,
        -0.0028842222
      ],
      "index": 0
    }
  ],
  "model": "text-embedding-ada-002",
  "usage": {
    "prompt_tokens": 8,
    "total_tokens": 8
  }
}`;

test('texts and token numbers, and the length of vectors, by the names of the vendor', () => {
  assert.deepEqual(sent('openai', { inputs: ['a', [1, 2]], dimensions: 256 }), {
    path: '/embeddings',
    body: { model: 'v', input: ['a', [1, 2]], dimensions: 256, encoding_format: 'base64' },
  });
  assert.deepEqual(sent('mistral', { inputs: ['a'], dimensions: 256 }).body, {
    model: 'v',
    input: ['a'],
    output_dimension: 256,
  });
  assert.throws(() => sent('mistral', { inputs: [[1]] }), unsupported);
  const fixed = { provider: 'p', model: 'v', quirks: { embeddings: { dimensions: null } } };
  assert.throws(() => encode({ kind: 'embed', inputs: ['a'], dimensions: 2 }, fixed), unsupported);
});

test("the caller's own body goes along, less how he wants the vectors sent", () => {
  const body = { input: 'a', model: 'x', encoding_format: 'float', user: 'u', input_type: 'query' };
  const { body: out } = sent('voyage', { inputs: ['a'], native: { dialect: 'openai', body } });
  assert.deepEqual(out, { input: ['a'], model: 'v', user: 'u', input_type: 'query' });
  assert.equal(body.encoding_format, 'float');
});

test('vectors come as numbers or as base64, in any order, and are put in order', () => {
  assert.deepEqual(decode(EXAMPLE, 1), { vectors: [[0.0023064255, -0.009327292, -0.0028842222]], inputTokens: 8 });
  const bytes = Buffer.alloc(8);
  bytes.writeFloatLE(0.5, 0);
  bytes.writeFloatLE(-2, 4);
  const data = [
    { index: 1, embedding: bytes.toString('base64') },
    { index: 0, embedding: [1, 2] },
  ];
  const answer = { data, usage: { total_tokens: 3 } };
  assert.deepEqual(decode(JSON.stringify(answer), 2), {
    vectors: [
      [1, 2],
      [0.5, -2],
    ],
    inputTokens: 3,
  });
  const unnumbered = { data: data.map(({ embedding }) => ({ embedding })) };
  assert.deepEqual(decode(JSON.stringify(unnumbered), 2), {
    vectors: [
      [0.5, -2],
      [1, 2],
    ],
    inputTokens: null,
  });
});

test('whatever is not one sane vector for each input is a failure', () => {
  const one = { index: 0, embedding: [1, 2] };
  const codes = (data: unknown, inputs = 1) => {
    const out = decode(typeof data === 'string' ? data : JSON.stringify({ data }), inputs);
    return 'code' in out ? out.code : 'ok';
  };
  assert.equal(codes([one]), 'ok');
  for (const data of [
    [],
    [one, { ...one, index: 1 }],
    [{ ...one, index: 1 }],
    [{ ...one, index: 0.5 }],
    [{ ...one, index: -1 }],
    [{ ...one, embedding: [] }],
    [{ ...one, embedding: [1, null] }],
    [{ ...one, embedding: [1, 'x'] }],
    [{ ...one, embedding: 'AAA=' }],
    [{ ...one, embedding: 'not base64!' }],
    [{ ...one, embedding: '' }],
    [null],
    'x',
  ]) {
    assert.notEqual(codes(data), 'ok', JSON.stringify(data));
  }
  assert.equal(codes([one, one], 2), 'upstream_protocol');
  assert.equal(codes([one, { index: 1, embedding: [1] }], 2), 'upstream_protocol');
  // A number that JSON can write and a float cannot hold.
  assert.equal(codes('{"data":[{"index":0,"embedding":[1e999]}]}'), 'upstream_protocol');
  const nan = Buffer.from([0, 0, 192, 127]).toString('base64');
  assert.equal(codes([{ index: 0, embedding: nan }]), 'upstream_protocol');
  assert.equal(codes('{"data":[{"embedding":[0.1,'), 'upstream_truncated');
  assert.equal(codes(''), 'upstream_truncated');
  assert.equal(codes('<html>'), 'upstream_protocol');
  assert.equal(codes('{"error":{"message":"no","type":"insufficient_quota"}}'), 'upstream_quota');
});
