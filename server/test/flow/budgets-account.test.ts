/** Budgets: everything that costs something is charged, once, with what it came to; and limits that are reached are said. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, cancel, isProblem, type Json, outcome, post, result, submit, view } from '../support/api.ts';
import { boundOf, budget, chat, close, costOf, idOf, ownBudget, PRICE, settled } from '../support/budgets.ts';
import { ONE, startVectorHouse } from '../support/embeddings.ts';
import { eventually } from '../support/server.ts';
import { callsWith, type House, MODEL, startHouse } from '../support/vendors.ts';

interface Notice {
  headers: Record<string, unknown>;
  body: { type: string; data: Json };
}
const notices: Notice[] = [];
const receiver = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  request.on('end', () => {
    notices.push({ headers: request.headers, body: JSON.parse(text) });
    response.statusCode = 204;
    response.end();
  });
});

let house: House;

/** The end of an attached call is written behind its answer. */
const over = (id: string) =>
  eventually(async () => {
    const row = await view(house.server, id);
    return row.status === 'running' || row.status === 'queued' ? null : row;
  }, 'the end of the request');
let hook: string;
before(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/budgets`;
  house = await startHouse({
    settings: { prices: { [MODEL]: PRICE }, callbacks: { allow_private: true }, attempts: 3, cache: { enabled: true } },
  });
});
after(async () => {
  await house.close();
  receiver.closeAllConnections();
  receiver.close();
});

describe('everything is accounted', () => {
  it('streams, detached requests, answers of the Anthropic door', async () => {
    const { id, label, value } = await ownBudget(house.server, { hard_usd: 5 });
    const stream = await chat(house.server, label, 'Streamed', { stream: true });
    assert.match(stream.text, /\[DONE\]/);
    const receipt = await submit(house.server, { prompt: 'Detached', model: MODEL, labels: { case: value } });
    await result(house.server, receipt.request_id);
    const messages = await post(
      house.server,
      '/v1/messages',
      { model: MODEL, max_tokens: 64, messages: [{ role: 'user', content: 'Messages' }] },
      { 'x-mcp-labels': label },
    );
    assert.equal(messages.status, 200, messages.text);
    const ids = [stream, messages].map(idOf);
    const costs = await Promise.all([...ids, receipt.request_id].map(async (one) => (await over(one)).cost_usd ?? 0));
    assert.ok(
      costs.every((cost) => cost > 0),
      `${costs}`,
    );
    const use = await settled(house.server, id);
    const sum = costs.reduce((all, cost) => all + cost, 0);
    assert.ok(close(use.spent_usd, sum), `${use.spent_usd} is ${sum}`);
  });

  it('attempts that failed, with those that came after them', async () => {
    const { id, label } = await ownBudget(house.server, { hard_usd: 5 });
    const answer = await chat(house.server, label, 'Broken [[sim tokens=40 fault=cut-after-10]]', { stream: true });
    const request = await over(idOf(answer));
    assert.equal(request.status, 'failed');
    assert.ok((request.cost_usd ?? 0) > 0);
    const refused = await chat(house.server, label, 'Down [[sim fault=status-500]]');
    const other = await over(idOf(refused));
    assert.ok(other.attempts.length > 1, 'it was tried again');
    const use = await settled(house.server, id);
    assert.ok(close(use.spent_usd, (request.cost_usd ?? 0) + (other.cost_usd ?? 0)), `${use.spent_usd}`);
  });

  it('vectors', async () => {
    const vectors = await startVectorHouse();
    try {
      const { id, label } = await ownBudget(vectors.server, { hard_usd: 1 });
      const answer = await vectors.ask({ model: ONE, input: ['one', 'two'] }, { 'x-mcp-labels': label });
      assert.equal(answer.status, 200, answer.text);
      const cost = await costOf(vectors.server, idOf(answer));
      assert.ok(cost > 0);
      const use = await settled(vectors.server, id);
      assert.ok(close(use.spent_usd, cost), `${use.spent_usd} is ${cost}`);
    } finally {
      await vectors.close();
    }
  });

  it('a stream whose caller leaves, and a request that is cancelled', async () => {
    const { id, label, value } = await ownBudget(house.server, { hard_usd: 5 });
    const left = await fetch(`${house.server.address}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-mcp-labels': label },
      body: JSON.stringify({
        model: MODEL,
        stream: true,
        messages: [{ role: 'user', content: 'Left [[sim tokens=400 rate=40]]' }],
      }),
    });
    const reader = left.body?.getReader();
    await reader?.read();
    assert.ok(((await budget(house.server, id)).usage[0]?.held_usd ?? 0) > 0, 'it holds while it runs');
    await reader?.cancel();
    const running = await submit(house.server, {
      prompt: 'Cancelled [[sim tokens=400 rate=40]]',
      model: MODEL,
      labels: { case: value },
    });
    await eventually(() => (callsWith(house.vendor, 'Cancelled').length > 0 ? true : null), 'it runs');
    await sleep(200);
    await cancel(house.server, running.request_id);
    const waits = await submit(house.server, {
      prompt: 'Never ran',
      model: MODEL,
      labels: { case: value },
      not_before: new Date(Date.now() + 60_000).toISOString(),
    });
    await cancel(house.server, waits.request_id);
    await outcome(house.server, running.request_id);
    const use = await settled(house.server, id);
    const ids = [left.headers.get('x-mcp-request-id') ?? '', running.request_id, waits.request_id];
    const costs = await Promise.all(ids.map(async (one) => (await over(one)).cost_usd ?? Number.NaN));
    assert.ok((costs[0] ?? 0) > 0 && (costs[1] ?? 0) > 0 && costs[2] === 0, `${costs}`);
    assert.ok(
      close(
        use.spent_usd,
        costs.reduce((all, cost) => all + cost, 0),
      ),
      `${use.spent_usd} is ${costs}`,
    );
  });

  it('a retry that the budget does not cover is not made', async () => {
    // Covers one attempt of 100 tokens, not a second one on top of what the first has cost.
    const { id, value } = await ownBudget(house.server, { hard_usd: 0.0015 });
    const { request_id: request } = await submit(house.server, {
      prompt: 'Once only [[sim tokens=90 fault=cut-after-60]]',
      model: MODEL,
      max_tokens: 100,
      labels: { case: value },
    });
    const end = await outcome(house.server, request);
    assert.equal(end.body.code, 'budget_exceeded', end.text);
    assert.equal(callsWith(house.vendor, 'Once only').length, 1);
    const use = await settled(house.server, id);
    assert.ok(close(use.spent_usd, await costOf(house.server, request)), `${use.spent_usd}`);
    assert.ok(use.spent_usd > 0.0005 && use.spent_usd <= 0.0015, `${use.spent_usd}`);
  });

  it('an answer out of the cache costs nothing', async () => {
    const { id, label } = await ownBudget(house.server, { hard_usd: 5 });
    const [one, other] = [await chat(house.server, label, 'Cached'), await chat(house.server, label, 'Cached')];
    assert.equal(callsWith(house.vendor, 'Cached').length, 1);
    assert.deepEqual([other.status, await costOf(house.server, idOf(other))], [200, 0]);
    const use = await settled(house.server, id);
    assert.ok(close(use.spent_usd, await costOf(house.server, idOf(one))), `${use.spent_usd}`);
  });

  it('the same request again by its key is charged once', async () => {
    const { id, label } = await ownBudget(house.server, { hard_usd: 5 });
    const headers = { 'idempotency-key': 'budget-once' };
    const [one, other] = [
      await chat(house.server, label, 'Once', {}, headers),
      await chat(house.server, label, 'Once', {}, headers),
    ];
    assert.equal(other.headers.get('idempotent-replayed'), 'true');
    const use = await settled(house.server, id);
    assert.ok(close(use.spent_usd, await costOf(house.server, idOf(one))));
  });
});

describe('a soft limit', () => {
  it('is said once in a period: by an event and a signed call', async () => {
    const { id, label } = await ownBudget(house.server, { soft_usd: 0.000_02, hard_usd: 5, webhook_url: hook });
    for (let n = 0; n < 3; n++) assert.equal((await chat(house.server, label, `Soft ${n}`)).status, 200);
    const use = await settled(house.server, id);
    assert.ok(use.warned_at);
    const said = await eventually(() => notices.find(({ body }) => body.data.budget === id), 'the call');
    assert.equal(said.body.type, 'budget.warned');
    assert.equal(said.body.data.limit_usd, 0.000_02);
    assert.ok(Number(said.body.data.spent_usd) >= 0.000_02);
    assert.match(String(said.headers['webhook-signature']), /^v1,/);
    assert.match(String(said.headers['webhook-id']), new RegExp(`^${id}:`));
    await sleep(2500);
    assert.equal(notices.filter(({ body }) => body.data.budget === id).length, 1);
  });

  it('and when the hard one is reached', async () => {
    const { id, label } = await ownBudget(house.server, { hard_usd: 0.001, webhook_url: hook });
    for (let n = 0; n < 3; n++) assert.equal((await chat(house.server, label, 'Hard')).status, 402);
    const said = await eventually(() => notices.find(({ body }) => body.data.budget === id), 'the call');
    assert.equal(said.body.type, 'budget.exceeded');
    assert.ok((await budget(house.server, id)).usage[0]?.exceeded_at);
  });

  it('alone bounds nothing', async () => {
    const { id, label } = await ownBudget(house.server, { soft_usd: 0.01 });
    assert.equal((await chat(house.server, label, 'Unbounded')).status, 200);
    assert.equal(boundOf(house, 'Unbounded'), undefined);
    assert.ok((await settled(house.server, id)).spent_usd > 0);
  });
});

describe('usage', () => {
  it('adds up what the record has, by day, key and model', async () => {
    const { request_id: unpriced } = await submit(house.server, {
      prompt: 'Whatever it costs',
      model: 'openai/no-price-known',
    });
    await result(house.server, unpriced);
    const read = async (by: string) =>
      (await call<{ items: Json[] }>(house.server, `/mcp/v1/admin/usage?by=${by}`)).body.items;
    const sum = (rows: Json[]) => rows.reduce((total, row) => total + Number(row.cost_usd), 0);
    // The last ends are written behind their answers.
    const items = await eventually(async () => {
      const found = await read('model');
      return close(sum(found), sum(await read('day,key,model,team,task_type'))) ? found : null;
    }, 'sums that are the same');
    const mine = items.find(({ model }) => model === MODEL);
    assert.ok(Number(mine?.requests) > 5 && Number(mine?.cost_usd) > 0 && Number(mine?.output_tokens) > 0);
    assert.ok(
      items.some((row) => Number(row.attempts_without_price) > 0),
      'the one without a price is said',
    );
    const none = await call<{ items: Json[] }>(house.server, '/mcp/v1/admin/usage?from=2020-01-01&to=2020-01-31');
    assert.deepEqual(none.body.items, []);
    const early = await call<{ items: Json[] }>(house.server, '/mcp/v1/admin/usage?from=1969-12-31&to=1970-01-01');
    assert.deepEqual(early.body.items, []);
    for (const wrong of ['by=colour', 'from=2026-02-30', 'from=2026-01-02&to=2026-01-01', 'by=day,day', 'x=1']) {
      isProblem(await call(house.server, `/mcp/v1/admin/usage?${wrong}`), 400, 'invalid_request');
    }
  });
});
