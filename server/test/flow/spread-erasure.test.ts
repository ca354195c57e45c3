/** Erasure over many processes: by any of them, also when it dies in the midst of it, and nothing is left in Redis or in PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { call, type Json, outcome, result, submit } from '../support/api.ts';
import { type ClusterNode, type Fleet, SECRET, startFleet } from '../support/cluster.ts';
import { eventually, runGoblin } from '../support/server.ts';
import { MODEL } from '../support/vendors.ts';

let fleet: Fleet;
let here: ClusterNode;
let there: ClusterNode;
before(async () => {
  fleet = await startFleet({ settings: { cache: { enabled: true } } });
  [here, there] = await Promise.all([fleet.start('api'), fleet.start('api'), fleet.start('worker')]);
});
after(() => fleet.close());

const CANARY = 'canary-51c9';

/** All rows, and everything in Redis. */
async function everything(): Promise<string> {
  const tables = await fleet.sql<{ name: string }>(
    "select c.relname as name from pg_class c where c.relkind in ('r', 'p') and not c.relispartition and c.relname like 'mcp\\_%'",
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    for (const { row } of await fleet.sql<{ row: string }>(`select t::text as row from ${name} t`)) texts.push(row);
  }
  for (const name of ['mcp_body', 'mcp_piece']) {
    for (const { encoding, data } of await fleet.sql<{ encoding: string; data: Buffer }>(
      `select encoding, data from ${name}`,
    )) {
      const content = data.subarray(encoding.startsWith('pieces+') ? 4 + 16 * data.readUInt32LE(0) : 0);
      texts.push(encoding.endsWith('deflate') ? inflateRawSync(content).toString() : content.toString());
    }
  }
  return texts.join('\n');
}

const framesOf = (id: string): boolean => fleet.redis.cli('--scan', '--pattern', `*frames:${id}`).trim() !== '';

const long = (text: string) => `${text} ${'and so on '.repeat(60)}`;

async function ask(node: ClusterNode, user_id: string, text: string): Promise<string> {
  const made = await submit(node, {
    model: MODEL,
    user_id,
    messages: [
      { role: 'user', content: long(`${text} first`) },
      { role: 'assistant', content: long(`${text} answer`) },
      { role: 'user', content: 'Go on.' },
    ],
    metadata: { note: text },
  });
  await result(node, made.request_id);
  return made.request_id;
}

test('what a user asked anywhere is gone everywhere; what others asked is not', async () => {
  const mine = [await ask(here, 'ada', CANARY), await ask(there, 'ada', `${CANARY} there`)];
  const bobs = await ask(there, 'bob', 'something else');
  const chat = (node: ClusterNode) =>
    call<Json>(node, '/v1/chat/completions', {
      json: { model: MODEL, messages: [{ role: 'user', content: `${CANARY} cached` }] },
      headers: { 'x-mcp-user': 'ada' },
    });
  await chat(there);
  assert.equal((await chat(there)).headers.get('x-mcp-cache'), 'hit');
  assert.ok((await everything()).includes(CANARY));
  await eventually(() => mine.some(framesOf), 'frames lie in Redis');
  // What the doors have answered is written behind it.
  await eventually(
    async () => (await fleet.sql(`select 1 from mcp_request where state = 'succeeded'`)).length === 5,
    'the end of all five',
  );
  const [before] = await fleet.sql('select sum(cost_pico)::text as cost, count(*)::int as n from mcp_request');

  const ran = await runGoblin(
    ['user', 'erase', 'ada'],
    here.place,
    { MCP_AUTH: 'off', MCP_SECRET: SECRET, ...fleet.env },
    60_000,
  );
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /Erased: 4 requests/);
  assert.ok(!(await everything()).includes(CANARY));
  await eventually(() => !mine.some(framesOf), 'Redis has let go');
  assert.notEqual((await chat(there)).headers.get('x-mcp-cache'), 'hit', 'the other process remembers nothing');
  for (const id of mine) assert.equal((await outcome(there, id)).status, 410);
  assert.match((await call(there, `/mcp/v1/request/${bobs}/content`)).text, /something else/);
  const [now] = await fleet.sql(
    'select sum(cost_pico)::text as cost, count(*)::int as n from mcp_request where created_at <= (select max(created_at) from mcp_erasure)',
  );
  assert.deepEqual(now, before);
  const verified = await runGoblin(['verify-audit'], here.place, { MCP_AUTH: 'off', MCP_SECRET: SECRET, ...fleet.env });
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('an erasure whose process dies is gone on with by another one', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push(await ask(there, 'eve', `${CANARY} eve ${n}`));
  const order = await call<{ links: { self: string } }>(here, '/mcp/v1/users/eve/data', { method: 'DELETE' });
  assert.equal(order.status, 202, order.text);
  await here.kill();
  await eventually(
    async () => (await call<Json>(there, order.body.links.self)).body.status === 'done',
    'another process to finish it',
    60_000,
  );
  for (const id of ids) assert.equal((await outcome(there, id)).status, 410);
  assert.ok(!(await everything()).includes(`${CANARY} eve`));
});
