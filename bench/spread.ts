/** Detached requests over PostgreSQL and Redis, against a bare queue library and a bare insert, on the same machine in one run. */
import pg from 'pg';
import { startCluster } from './cluster.ts';
import { load } from './load.ts';
import { child, freePort } from './process.ts';

const TOTAL = Number(process.env.BENCH_REQUESTS ?? 10_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const AT_ONCE = 64;
const PROMPT = 'What is a control plane, and who needs one? '.repeat(4);

const vendorPort = await freePort();
const vendor = await child('./vendor.ts', { PORT: String(vendorPort), EVENTS: '4' }, null);
const cluster = await startCluster({
  OPENAI_API_KEY: 'sk-bench',
  OPENAI_BASE_URL: `http://127.0.0.1:${vendorPort}/v1`,
});
const db = new pg.Client(cluster.databaseUrl);
await db.connect();
// The clock must not be what costs.
await db.query('set enable_seqscan = off');

const count = async (where: string): Promise<number> =>
  Number((await db.query(`select count(*) as n from mcp_request where ${where}`)).rows[0].n);
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const round = (values: number[], digits = 2) => values.map((value) => value.toFixed(digits)).join(', ');

async function bull(): Promise<number> {
  const args = [String(cluster.redisPort), String(TOTAL), String(AT_ONCE)];
  const worker = await child('./bull.ts', {}, null, ['work', ...args]);
  const adder = await child('./bull.ts', {}, null, ['add', ...args]);
  const over = new Promise<void>((resolve) => worker.process.once('message', () => resolve()));
  const began = performance.now();
  adder.process.send('go');
  await over;
  const perSecond = TOTAL / ((performance.now() - began) / 1000);
  await Promise.all([worker.stop(), adder.stop()]);
  return perSecond;
}

async function ours(port: number): Promise<number> {
  const before = await count("state = 'succeeded'");
  const began = performance.now();
  await load({
    port,
    path: '/mcp/v1/request',
    body: JSON.stringify({ prompt: PROMPT, model: 'openai/bench' }),
    connections: AT_ONCE,
    seconds: 600,
    most: TOTAL,
    stream: false,
  });
  // Two questions that an index answers.
  const open =
    "exists (select 1 from mcp_request where state = 'queued') or exists (select 1 from mcp_request where state = 'running')";
  while ((await db.query(`select ${open} as open`)).rows[0].open)
    await new Promise((resolve) => setTimeout(resolve, 25));
  const seconds = (performance.now() - began) / 1000;
  const done = (await count("state = 'succeeded'")) - before;
  if (done !== TOTAL) throw new Error(`${done} of ${TOTAL} succeeded`);
  return TOTAL / seconds;
}

try {
  const api = await cluster.node('api');
  const worker = await cluster.node('worker', { DATABASE_POOL: '10' });
  await ours(api.port);
  const [bulls, our, ratios]: [number[], number[], number[]] = [[], [], []];
  for (let n = 1; n <= ROUNDS; n++) {
    const b = await bull();
    const o = await ours(api.port);
    bulls.push(b);
    our.push(o);
    ratios.push(o / b);
    console.log(
      `round ${n}: queue library ${b.toFixed(0)} jobs/s, ours ${o.toFixed(0)} requests/s, ratio ${(o / b).toFixed(2)}`,
    );
  }
  console.log(`end to end: median ratio ${median(ratios).toFixed(2)} (rounds ${round(ratios)})`);

  await db.query('create table bench_insert (id uuid primary key default gen_random_uuid(), body text not null)');
  await worker.stop();
  const inserts: number[] = [];
  const submits: number[] = [];
  const body = JSON.stringify({ prompt: PROMPT, not_before: new Date(Date.now() + 86_400_000).toISOString() });
  const submit = { port: api.port, path: '/mcp/v1/request', body, connections: 1, seconds: 60, stream: false };
  for (let turn = 0; turn < 20; turn++) {
    for (let n = 0; n < 50; n++) {
      const began = performance.now();
      await db.query({ name: 'insert', text: 'insert into bench_insert (body) values ($1)', values: [body] });
      inserts.push(performance.now() - began);
    }
    submits.push((await load({ ...submit, most: 50 })).p50Ms);
  }
  console.log(
    `one at a time, in turns: submit p50 ${median(submits).toFixed(2)} ms, one insert and commit p50 ${median(inserts).toFixed(2)} ms, ratio ${(median(submits) / median(inserts)).toFixed(2)}`,
  );
  const accepted = await load({
    port: api.port,
    path: '/mcp/v1/request',
    body,
    connections: AT_ONCE,
    seconds: 5,
    stream: false,
  });
  console.log(
    `one API process: ${accepted.perSecond.toFixed(0)} accepted submits/s, ${accepted.failed} failed, p50 ${accepted.p50Ms.toFixed(1)} ms`,
  );
} finally {
  await db.end();
  await cluster.stop();
  await vendor.stop();
}
