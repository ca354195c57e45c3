/** Answers name the model that gave them, whatever name it was asked by; the list says what is known of a model, no more. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, type Json, post } from '../support/api.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { type House, openaiEnv, startHouse } from '../support/vendors.ts';
import { type Embedder, startEmbedder } from '../vendors/embedder.ts';

const MODEL = 'gpt-4o-mini';
const BODIES: Record<string, Json> = {
  '/v1/chat/completions': { messages: [{ role: 'user', content: 'Say it. [[sim tokens=3]]' }] },
  '/v1/messages': { max_tokens: 50, messages: [{ role: 'user', content: 'Say it. [[sim tokens=3]]' }] },
  '/v1/responses': { input: 'Say it. [[sim tokens=3]]' },
};

let house: House;
before(async () => {
  house = await startHouse({ settings: { aliases: { quick: `openai/${MODEL}` } } });
});
after(() => house.close());

/** Every model that is named in the answer, a stream or not. */
function named(text: string): Set<string> {
  return new Set(
    [...text.replaceAll(/"x_mcp":\{[^}]*\}/g, '').matchAll(/"model":\s*"([^"]*)"/g)].map(([, name]) => name ?? ''),
  );
}

for (const [path, body] of Object.entries(BODIES)) {
  test(`${path}: an alias is answered by the name of the model, streamed and whole, and when it is told again`, async () => {
    for (const model of ['quick', `openai/${MODEL}`, MODEL]) {
      for (const stream of [false, true]) {
        const key = { 'idempotency-key': `${path}-${model}-${stream}`.replaceAll(/[^\w-]/g, '.') };
        const answer = await post<Json>(house.server, path, { ...body, model, stream }, key);
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual([...named(answer.text)], [MODEL], answer.text);
        assert.equal(answer.headers.get('x-mcp-model'), MODEL);
        const id = answer.headers.get('x-mcp-request-id') ?? '';
        await eventually(async () => {
          const { body: row } = await call<Json>(house.server, `/mcp/v1/request/${id}`);
          assert.equal(row.model, model, 'the record says what was asked for');
          return row.status === 'succeeded' ? true : null;
        }, 'the end');
        const again = await post<Json>(house.server, path, { ...body, model, stream }, key);
        assert.equal(again.headers.get('idempotent-replayed'), 'true');
        assert.deepEqual([...named(again.text)], [MODEL], again.text);
        if (path === '/v1/responses') {
          const { body: kept } = await call<Json>(house.server, `${path}/resp_${id}`);
          assert.equal(kept.model, MODEL);
        }
      }
    }
  });
}

test('vectors too; and of a model that nobody knows the list says that nobody knows', async () => {
  const vendor: Embedder = await startEmbedder();
  let server: Server | null = null;
  try {
    server = await startServer({
      env: openaiEnv(house.vendor),
      settings: {
        providers: {
          mine: {
            base_url: vendor.url('openai-one'),
            models: [
              'odd-one',
              { id: 'odd-two', context: 8000 },
              { id: 'shared-embed', embeds: true },
              { id: 'talks', embeds: false },
            ],
          },
        },
        aliases: { vectors: 'mine/shared-embed' },
      },
    });
    const answer = await post<Json>(server, '/v1/embeddings', {
      model: 'vectors',
      input: 'a',
      encoding_format: 'base64',
    });
    assert.equal(answer.body.model, 'shared-embed', answer.text);
    const { body } = await call<{ data: { id: string; abilities: Json | null }[] }>(server, '/v1/models');
    const can = (id: string) => {
      const found = body.data.find((one) => one.id === id);
      assert.ok(found, id);
      return found.abilities && [found.abilities.chat, found.abilities.embeddings];
    };
    assert.equal(can('mine/odd-one'), null);
    assert.deepEqual(can('mine/odd-two'), [true, null]);
    assert.deepEqual(can('mine/shared-embed'), [false, true]);
    assert.deepEqual(can('mine/talks'), [true, false]);
    assert.deepEqual(can(`openai/${MODEL}`), [true, false]);
    assert.deepEqual(can('openai/text-embedding-3-small'), [false, true]);
    // The door goes by the same.
    for (const model of ['odd-one', 'odd-two']) {
      const taken = await post<Json>(server, '/v1/embeddings', { model: `mine/${model}`, input: 'a' });
      assert.notEqual((taken.body.error as Json | undefined)?.code, 'unsupported_by_target', taken.text);
    }
    const refused = await post<Json>(server, '/v1/embeddings', { model: 'mine/talks', input: 'a' });
    assert.equal((refused.body.error as Json).code, 'unsupported_by_target');
  } finally {
    await server?.stop();
    await vendor.close();
  }
});
