/** More texts than a vendor takes in a call: several calls, in order, all or nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Json, post } from '../support/api.ts';
import { embedderAt, vectorsIn } from '../support/embeddings.ts';
import { recordOf } from '../support/outage.ts';
import { type Server, startServer } from '../support/server.ts';
import { PATIENT } from '../support/vendors.ts';
import { type Embedder, startEmbedder, tokensOf, vectorOf } from '../vendors/embedder.ts';

const COHERE = 'cohere-own/embed-v4.0';
/** US dollars for a million tokens. */
const PRICE = 2;

let vendor: Embedder;
let server: Server;
before(async () => {
  vendor = await startEmbedder();
  server = await startServer({
    settings: {
      ...PATIENT,
      attempts: 2,
      providers: {
        'cohere-own': embedderAt(vendor, 'cohere-own', 'cohere', 'embed-v4.0'),
        'gemini-own': embedderAt(vendor, 'gemini-own', 'gemini', 'gemini-embedding-001'),
        'bedrock-own': embedderAt(vendor, 'bedrock-own', 'bedrock', 'amazon.titan-embed-text-v2:0'),
        'openai-two': embedderAt(vendor, 'openai-two', 'openai', 'other-embed'),
      },
      aliases: { either: [COHERE, 'openai-two/other-embed'] },
      prices: { [COHERE]: { input: PRICE, output: 0 }, 'openai-two/other-embed': { input: PRICE, output: 0 } },
    },
  });
});
after(async () => {
  await server?.stop();
  vendor?.close();
});

const texts = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `text ${'x'.repeat(at % 17)} ${at}`);
const ask = (body: Json) => post<Json>(server, '/v1/embeddings', body);
const heardOf = async (
  body: Json,
): Promise<{ status: number; body: Json; text: string; id: string; calls: Json[] }> => {
  const from = vendor.heard.length;
  const answer = await ask(body);
  const id = answer.headers.get('x-mcp-request-id') ?? '';
  return {
    status: answer.status,
    body: answer.body,
    text: answer.text,
    id,
    calls: vendor.heard.slice(from).map((one) => one.body),
  };
};
const near = (a: number | null, b: number): void =>
  assert.ok(Math.abs((a ?? Number.NaN) - b) < 1e-12, `${a} is not ${b}`);

for (const [model, most, count] of [
  [COHERE, 96, 200],
  ['gemini-own/gemini-embedding-001', 100, 250],
  ['bedrock-own/amazon.titan-embed-text-v2:0', 1, 5],
] as const) {
  test(`${model}: ${count} texts in calls of ${most}`, async () => {
    for (const input of [texts(most), texts(most + 1), texts(count)]) {
      const { status, body, text, id, calls } = await heardOf({ model, input });
      assert.equal(status, 200, text);
      assert.equal(calls.length, Math.ceil(input.length / most));
      assert.deepEqual(
        vectorsIn(body),
        input.map((one) => vectorOf(one)),
      );
      assert.deepEqual(
        (body.data as { index: number }[]).map(({ index }) => index),
        input.map((_, at) => at),
      );
      // The Gemini API does not count: by estimate then.
      if (!model.startsWith('gemini')) assert.equal((body.usage as Json).prompt_tokens, tokensOf(input));
      if (model === COHERE)
        assert.equal((await recordOf(server, id)).attempts.length, 1, 'one attempt, whatever it takes');
    }
  });
}

test('as base64 too, and what it cost is the sum', async () => {
  const input = texts(120);
  const { body, id } = await heardOf({ model: COHERE, input, encoding_format: 'base64' });
  const vectors = (vectorsIn(body) as string[]).map((one) => [
    ...new Float32Array(new Uint8Array(Buffer.from(one, 'base64')).buffer),
  ]);
  assert.deepEqual(
    vectors,
    input.map((one) => vectorOf(one).map(Math.fround)),
  );
  const row = await recordOf(server, id);
  near(row.cost_usd, (tokensOf(input) * PRICE) / 1e6);
});

test('one of the calls fails: there is no answer, and those before it are paid for', async () => {
  const input = texts(200);
  input[96] = '[[down]]';
  const { status, body, text, id, calls } = await heardOf({ model: COHERE, input });
  assert.equal(status, 502, text);
  assert.equal((body.error as Json).code, 'upstream_unavailable');
  assert.equal(calls.length, 4, 'two of each attempt; the third is not made');
  const row = await recordOf(server, id);
  assert.deepEqual(
    row.attempts.map(({ status }) => status),
    ['failed', 'failed'],
  );
  for (const one of row.attempts) near(one.cost_usd, (tokensOf(input.slice(0, 96)) * PRICE) / 1e6);
  // A vendor whose body has too few is as bad.
  input[96] = '[[few]]';
  assert.equal((await heardOf({ model: COHERE, input })).status, 502);
});

test('another target takes over with all of them', async () => {
  const input = texts(200);
  input[96] = '[[cohere-own-down]]';
  const { status, body, text, id } = await heardOf({ model: 'either', input });
  assert.equal(status, 200, text);
  assert.deepEqual(
    vectorsIn(body),
    input.map((one) => vectorOf(one)),
  );
  const row = await recordOf(server, id);
  assert.deepEqual(
    row.attempts.map(({ provider, status }) => [provider, status]),
    [
      ['cohere-own', 'failed'],
      ['openai-two', 'succeeded'],
    ],
  );
});

test('more than a hundred calls are not made for one', async () => {
  const { status, body, calls } = await heardOf({
    model: 'bedrock-own/amazon.titan-embed-text-v2:0',
    input: texts(101),
  });
  const error = body.error as Json;
  assert.deepEqual([status, error.code, calls.length], [400, 'unsupported_by_target', 0]);
  assert.match(String(error.message), /100 are the most/);
});
