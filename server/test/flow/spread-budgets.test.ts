/** One budget over three processes: never overspent, whatever dies. The vendor's journal is the oracle. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type Json, submit } from '../support/api.ts';
import { type BudgetView, budget, changeBudget, chat, idOf, makeBudget, settled } from '../support/budgets.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { MODEL } from '../support/vendors.ts';

/** US dollars for a million tokens: an answer of 40 tokens costs $0.004. */
const PRICE = { input: 1, output: 100 };
const MOST = 60;
/** A new budget is known at every process within a second or two; the rest is for a busy machine. */
const KNOWN_MS = 4000;

let fleet: Fleet;
let nodes: ClusterNode[];
before(async () => {
  fleet = await startFleet({ settings: { prices: { [MODEL]: PRICE }, clocks: { lease_ms: 3000, heartbeat_ms: 500 } } });
  nodes = await Promise.all([fleet.start('all'), fleet.start('all'), fleet.start('all')]);
});
after(() => fleet.close());

interface VendorUsage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** What the vendor has asked for by its own journal, in US dollars. */
function billed(text: string): number {
  let sum = 0;
  for (const { body, usage } of fleet.vendor.journal()) {
    if (!JSON.stringify(body ?? '').includes(text) || !usage) continue;
    const { prompt_tokens: input, completion_tokens: output } = usage as VendorUsage;
    sum += (input * PRICE.input + output * PRICE.output) / 1e6;
  }
  return sum;
}

const node = (n: number): ClusterNode => nodes[n % nodes.length] as ClusterNode;
const same = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9;

/** Nothing is held, nothing lies in slices, and nobody has the rest of a process that is gone. */
async function nothingLeft(): Promise<void> {
  await eventually(
    async () => {
      const [row] = await fleet.sql<{ holds: number; open: number }>(
        'select (select count(*) from mcp_hold)::int as holds, (select coalesce(sum(open_pico), 0) from mcp_slice)::float8 as open',
      );
      return row?.holds === 0 && row.open === 0 ? row : null;
    },
    'no hold and no slice is left',
    30_000,
  );
}

async function use(made: BudgetView): Promise<BudgetView['usage'][number]> {
  return await settled(node(0), made.id, 30_000);
}

test('a budget of 1.00, 500 requests at once at three processes: never above, and next to nothing is left of it', async (t) => {
  const made = await makeBudget(node(0), { scope: 'label', match: 'wave=one', period: 'month', hard_usd: 1 });
  await sleep(KNOWN_MS);
  const ask = (n: number, more: Json = {}): Promise<Answer<Json>> =>
    chat(node(n), 'wave=one', `Wave ${n} [[sim tokens=40]]`, { max_tokens: MOST, ...more });
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => ask(n, n % 3 === 0 ? { stream: true } : {})));
  const ms = performance.now() - began;
  const count = (status: number) => answers.filter((answer) => answer.status === status).length;
  t.diagnostic(`${count(200)} answered, ${count(402)} refused, in ${Math.round(ms)} ms; $${billed('Wave').toFixed(4)}`);
  assert.equal(count(200) + count(402), 500, `${[...new Set(answers.map(({ status }) => status))]}`);
  assert.ok(billed('Wave') <= 1, `${billed('Wave')}`);
  assert.ok(count(200) >= 150, 'what is there for the taking is taken');
  let use1 = await use(made);
  assert.ok(same(use1.spent_usd, billed('Wave')), `${use1.spent_usd} is ${billed('Wave')}`);

  // What the holds of the first wave gave back is there for who comes later, until nothing does any more.
  for (let n = 0, refused = 0; n < 400 && refused < 6; n++) {
    const { status } = await ask(500 + n);
    refused = status === 402 ? refused + 1 : 0;
    if (refused > 0) await sleep(refused * 150);
  }
  use1 = await use(made);
  t.diagnostic(`$${use1.spent_usd.toFixed(4)} in the end`);
  assert.ok(billed('Wave') <= 1 && use1.spent_usd <= 1, `${billed('Wave')}`);
  assert.ok(same(use1.spent_usd, billed('Wave')));
  assert.ok(use1.spent_usd > 0.99, `${use1.spent_usd}`);
  assert.ok(use1.exceeded_at);
  await nothingLeft();
  const events = await fleet.sql(
    `select 1 from mcp_event where type = 'budget.exceeded' and payload ->> 'budget' = '${made.id}'`,
  );
  assert.equal(events.length, 1);
});

test('kill -9 of two processes with streams and queued work: no hold and no slice leaks, and all of it is charged', async () => {
  const made = await makeBudget(node(0), { scope: 'label', match: 'killed', period: 'month', hard_usd: 5 });
  await sleep(KNOWN_MS);
  const label = 'killed=yes';
  const streams = await Promise.all(
    [0, 1, 2, 0, 1, 2].map((n) =>
      fetch(`${node(n).address}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-mcp-labels': label },
        body: JSON.stringify({
          model: MODEL,
          stream: true,
          max_tokens: 400,
          messages: [{ role: 'user', content: `Killed ${n} [[sim tokens=300 rate=20]]` }],
        }),
      }),
    ),
  );
  for (const stream of streams) await stream.body?.getReader().read();
  const ids: string[] = [];
  for (let n = 0; n < 12; n++) {
    const prompt = `Killed detached ${n} [[sim tokens=40 rate=40]]`;
    const body = { prompt, model: MODEL, max_tokens: 100, labels: { killed: 'yes' } };
    ids.push((await submit(node(n), body)).request_id);
  }
  const held = (await budget(node(2), made.id)).usage[0]?.held_usd ?? 0;
  assert.ok(held > 0.2, `${held} is held`);
  await Promise.all([nodes[0]?.kill(), nodes[1]?.kill()]);
  const left = node(2);
  const all = () =>
    fleet.sql<{ state: string; mode: string; cost: number }>(
      `select state, mode, cost_pico::float8 / 1e12 as cost from mcp_request where labels ->> 'killed' = 'yes'`,
    );
  await eventually(
    async () => ((await all()).every(({ state }) => state !== 'running' && state !== 'queued') ? true : null),
    'every request has its end',
    60_000,
  );
  const rows = await all();
  assert.equal(rows.filter(({ mode, state }) => mode === 'detached' && state === 'succeeded').length, ids.length);
  assert.equal(rows.filter(({ mode, state }) => mode === 'attached' && state === 'failed').length, 4);
  assert.ok(
    rows.every(({ cost }) => cost > 0),
    'what was cut off is charged by estimate',
  );
  const spent = (await settled(left, made.id, 30_000)).spent_usd;
  const sum = rows.reduce((total, { cost }) => total + cost, 0);
  assert.ok(same(spent, sum), `${spent} is ${sum}`);
  assert.ok(spent <= 5);
  await nothingLeft();
  const owners = await fleet.sql<{ owner: string }>('select distinct owner from mcp_slice');
  assert.ok(owners.length <= 1, JSON.stringify(owners));
  await Promise.all([nodes[0]?.restart(), nodes[1]?.restart()]);
});

test('a process that stood still longer than its lease spends nothing of what others took over', async () => {
  const made = await makeBudget(node(0), { scope: 'label', match: 'frozen', period: 'month', hard_usd: 0.5 });
  await sleep(KNOWN_MS);
  const ask = (n: number, name: string) =>
    chat(node(n), 'frozen=yes', `Frozen ${name} [[sim tokens=40]]`, { max_tokens: MOST });
  // It has a slice with something in it.
  for (let n = 0; n < 3; n++) assert.equal((await ask(0, 'before')).status, 200);
  nodes[0]?.signal('SIGSTOP');
  await sleep(7000);
  // The others use up all of it.
  for (let n = 0, refused = 0; n < 300 && refused < 5; n++) {
    const { status } = await ask(1 + (n % 2), 'meanwhile');
    refused = status === 402 ? refused + 1 : 0;
    if (refused > 0) await sleep(refused * 150);
  }
  nodes[0]?.signal('SIGCONT');
  const late = await Promise.all(Array.from({ length: 20 }, () => ask(0, 'after')));
  const odd = late.filter(({ status }) => status !== 200 && status !== 402 && status !== 503);
  assert.deepEqual(odd, [], `${odd.map(({ text }) => text)}`);
  const spent = (await use(made)).spent_usd;
  assert.ok(spent <= 0.5 && billed('Frozen') <= 0.5, `${spent}, ${billed('Frozen')}`);
  // What was in its hands when it woke up may have been charged by estimate.
  assert.ok(spent >= billed('Frozen') - 1e-9, `${spent} is ${billed('Frozen')}`);
  // Of each process's slice, less than one more request would have to hold may be left.
  const hold = ((MOST + 1) * PRICE.output) / 1e6;
  assert.ok(spent > 0.5 - nodes.length * hold, `${spent}`);
  await nothingLeft();
});

test('a changed limit holds at every process within a second or two', async () => {
  const made = await makeBudget(node(0), { scope: 'label', match: 'changed', period: 'month', hard_usd: 0 });
  const ask = (n: number) => chat(node(n), 'changed=yes', 'Changed [[sim tokens=5]]', { max_tokens: 10 });
  for (let n = 0; n < 3; n++)
    await eventually(async () => (await ask(n)).status === 402, `${node(n).name} refuses`, 8000);
  assert.equal((await changeBudget(node(1), made.id, { hard_usd: 1 })).status, 200);
  for (let n = 0; n < 3; n++) {
    const taken = async () => {
      const answer = await ask(n);
      return answer.status === 200 ? answer : null;
    };
    assert.notEqual(idOf(await eventually(taken, `${node(n).name} takes it`, 8000)), '');
  }
});
