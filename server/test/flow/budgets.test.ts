/** Budgets: what a hard limit lets through, what it refuses, and how budgets are set. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { call, isProblem, type Json, post } from '../support/api.ts';
import {
  type BudgetView,
  boundOf,
  budget,
  changeBudget,
  chat,
  close,
  costOf,
  idOf,
  ownBudget,
  PRICE,
  settled,
} from '../support/budgets.ts';
import { eventually } from '../support/server.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

let house: House;
before(async () => {
  house = await startHouse({
    settings: {
      prices: { [MODEL]: PRICE },
      budgets: { list: [{ name: 'of the file', scope: 'label', match: 'file', period: 'month', hard_usd: 0.05 }] },
    },
  });
});
after(() => house.close());

describe('a hard limit', () => {
  it('charges what it came to, and bounds what goes upstream', async () => {
    const { id, label } = await ownBudget(house.server, { hard_usd: 1 });
    const answer = await chat(house.server, label, 'Charged');
    assert.equal(answer.status, 200, answer.text);
    assert.equal(boundOf(house, 'Charged'), 4096);
    const cost = await costOf(house.server, idOf(answer));
    assert.ok(cost > 0);
    const use = await settled(house.server, id);
    assert.ok(close(use.spent_usd, cost), `${use.spent_usd} is ${cost}`);
    assert.ok(close((use.left_usd ?? 0) + use.spent_usd, 1));
  });

  it('keeps a bound that the caller set', async () => {
    const { label } = await ownBudget(house.server, { hard_usd: 1 });
    assert.equal((await chat(house.server, label, 'Bounded', { max_tokens: 77 })).status, 200);
    assert.equal(boundOf(house, 'Bounded'), 77);
  });

  it('refuses what is not covered: final, with what is left and when it renews', async () => {
    const { label } = await ownBudget(house.server, { hard_usd: 0.01, name: 'small', period: 'day' });
    const refused = await chat(house.server, label, 'Too dear');
    assert.equal(refused.status, 402, refused.text);
    assert.equal(refused.headers.get('x-should-retry'), 'false');
    assert.equal(refused.headers.get('retry-after'), null);
    const { error } = refused.body as { error: { code: string; message: string } };
    assert.equal(error.code, 'budget_exceeded');
    assert.match(
      error.message,
      /^The budget of the label case=case-\d+ \(small\), \$0\.01 a day, has \$0\.01 left, and this request may cost \$0\.04\d+: \$0\.00 is spent\. It renews at 20\d\d-\d\d-\d\dT00:00:00Z\./,
    );
    assert.equal(callsWith(house.vendor, 'Too dear').length, 0);
    // What is asked for less fits.
    assert.equal((await chat(house.server, label, 'Cheap enough', { max_tokens: 100 })).status, 200);
  });

  it('holds for submits and for OpenAI’s client, which does not try again', async () => {
    const { label, value } = await ownBudget(house.server, { hard_usd: 0.001 });
    const submitted = await post(house.server, '/mcp/v1/request', {
      prompt: 'Detached and dear',
      model: MODEL,
      labels: { case: value },
    });
    isProblem(submitted, 402, 'budget_exceeded');
    const client = new OpenAI({
      baseURL: `${house.server.address}/v1`,
      apiKey: 'any',
      maxRetries: 3,
      defaultHeaders: { 'x-mcp-labels': label },
    });
    let tries = 0;
    const asked = client.chat.completions.create(
      { model: MODEL, messages: [{ role: 'user', content: 'By the SDK' }] },
      {
        fetchOptions: {},
      },
    );
    await assert.rejects(asked, (error: unknown) => {
      tries++;
      assert.ok(error instanceof OpenAI.APIError);
      assert.equal(error.status, 402);
      assert.equal(error.code, 'budget_exceeded');
      return true;
    });
    assert.equal(tries, 1);
  });

  it('of nothing lets nothing through that costs something', async () => {
    const { label } = await ownBudget(house.server, { hard_usd: 0 });
    assert.equal((await chat(house.server, label, 'For nothing', { max_tokens: 1 })).status, 402);
  });

  it('a prompt that fits by its tokens is not refused for its bytes', async () => {
    // By bytes it could have 18,000 tokens, by the tokenizer it has some 4,000.
    const { label } = await ownBudget(house.server, { hard_usd: 0.012 });
    const text = 'The quick brown fox jumps over the lazy dog again. '.repeat(350);
    const answer = await chat(house.server, label, text, { max_tokens: 20 });
    assert.equal(answer.status, 200, answer.text);
  });

  it('changed by hand it holds at once', async () => {
    const { id, label } = await ownBudget(house.server, { hard_usd: 0.001 });
    assert.equal((await chat(house.server, label, 'Raised')).status, 402);
    assert.equal((await changeBudget(house.server, id, { hard_usd: 0.5 })).body.hard_usd, 0.5);
    await eventually(async () => (await chat(house.server, label, 'Raised')).status === 200, 'the new limit', 8000);
    const gone = await call(house.server, `/mcp/v1/admin/budgets/${id}`, { method: 'DELETE' });
    assert.equal(gone.status, 200);
    assert.equal((await call(house.server, `/mcp/v1/admin/budgets/${id}`)).status, 404);
    assert.equal((await chat(house.server, label, 'Free of it')).status, 200);
  });

  it('one of goblin.yaml holds too, and is not changed by the API', async () => {
    const { body } = await call<{ items: BudgetView[] }>(house.server, '/mcp/v1/admin/budgets');
    const mine = body.items.find(({ source }) => source === 'goblin.yaml');
    assert.equal(mine?.name, 'of the file');
    const refused = await changeBudget(house.server, mine.id, { hard_usd: 100 });
    isProblem(refused, 400, 'invalid_request');
    assert.equal((await chat(house.server, 'file=a', 'By file', { max_tokens: 100 })).status, 200);
    // Each value of the label has its own.
    assert.equal((await chat(house.server, 'file=b', 'By file', { max_tokens: 4000 })).status, 200);
    const use = (await budget(house.server, mine.id)).usage.map(({ subject }) => subject).sort();
    assert.deepEqual(use, ['file=a', 'file=b']);
  });
});

describe('an unknown price', () => {
  it('is refused where a budget has to hold, and let through where none does', async () => {
    const { label } = await ownBudget(house.server, { hard_usd: 5 });
    const refused = await chat(house.server, label, 'Nobody knows', { model: 'openai/my-own-finetune' });
    assert.equal(refused.status, 402, refused.text);
    assert.equal((refused.body as { error: { code: string } }).error.code, 'price_unknown');
    assert.equal(refused.headers.get('x-should-retry'), 'false');
    assert.equal(
      (await chat(house.server, 'none=of-it', 'Nobody knows', { model: 'openai/my-own-finetune' })).status,
      200,
    );
  });
});

describe('what makes no sense is refused with its place', () => {
  const cases: [string, Json, string, RegExp][] = [
    ['no limit', { scope: 'tenant', period: 'day' }, 'hard_usd', /a budget without a limit/],
    ['soft above hard', { scope: 'tenant', period: 'day', hard_usd: 1, soft_usd: 2 }, 'soft_usd', /above hard_usd/],
    ['an unknown scope', { scope: 'planet', period: 'day', hard_usd: 1 }, 'scope', /tenant, team, user, key or label/],
    ['an unknown period', { scope: 'tenant', period: 'year', hard_usd: 1 }, 'period', /day, month or total/],
    ['a negative amount', { scope: 'tenant', period: 'day', hard_usd: -1 }, 'hard_usd', /from 0 to 1,000,000/],
    ['no number', { scope: 'tenant', period: 'day', hard_usd: '5' }, 'hard_usd', /number/],
    ['a label without a name', { scope: 'label', period: 'day', hard_usd: 1 }, 'match', /name of a label/],
    ['a pattern', { scope: 'user', match: 'a*', period: 'day', hard_usd: 1 }, 'match', /leave it out/],
    [
      'a key that is not there',
      { scope: 'key', match: 'key_none', period: 'day', hard_usd: 1 },
      'match',
      /none like that/,
    ],
    ['an unknown field', { scope: 'tenant', period: 'day', hard_usd: 1, limit: 5 }, 'limit', /not a field/],
    ['no address', { scope: 'tenant', period: 'day', hard_usd: 1, webhook_url: 'ftp://x' }, 'webhook_url', /http/],
  ];
  for (const [name, body, path, message] of cases) {
    it(name, async () => {
      const problem = isProblem(await post(house.server, '/mcp/v1/admin/budgets', body), 400, 'invalid_request');
      const error = problem.errors?.find((one) => one.path === path);
      assert.match(error?.message ?? '', message, JSON.stringify(problem.errors));
    });
  }

  it('also when it is changed', async () => {
    const { id } = await ownBudget(house.server, { hard_usd: 1 });
    const problem = isProblem(await changeBudget(house.server, id, { soft_usd: 2 }), 400, 'invalid_request');
    assert.equal(problem.errors?.[0]?.path, 'soft_usd');
    isProblem(await changeBudget(house.server, id, { hard_usd: null }), 400, 'invalid_request');
    assert.equal((await budget(house.server, id)).hard_usd, 1);
  });
});
