/** The lists of models: in Anthropic's shape for its own client, in OpenAI's for all others. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call } from '../support/api.ts';
import { CLAUDE, GPT, type MessagesHouse, startMessagesHouse } from '../support/messages.ts';

let house: MessagesHouse;
before(async () => {
  house = await startMessagesHouse();
});
after(() => house.close());

test("the list of models, in Anthropic's shape for its clients alone, page by page", async () => {
  const all: string[] = [];
  for await (const model of house.client.models.list()) {
    assert.equal(model.type, 'model');
    assert.ok(model.display_name.length > 0 && !Number.isNaN(Date.parse(model.created_at)));
    all.push(model.id);
  }
  assert.ok(all.includes(CLAUDE) && all.includes(GPT));
  const paged: string[] = [];
  for await (const model of house.client.models.list({ limit: 7 })) paged.push(model.id);
  assert.deepEqual(paged, all);
  const before = await house.client.models.list({ limit: 2, before_id: all[5] ?? '' });
  assert.deepEqual(
    before.data.map(({ id }) => id),
    all.slice(3, 5),
  );
  assert.equal(before.has_more, true);
  const openai = await call<{ object: string; data: { id: string }[] }>(house.server, '/v1/models');
  assert.equal(openai.body.object, 'list');
  assert.deepEqual(
    openai.body.data.map(({ id }) => id),
    all,
  );
});

test('a model in the list says what it can and what it costs, also alone', { timeout: 60_000 }, async () => {
  type Listed = {
    id: string;
    context_window: number | null;
    abilities: { tools: boolean } | null;
    usd_per_million_tokens: { input: number } | null;
  };
  const id = 'openai/gpt-4o-mini';
  const list = await call<{ data: Listed[] }>(house.server, '/v1/models');
  const listed = list.body.data.find((one) => one.id === id);
  assert.equal(listed?.context_window, 128_000);
  assert.equal(listed?.abilities?.tools, true);
  assert.equal(listed?.usd_per_million_tokens?.input, 0.15);
  assert.deepEqual((await call<Listed>(house.server, `/v1/models/${id}`)).body, listed);
  assert.deepEqual((await call<Listed>(house.server, '/v1/models/gpt-4o-mini')).body, listed);
  const claude = await house.client.models.retrieve(id);
  assert.equal(claude.max_input_tokens, 128_000);
  const none = await call<{ error: { message: string } }>(house.server, '/v1/models/nobody/nothing');
  assert.equal(none.status, 404);
  assert.match(none.body.error.message, /GET \/v1\/models has all/);
});
