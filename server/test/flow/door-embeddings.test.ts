/** The embeddings door with OpenAI's own client: vendors of five dialects behind it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, type Json, post, type ResultView, view } from '../support/api.ts';
import {
  embedderAt,
  LARGE,
  MODELS,
  ONE,
  startVectorHouse,
  type VectorHouse,
  vectorsIn,
} from '../support/embeddings.ts';
import { eventually, startServer } from '../support/server.ts';
import { PATIENT } from '../support/vendors.ts';
import { tokensOf, vectorOf } from '../vendors/embedder.ts';

let house: VectorHouse;
before(async () => {
  house = await startVectorHouse();
});
after(() => house.close());

const near = (found: readonly number[], wanted: readonly number[]): void => {
  assert.equal(found.length, wanted.length);
  found.forEach((number, place) => {
    assert.ok(Math.abs(number - (wanted[place] ?? Number.NaN)) < 1e-6, `${number} is not ${wanted[place]}`);
  });
};

test("OpenAI's client gets vectors from every dialect, and the record has them", async () => {
  for (const model of MODELS) {
    const input = model.startsWith('bedrock') ? ['one text'] : ['one text', 'another', 'a third of them'];
    const { data, response } = await house.client.embeddings.create({ model, input }).withResponse();
    assert.deepEqual([data.object, data.data.length], ['list', input.length], model);
    for (const entry of data.data) near(entry.embedding, vectorOf(input[entry.index] ?? ''));
    const provider = model.slice(0, model.indexOf('/'));
    assert.equal(response.headers.get('x-mcp-provider'), provider);
    assert.equal(response.headers.get('x-mcp-model'), model.slice(provider.length + 1));
    assert.equal(response.headers.get('x-mcp-attempts'), '1');
    const numbers = await house.client.embeddings.create({ model, input, encoding_format: 'float' });
    for (const entry of numbers.data) near(entry.embedding, vectorOf(input[entry.index] ?? ''));

    const id = response.headers.get('x-mcp-request-id') ?? '';
    const row = await eventually(async () => {
      const found = await view(house.server, id);
      return found.status === 'succeeded' ? found : null;
    }, 'the end');
    assert.deepEqual([row.task_type, row.model, row.attempts.length], ['embed', model, 1]);
    const usage = row.attempts[0]?.usage;
    assert.equal(usage?.output_tokens, 0);
    if (model.startsWith('gemini')) assert.equal(usage?.source, 'estimated');
    else assert.deepEqual([usage?.source, usage?.input_tokens], ['reported', tokensOf(input)]);
    assert.deepEqual([data.usage.prompt_tokens, data.usage.total_tokens], [usage?.input_tokens, usage?.input_tokens]);
    const { body } = await call<ResultView>(house.server, `/mcp/v1/request/${id}/result`);
    assert.deepEqual(body.message, { embeddings: { count: input.length, dimensions: 6 } }, 'the vectors are not kept');
    assert.equal(body.text, '');
  }
});

test('only the input costs', async () => {
  const { body, headers } = await house.ask({ model: ONE, input: 'x'.repeat(500) });
  assert.equal(headers.get('x-mcp-cost-usd'), '0.0002', 'a hundred tokens at $2 a million');
  assert.deepEqual(body.usage, { prompt_tokens: 100, total_tokens: 100 });
  const silent = await house.ask({ model: ONE, input: `[[silent]]${'x'.repeat(390)}`, encoding_format: 'base64' });
  assert.equal(silent.headers.get('x-mcp-cost-usd'), '0.0002', 'four bytes are a token by estimate');
  assert.deepEqual(silent.body.usage, { prompt_tokens: 100, total_tokens: 100 });
  const listed = await house.ask({
    model: ONE,
    input: Array.from({ length: 100 }, (_, token) => token),
    encoding_format: 'float',
  });
  assert.equal(listed.headers.get('x-mcp-cost-usd'), '0.0002');
});

test("a vendor's body is sent on as it came where it has the form that was asked for", async () => {
  for (const [model, encoding_format] of [
    [LARGE, 'base64'],
    [ONE, 'float'],
  ] as const) {
    const answer = await house.ask({ model, input: ['a', 'b'], encoding_format });
    assert.equal(answer.text, house.vendor.heard.at(-1)?.said, model);
    assert.equal(answer.body.model, 'as-the-vendor-says');
  }
  const turned = await house.ask({ model: ONE, input: ['a', 'b'], encoding_format: 'base64' });
  assert.equal(turned.body.model, 'shared-embed');
  const texts = vectorsIn(turned.body) as string[];
  assert.deepEqual(
    texts.map((text) => [...new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer)]),
    ['a', 'b'].map((text) => vectorOf(text).map(Math.fround)),
  );
  assert.deepEqual(
    (turned.body.data as { index: number }[]).map(({ index }) => index),
    [0, 1],
  );
  const numbers = await house.ask({ model: LARGE, input: ['a', 'b'] });
  assert.deepEqual(
    vectorsIn(numbers.body),
    ['a', 'b'].map((text) => vectorOf(text).map(Math.fround)),
  );
});

test('what a vendor of the dialect gets: the fields of the caller, our model, none of his headers', async () => {
  const input = ['as it is', 'so'];
  const body = { model: ONE, input, dimensions: 3, user: 'someone', input_type: 'query', extra: { a: [1] } };
  const answer = await house.ask(body, { authorization: 'Bearer mine', cookie: 'a=b', 'x-own': 'no' });
  assert.equal((vectorsIn(answer.body)[0] as number[]).length, 3);
  const heard = house.vendor.heard.at(-1);
  assert.deepEqual(heard?.body, { ...body, model: 'shared-embed' });
  assert.deepEqual(
    [heard?.headers.authorization, heard?.headers.cookie, heard?.headers['x-own']],
    [undefined, undefined, undefined],
  );
  await house.ask({ model: 'cohere-own/embed-v4.0', input, input_type: 'search_query', dimensions: 4 });
  assert.deepEqual(house.vendor.heard.at(-1)?.body, {
    model: 'embed-v4.0',
    texts: input,
    input_type: 'search_query',
    embedding_types: ['float'],
    output_dimension: 4,
    truncate: 'NONE',
  });
});

test('lists of token numbers go to the dialect that takes them', async () => {
  for (const input of [
    [5, 6, 7],
    [
      [5, 6],
      [7, 8, 9],
    ],
  ]) {
    const answer = await house.ask({ model: ONE, input });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(house.vendor.heard.at(-1)?.body.input, typeof input[0] === 'number' ? [input] : input);
    const lists = (typeof input[0] === 'number' ? [input] : input) as number[][];
    assert.deepEqual(
      vectorsIn(answer.body),
      lists.map((list) => vectorOf(list)),
    );
  }
  const before = house.vendor.heard.length;
  for (const model of ['gemini-own/gemini-embedding-001', 'cohere-own/embed-v4.0', 'ollama-own/nomic-embed-text']) {
    await house.refused({ model, input: [1, 2] }, 400, 'unsupported_by_target', /token numbers/);
  }
  assert.equal(house.vendor.heard.length, before, 'nothing was sent');
});

test('input that cannot be accepted is named', async () => {
  const heard = house.vendor.heard.length;
  const long = Array.from({ length: 2049 }, () => 'x');
  for (const [more, says] of [
    [{ input: '' }, /input: must not be empty/],
    [{ input: [] }, /input: must not be empty/],
    [{}, /input: must be a text/],
    [{ input: { a: 1 } }, /input: must be a text/],
    [{ input: ['a', ''] }, /input\.1: must not be empty/],
    [{ input: ['a', 3] }, /input\.1: must be a text as the others/],
    [{ input: [1, -2] }, /input: must be a list of token numbers/],
    [{ input: [1, 'a'] }, /input: must be a list of token numbers/],
    [{ input: [[1], []] }, /input\.1: must be a list of token numbers/],
    [{ input: [[1], 'a'] }, /input\.1: must be a list of token numbers/],
    [{ input: long }, /input: must have at most 2048 entries/],
    [{ input: 'a', dimensions: 0 }, /dimensions/],
    [{ input: 'a', encoding_format: 'int8' }, /encoding_format: must be float or base64/],
    [{ input: 'a', model: 'two words' }, /model/],
  ] as [Json, RegExp][]) {
    await house.refused({ model: ONE, ...more }, 400, 'invalid_request', says);
  }
  assert.equal(house.vendor.heard.length, heard);
});

test('a model is asked for: none is chosen, chat models make no vectors, embedding models do not answer', async () => {
  for (const model of [undefined, 'auto']) {
    await house.refused(
      { input: 'a', ...(model ? { model } : {}) },
      404,
      'unknown_model',
      /tasks\.embed.*openai-one\/shared-embed/,
    );
  }
  await house.refused({ model: 'openai/gpt-4o-mini', input: 'a' }, 400, 'unsupported_by_target', /it makes no vectors/);
  await house.refused(
    { model: 'claude-own/embed-of-no-one', input: 'a' },
    400,
    'unsupported_by_target',
    /makes no vectors/,
  );
  await house.refused({ model: 'no-such-embed', input: 'a' }, 404, 'unknown_model', /no-such-embed/);
  const answer = await post(house.server, '/v1/chat/completions', {
    model: LARGE,
    messages: [{ role: 'user', content: 'Hello' }],
  });
  assert.equal(answer.status, 400, answer.text);
  assert.match(answer.text, /it makes vectors and does not answer/);
  const long = await house.ask({ model: LARGE, input: 'Water '.repeat(60_000) });
  assert.equal((long.body.error as Json | undefined)?.code, 'context_too_long', long.text);
  // Its inputs are read one by one: together they may be longer than the window.
  const many = await house.ask({
    model: LARGE,
    input: Array.from({ length: 20 }, (_, n) => `${n} ${'Water '.repeat(4000)}`),
  });
  assert.equal(many.status, 200, many.text.slice(0, 300));
});

test('the route of the task type `embed` holds for who names no model, or that of another task', async () => {
  const other = await startServer({
    settings: {
      ...PATIENT,
      providers: { 'openai-one': embedderAt(house.vendor, 'openai-one', 'openai', 'a-embed', 'b-embed') },
      tasks: { embed: { model: ['openai-one/b-embed', 'openai-one/a-embed'] }, lookup: 'openai-one/a-embed' },
    },
  });
  try {
    for (const [headers, model] of [
      [{}, 'b-embed'],
      [{ 'x-mcp-task': 'embed' }, 'b-embed'],
      [{ 'x-mcp-task': 'lookup' }, 'a-embed'],
    ] as const) {
      const answer = await post(other, '/v1/embeddings', { input: 'a' }, headers);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers.get('x-mcp-model'), model);
    }
    const unknown = await post(other, '/v1/embeddings', { input: 'a' }, { 'x-mcp-task': 'none-such' });
    assert.match(unknown.text, /x-mcp-task must be one of/);
  } finally {
    await other.stop();
  }
});
