/** One key, many nodes: one request, one call to the vendor, one answer. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProblem, type Json, post, type Receipt, result } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { callsWith, MODEL } from '../support/vendors.ts';

let fleet: Fleet;
let apis: [ClusterNode, ClusterNode];

before(async () => {
  fleet = await startFleet();
  [apis] = await Promise.all([
    Promise.all([fleet.start('api'), fleet.start('api')]),
    fleet.start('worker'),
    fleet.start('worker'),
  ] as const);
});
after(() => fleet.close());

const at = (n: number): ClusterNode => apis[n % 2] as ClusterNode;
const rows = async (text: string): Promise<number> => {
  const [row] = await fleet.sql<{ n: number }>(text);
  return row?.n ?? -1;
};

test('200 identical submits on two nodes are one request and one call', async () => {
  const body = { prompt: 'Submitted often', model: MODEL, labels: { a: '1', b: '2' } };
  // The same in another order of its fields: canonical is canonical.
  const same = { labels: { b: '2', a: '1' }, model: MODEL, prompt: 'Submitted often' };
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      post<Receipt>(at(n), '/mcp/v1/request', n % 3 ? body : same, { 'idempotency-key': 'often' }),
    ),
  );
  for (const answer of answers) assert.equal(answer.status, 202, answer.text);
  const [first] = answers;
  for (const answer of answers) {
    assert.equal(answer.body.request_id, first?.body.request_id);
    assert.equal(answer.body.created_at, first?.body.created_at);
    assert.equal(answer.body.estimated_cost_usd, first?.body.estimated_cost_usd);
  }
  const fresh = answers.filter((answer) => answer.headers.get('idempotent-replayed') === null);
  assert.equal(fresh.length, 1, 'exactly one of them made it');
  const id = first?.body.request_id as string;
  assert.equal((await result(at(1), id)).status, 'succeeded');

  // Later, on either node, and with other bodies.
  for (const node of apis) {
    const again = await post<Receipt>(node, '/mcp/v1/request', same, { 'idempotency-key': 'often' });
    assert.deepEqual([again.status, again.body.request_id], [202, id]);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    const other = await post(node, '/mcp/v1/request', { ...body, max_tokens: 5 }, { 'idempotency-key': 'often' });
    isProblem(other, 422, 'idempotency_mismatch');
  }
  assert.equal(callsWith(fleet.vendor, 'Submitted often').length, 1);
  assert.equal(await rows(`select count(*)::int as n from mcp_request where labels @> '{"a": "1"}'`), 1);
  assert.equal(
    await rows(`select count(*)::int as n from mcp_event where request_id = '${id}' and type = 'request.queued'`),
    1,
  );
});

test('two bodies race for one key on two nodes: one wins, the other is refused', async () => {
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(
      [0, 1, 0, 1].map((which, n) =>
        post<Receipt>(
          at(n),
          '/mcp/v1/request',
          { prompt: `Race ${round}, body ${which}.`, model: MODEL },
          { 'idempotency-key': `race-${round}` },
        ),
      ),
    );
    const taken = answers.filter((answer) => answer.status === 202);
    assert.equal(taken.length, 2, answers.map((answer) => answer.status).join());
    assert.equal(new Set(taken.map((answer) => answer.body.request_id)).size, 1);
    for (const answer of answers) if (answer.status !== 202) isProblem(answer, 422, 'idempotency_mismatch');
    await result(at(round), taken[0]?.body.request_id as string);
    assert.equal(callsWith(fleet.vendor, `Race ${round},`).length, 1);
  }
});

interface Completion {
  choices: { message: { content: string } }[];
  usage: Json;
}
const door = (node: ClusterNode, text: string, key: string, stream = false) =>
  post<Completion>(
    node,
    '/v1/chat/completions',
    { model: MODEL, stream, messages: [{ role: 'user', content: text }] },
    { 'idempotency-key': key },
  );

test('door calls with one key on two nodes: one call, the same answer for all', async () => {
  const text = 'At both doors [[sim tokens=20 rate=20]]';
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => door(at(n), text, 'doors')));
  for (const answer of answers) assert.equal(answer.status, 200, answer.text);
  const said = new Set(answers.map((answer) => answer.body.choices[0]?.message.content));
  assert.equal(said.size, 1);
  // Who gets the vendor's own body has more details in it than who is told from the record.
  const counted = answers.map(({ body: { usage } }) => `${usage.prompt_tokens} + ${usage.completion_tokens}`);
  assert.equal(new Set(counted).size, 1, counted.join(', '));
  const ids = new Set(answers.map((answer) => answer.headers.get('x-mcp-request-id')));
  assert.equal(ids.size, 1);
  assert.equal((await result(at(0), [...ids][0] as string)).text, [...said][0]);

  // One that comes while it runs, one that comes after; and another body.
  const late = await door(at(1), text, 'doors');
  assert.equal(late.body.choices[0]?.message.content, [...said][0]);
  assert.equal((await door(at(0), 'Something else', 'doors')).status, 422);
  await eventually(
    async () => (await rows(`select count(*)::int as n from mcp_request where state = 'running'`)) === 0,
    'rest',
  );
  const calls = callsWith(fleet.vendor, 'At both doors').filter((entry) => entry.outcome === 'completed');
  assert.equal(calls.length, 1, 'one billable success');
  assert.equal(callsWith(fleet.vendor, 'At both doors').length, 1, 'with a key the record comes before the call');
  assert.equal(callsWith(fleet.vendor, 'Something else').length, 0);
});

test('a caller leaves, and joins the same call on the other node', async () => {
  const text = 'Left and joined [[sim tokens=20 rate=4]]';
  const leaving = new AbortController();
  const left = fetch(`${at(0).address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'joined' },
    body: JSON.stringify({ model: MODEL, stream: false, messages: [{ role: 'user', content: text }] }),
    signal: leaving.signal,
  });
  left.catch(() => {});
  await eventually(() => callsWith(fleet.vendor, 'Left and joined')[0], 'the call');
  await sleep(200);
  leaving.abort();
  await assert.rejects(left);
  const joined = await door(at(1), text, 'joined');
  assert.equal(joined.status, 200, joined.text);
  const calls = callsWith(fleet.vendor, 'Left and joined');
  assert.deepEqual(
    calls.map((entry) => entry.outcome),
    ['completed'],
  );
});
