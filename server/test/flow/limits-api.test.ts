/** Limits and budgets of keys, teams and tenants, set by the API: whose they are, who may see and set them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bearer, type KeyView, makeKey, person, type SignedInView } from '../support/accounts.ts';
import { type Answer, call, isProblem, type Json, post, submit, view } from '../support/api.ts';
import { type BudgetView, PRICE } from '../support/budgets.ts';
import { eventually } from '../support/server.ts';
import { type House, MODEL, startHouse } from '../support/vendors.ts';

let house: House;
let admin: SignedInView;
let other: SignedInView;
let team: string;
before(async () => {
  house = await startHouse({
    env: { MCP_AUTH: 'required' },
    settings: {
      prices: { [MODEL]: PRICE },
      budgets: { unknown_price: { usd_per_million: 100 } },
      limits: [{ scope: 'key', requests_per_minute: 100, concurrent: 50 }],
    },
  });
  const { server } = house;
  await makeKey(server, { tenant: 'acme' });
  await makeKey(server, { tenant: 'other' });
  [admin, other] = [await person(server, 'acme', 'admin'), await person(server, 'other', 'admin')];
  const made = await post<{ id: string }>(server, '/mcp/v1/teams', { name: 'research' }, bearer(admin.access_token));
  team = made.body.id;
});
after(() => house.close());

const chat = (key: string, more: Json = {}): Promise<Answer<Json>> =>
  post(
    house.server,
    '/v1/chat/completions',
    { model: MODEL, max_tokens: 50, messages: [{ role: 'user', content: 'By key [[sim tokens=20]]' }], ...more },
    bearer(key),
  );
/** The request of an answer, once its end is written, which happens behind it. */
const over = (answer: Answer<Json>, text: string) =>
  eventually(async () => {
    const row = await view(house.server, answer.headers.get('x-mcp-request-id') ?? '', bearer(text));
    return row.status !== 'running' && row;
  }, 'the end of the call');
const by = (who: SignedInView) => bearer(who.access_token);
const set = (path: string, json: Json, who = admin) =>
  call(house.server, `/mcp/v1/admin/limits/${path}`, { method: 'PUT', json, headers: by(who) });
const make = (body: Json, who = admin) => post<BudgetView>(house.server, '/mcp/v1/admin/budgets', body, by(who));
const key = (fields: Json = {}): Promise<KeyView> => makeKey(house.server, fields, admin.access_token);

describe('limits', () => {
  it('of a key hold at once, beside those of the file, until they are taken away', async () => {
    const one = await key();
    assert.equal((await chat(one.key)).headers.get('x-ratelimit-limit-requests'), '100');
    assert.equal((await set(`key/${one.id}`, { requests_per_minute: 2 })).status, 200);
    const answer = await chat(one.key);
    assert.equal(answer.status, 200);
    assert.equal(
      answer.headers.get('ratelimit-policy'),
      '"key-requests";q=2;w=60, "key-concurrent";q=50;qu="concurrent-requests"',
    );
    assert.equal((await chat(one.key)).status, 429);
    const { body } = await call<{ items: Json[] }>(house.server, '/mcp/v1/admin/limits', { headers: by(admin) });
    assert.deepEqual(body.items, [{ scope: 'key', id: one.id, requests_per_minute: 2 }]);
    const gone = await call(house.server, `/mcp/v1/admin/limits/key/${one.id}`, {
      method: 'DELETE',
      headers: by(admin),
    });
    assert.equal(gone.status, 200);
    assert.equal((await chat(one.key)).status, 200);
  });

  it('of a team hold for all its keys together', async () => {
    const [one, two] = [await key({ team }), await key({ team })];
    assert.equal((await set(`team/${team}`, { requests_per_minute: 3 })).status, 200);
    const statuses = [];
    for (const { key: text } of [one, two, one, two]) statuses.push((await chat(text)).status);
    assert.deepEqual(statuses, [200, 200, 200, 429]);
    assert.equal((await chat((await key()).key)).status, 200);
    assert.equal((await set(`team/${team}`, { requests_per_minute: 1000 })).status, 200);
  });

  it('are refused where they make no sense, and unknown where they are another tenant’s', async () => {
    const one = await key();
    for (const body of [{}, { requests_per_minute: 0 }, { requests_per_minute: 1.5 }, { per_day: 5 }]) {
      isProblem(await set(`key/${one.id}`, body), 400, 'invalid_request');
    }
    isProblem(await set(`key/${one.id}`, { concurrent: 1 }, other), 404, 'not_found');
    isProblem(await set('key/key_none', { concurrent: 1 }), 404, 'not_found');
    isProblem(await set('planet/earth', { concurrent: 1 }), 404, 'not_found');
    isProblem(await set('tenant/acme', { concurrent: 1 }, other), 404, 'not_found');
    const { body } = await call<{ items: Json[] }>(house.server, '/mcp/v1/admin/limits', { headers: by(other) });
    assert.deepEqual(body.items, []);
    assert.equal((await chat(one.key)).status, 200);
  });
});

describe('budgets', () => {
  it('of a key, a team and the tenant: whichever has less left refuses', async () => {
    const fresh = await post<{ id: string }>(house.server, '/mcp/v1/teams', { name: 'fresh' }, by(admin));
    const [mine, ours] = [await key(), await key({ team: fresh.body.id })];
    const budgets = await Promise.all([
      make({ scope: 'key', match: mine.id, period: 'day', hard_usd: 0.0008 }),
      make({ scope: 'team', match: fresh.body.id, period: 'month', hard_usd: 0.0016 }),
      make({ scope: 'tenant', period: 'total', hard_usd: 5 }),
    ]);
    for (const answer of budgets) assert.equal(answer.status, 201, answer.text);
    const spend = async (text: string) => {
      const statuses: number[] = [];
      for (let n = 0; n < 12 && !statuses.includes(402); n++) {
        const answer = await chat(text);
        statuses.push(answer.status);
        if (answer.status === 402) return { answer, statuses };
        await eventually(async () => {
          const { body } = await call<{ items: BudgetView[] }>(house.server, '/mcp/v1/admin/budgets', {
            headers: by(admin),
          });
          return body.items.every(({ usage }) => usage.every(({ held_usd: held }) => held === 0)) ? true : null;
        }, 'nothing is held');
      }
      assert.fail(`${statuses}`);
    };
    const { answer, statuses } = await spend(mine.key);
    assert.match(answer.text, /The budget of this key, \$0\.0008 a day/);
    const team1 = await spend(ours.key);
    assert.match(team1.answer.text, /The budget of this team, \$0\.0016 a month/);
    assert.ok(team1.statuses.length > statuses.length, 'the team has more');
    const ids = budgets.map(({ body }) => body.id);
    const { body } = await call<{ items: BudgetView[] }>(house.server, '/mcp/v1/admin/budgets', { headers: by(admin) });
    const spent = ids.map((id) => body.items.find((one) => one.id === id)?.usage[0]?.spent_usd ?? 0);
    assert.ok(Math.abs((spent[0] ?? 0) + (spent[1] ?? 0) - (spent[2] ?? 0)) < 1e-12, `${spent}`);
    const usage = await call<{ items: Json[] }>(house.server, '/mcp/v1/admin/usage?by=team', { headers: by(admin) });
    const ofTeam = usage.body.items.find((row) => row.team === fresh.body.id);
    assert.ok(Math.abs(Number(ofTeam?.cost_usd) - (spent[1] ?? 0)) < 1e-12, `${ofTeam?.cost_usd} is ${spent[1]}`);
  });

  it('of a month that has begun count what it has cost already', async () => {
    const one = await key();
    const answer = await chat(one.key);
    assert.equal(answer.status, 200);
    await over(answer, one.key);
    await make({ scope: 'key', match: one.id, period: 'month', hard_usd: 0.0008 });
    const { text } = await chat(one.key, { max_tokens: 70 });
    assert.match(text, /has \$0\.000[0-5]\d* left/);
  });

  it('of a detached request hold for its key too', async () => {
    const one = await key();
    await make({ scope: 'key', match: one.id, period: 'day', hard_usd: 0.0008 });
    const body = { prompt: 'Detached [[sim tokens=20]]', model: MODEL, max_tokens: 50 };
    const { request_id: id } = await submit(house.server, body, bearer(one.key));
    await eventually(
      async () => ((await view(house.server, id, bearer(one.key))).status === 'succeeded' ? true : null),
      'its end',
    );
    const again = await post(house.server, '/mcp/v1/request', { ...body, max_tokens: 80 }, bearer(one.key));
    isProblem(again, 402, 'budget_exceeded');
  });

  it('of another tenant are as unknown as any', async () => {
    const { body } = await make({ scope: 'tenant', period: 'day', hard_usd: 9 });
    const path = `/mcp/v1/admin/budgets/${body.id}`;
    const foreign = await call(house.server, path, { headers: by(other) });
    const none = await call(house.server, '/mcp/v1/admin/budgets/bud_none', { headers: by(other) });
    assert.deepEqual([foreign.status, foreign.text], [404, none.text]);
    for (const method of ['PATCH', 'DELETE']) {
      const json = method === 'PATCH' ? { hard_usd: 1 } : undefined;
      isProblem(await call(house.server, path, { method, json, headers: by(other) }), 404, 'not_found');
    }
    const mine = await key();
    isProblem(await make({ scope: 'key', match: mine.id, period: 'day', hard_usd: 1 }, other), 400, 'invalid_request');
    isProblem(await make({ scope: 'tenant', tenant: 'acme', period: 'day', hard_usd: 1 }, other), 404, 'not_found');
    const list = await call<{ items: BudgetView[] }>(house.server, '/mcp/v1/admin/budgets', { headers: by(other) });
    assert.deepEqual(list.body.items, []);
  });

  it('a user is kept as a hash', async () => {
    const { body } = await make({ scope: 'user', match: 'ann@example.com', period: 'day', hard_usd: 0 });
    assert.match(body.match ?? '', /^[0-9a-f]{32}$/);
    const one = await key();
    assert.equal((await chat(one.key, { user: 'ann@example.com' })).status, 402);
    assert.equal((await chat(one.key, { user: 'bob@example.com' })).status, 200);
  });
});

describe('an unknown price with a ceiling', () => {
  it('is charged at it, and never nothing', async () => {
    const one = await key();
    const { body } = await make({ scope: 'key', match: one.id, period: 'day', hard_usd: 1 });
    const answer = await chat(one.key, { model: 'openai/my-own-finetune' });
    assert.equal(answer.status, 200, answer.text);
    const request = await over(answer, one.key);
    const { input_tokens: input = 0, output_tokens: output = 0 } = request.attempts[0]?.usage ?? {};
    assert.ok(Math.abs((request.cost_usd ?? 0) - ((input + output) * 100) / 1e6) < 1e-12, `${request.cost_usd}`);
    await eventually(async () => {
      const now = await call<BudgetView>(house.server, `/mcp/v1/admin/budgets/${body.id}`, { headers: by(admin) });
      const spent = now.body.usage[0]?.spent_usd ?? 0;
      return Math.abs(spent - (request.cost_usd ?? 0)) < 1e-12 ? true : null;
    }, 'it is charged');
  });
});
