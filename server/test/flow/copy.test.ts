/** `goblin copy`: there and back again over a real PostgreSQL, and what it refuses. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Sql } from '../../src/contract/ports.ts';
import { openPglite } from '../../src/drivers/pglite.ts';
import { openPostgres } from '../../src/drivers/postgres.ts';
import { call, type RequestView, result, submit, view } from '../support/api.ts';
import { makePlace, type Place, type Ran, runGoblin, type Server, startServer, tempFolder } from '../support/server.ts';
import { startPostgres } from '../support/services.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';

/** Everything that could make the text of a value another one. */
const postgres = await startPostgres({ settings: { timezone: 'Asia/Kolkata', datestyle: 'SQL, DMY' } });
after(() => postgres.stop());

const place = makePlace();
const goblin = (args: string[], env: Record<string, string> = {}): Promise<Ran> => runGoblin(args, place, env, 120_000);

/** One sentence on stderr, nothing on stdout, exit 1, and no password. */
function refused(ran: Ran, says: RegExp): void {
  assert.equal(ran.code, 1, ran.stdout + ran.stderr);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, says);
  assert.equal(ran.stderr.trim().split('\n').length, 1, `one sentence: ${ran.stderr}`);
  assert.doesNotMatch(ran.stderr, /goblin-test|\bat .*\.(ts|js):\d+|Error:/);
}

/** All rows of all tables but those of the place, as PostgreSQL writes them; knows nothing of how a copy is made. */
async function dump(sql: Sql): Promise<Record<string, string[]>> {
  return await sql.transaction(async (tx) => {
    await tx.query("set local timezone = 'UTC'");
    await tx.query("set local datestyle = 'ISO, YMD'");
    const tables = await tx.query<{ name: string }>(
      `select relname as name from pg_class where relkind in ('r', 'p') and not relispartition and relname like 'mcp\\_%'
       and relname not in ('mcp_process', 'mcp_migration') order by 1`,
    );
    const all: Record<string, string[]> = {};
    for (const { name } of tables) {
      const [row] = await tx.query<{ all: string | null }>(
        `select json_agg(t::text order by t::text collate "C")::text as all from ${name} t`,
      );
      all[name] = JSON.parse(row?.all ?? '[]') as string[];
    }
    return all;
  });
}

async function dumpFolder(dataDir: string): Promise<Record<string, string[]>> {
  const sql = await openPglite(join(dataDir, 'db'));
  const all = await dump(sql);
  await sql.close();
  return all;
}

async function dumpUrl(url: string): Promise<Record<string, string[]>> {
  const sql = await openPostgres({ url, size: 2, application: 'test', retryMs: 5_000 });
  const all = await dump(sql);
  await sql.close();
  return all;
}

/** What no careless way of copying leaves as it is. */
async function addOddities(dataDir: string): Promise<void> {
  const sql = await openPglite(join(dataDir, 'db'));
  const id = '0190a5d4-8c00-7000-8000-000000000001';
  const day = '2024-07-11';
  await sql.query('select mcp_make_partition($1::date)', [day]);
  await sql.query(
    `insert into mcp_request (id, day, tenant, kind, mode, state, priority, task_type, user_hash, user_key, queue_rank, failover,
       created_at, estimate_pico, cost_pico, plan, labels, error)
     values ($1, $2::date, 'local', 'answer', 'detached', 'succeeded', 9, 'chat', decode('00ff00112233445566778899aabbccdd', 'hex'), 'k',
       '2024-07-11 23:59:59.999999+05:30', 'fail', '2024-07-11 00:00:00.000001Z', 9007199254740993, -9223372036854775808,
       '{"b": 1, "a": [1.10, 1e400, null]}', '{"x": "ü\\n\\"\\\\"}', 'null')`,
    [id, day],
  );
  await sql.query(
    `insert into mcp_result (request_id, day, tenant, text, message, provider, model, usage, latency_ms, citations)
     values ($1, $2::date, 'local', $3, '{ "a" : "\\u0000 \\ud800",  "a": 1.0 }', 'p', 'm', '{}', 0, 'null')`,
    [id, day, 'ü \u0001 "\\ \u2028 \ufffd \u{1f600}\r\n\t'],
  );
  await sql.query("insert into mcp_body (request_id, day, encoding, data) values ($1, $2::date, 'x', $3)", [
    id,
    day,
    Buffer.from(Array.from({ length: 3_000_000 }, (_, n) => (n * 7919) & 255)),
  ]);
  await sql.query(
    `insert into mcp_piece (tenant, hash, day, encoding, data)
     select 't' || n % 7, decode(md5(n::text), 'hex'), $1::date, 'json', decode(repeat(md5(n::text), n % 200), 'hex') from generate_series(1, 2500) n`,
    [day],
  );
  await sql.query(
    `insert into mcp_frame (request_id, seq, day, epoch, type, data)
     select $1::uuid, n, $2::date, 1, 'text', ('{"seq":' || n || ',  "text":"\\u0000"}')::json from generate_series(1, 1001) n`,
    [id, day],
  );
  await sql.query(
    `insert into mcp_idempotency (tenant, key, body_hash, request_id, expires_at)
     select 'Ä' || chr(65 + n % 26) || n, E'k \\t' || n, '\\x', $1::uuid, now() from generate_series(1, 1200) n`,
    [id],
  );
  await sql.query(
    "insert into mcp_event (tenant, type, payload) select 'local', 'test', to_jsonb(n) from generate_series(1, 50) n",
  );
  await sql.query("delete from mcp_event where type = 'test' and payload = '50'");
  await sql.close();
}

interface Seen {
  id: string;
  text: string;
  frames: string;
  view: RequestView;
}

async function see(server: Server, id: string, headers: Record<string, string> = {}): Promise<Seen> {
  const frames = await readAll(openSse(server, id, { headers }));
  checkFrames(frames);
  const { text } = await result(server, id, headers);
  assert.equal(textOf(frames), text);
  return { id, text, frames: JSON.stringify(frames), view: await view(server, id, headers) };
}

test('there and back again', { timeout: 300_000 }, async () => {
  const first = await startServer({ folder: place.folder });
  const ids: string[] = [];
  for (let n = 0; n < 12; n++) {
    const messages = [
      { role: 'system', content: `Be brief. ${'You know the house. '.repeat(60)}` },
      { role: 'user', content: `Turn ${n} [[sim tokens=12 rate=2000]]` },
    ];
    ids.push((await submit(first, { messages }, { 'Idempotency-Key': `copy-${n}` })).request_id);
  }
  const old: Seen[] = [];
  for (const id of ids) old.push(await see(first, id));
  const made = await goblin(['key', 'create', '--tenant', 'local']);
  assert.equal(made.code, 0, made.stderr);
  const key = made.stdout.trim();

  refused(await goblin(['copy', '--from', first.dataDir, '--to', postgres.url]), /in use/);
  assert.equal(await first.stop(), 0);
  await addOddities(first.dataDir);
  const before = await dumpFolder(first.dataDir);
  assert.ok(['mcp_body', 'mcp_piece', 'mcp_key', 'mcp_attempt'].every((name) => (before[name]?.length ?? 0) > 0));

  const there = await goblin(['copy', '--from', first.dataDir, '--to', postgres.url]);
  assert.equal(there.code, 0, there.stderr);
  assert.match(there.stdout, /mcp_frame +\d{4}\n/);
  assert.match(there.stdout, /MCP_SECRET.*data\/secret/);
  assert.ok(!`${there.stdout}${there.stderr}`.includes('goblin-test'), 'no password');
  assert.deepEqual(await dumpUrl(postgres.url), before);
  refused(await goblin(['copy', '--from', first.dataDir, '--to', postgres.url]), /holds data already/);
  refused(await goblin(['copy', '--from', first.dataDir, '--to', postgres.url, '--again']), /holds data already/);

  const secret = readFileSync(join(first.dataDir, 'secret'), 'utf8').trim();
  const copied = join(tempFolder(), 'data');
  refused(await goblin(['copy', '--from', postgres.url, '--to', copied]), /MCP_SECRET/);
  assert.ok(!existsSync(copied), 'nothing is made by a copy that is refused');
  const back = await goblin(['copy', '--from', postgres.url, '--to', copied], { MCP_SECRET: secret });
  assert.equal(back.code, 0, back.stderr);
  assert.deepEqual(await dumpFolder(copied), before);
  assert.equal(readFileSync(join(copied, 'secret'), 'utf8').trim(), secret);
  assert.equal(statSync(join(copied, 'secret')).mode & 0o777, 0o600);

  const second = await startServer({ env: { MCP_DATA_DIR: copied }, folder: join(copied, '..') });
  for (const seen of old) assert.deepEqual(await see(second, seen.id), seen);
  // Numbers of events go on above those that came along, and a key that was used stays used.
  const fresh = await submit(second, { prompt: 'New [[sim tokens=3]]' });
  await see(second, fresh.request_id);
  const again = await call(second, '/mcp/v1/request', {
    json: { messages: [{ role: 'user', content: 'other' }] },
    headers: { 'Idempotency-Key': 'copy-0' },
  });
  assert.equal(again.status, 422);
  assert.equal(await second.stop(), 0);

  // On the database itself, with the key that was made in the folder.
  const third = await startServer({
    env: { DATABASE_URL: postgres.url, MCP_SECRET: secret },
    settings: { simulator: true },
  });
  const headers = { authorization: `Bearer ${key}` };
  for (const seen of old.slice(0, 3)) assert.deepEqual(await see(third, seen.id, headers), seen);
  refused(
    await goblin(['copy', '--from', postgres.url, '--to', join(tempFolder(), 'data')], { MCP_SECRET: secret }),
    /in use/,
  );
  assert.equal(await third.stop(), 0);
});

test('a copy that was interrupted is made again', { timeout: 120_000 }, async () => {
  const url = await postgres.database('half');
  const server = await startServer();
  await see(server, (await submit(server, { prompt: 'Hello [[sim tokens=3]]' })).request_id);
  assert.equal(await server.stop(), 0);
  const from = (place: Place) => ['copy', '--from', place.dataDir, '--to', url];
  assert.equal((await goblin(from(server))).code, 0);
  // As a kill would leave it: some tables are there, the mark too.
  const sql = await openPostgres({ url, size: 2, application: 'test', retryMs: 5_000 });
  await sql.script('truncate mcp_event, mcp_frame; create table mcp_copy (begun_at timestamptz)');
  await sql.close();
  refused(await goblin(from(server)), /--again/);
  const again = await goblin([...from(server), '--again']);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(await dumpUrl(url), await dumpFolder(server.dataDir));
});

test('what cannot be copied is said in one sentence', { timeout: 120_000 }, async () => {
  const empty = tempFolder();
  mkdirSync(join(empty, 'data'));
  const wrong = postgres.url.replace('goblin-test', 'hunter2');
  const cases: [string[], RegExp][] = [
    [['--to', postgres.url], /--from/],
    [['--from', empty], /--to/],
    [['--from', empty, '--to', empty], /same place/],
    [['--from', 'mysql://u:goblin-test@h/d', '--to', empty], /--from.*postgres:/],
    [['--from', join(empty, 'data'), '--to', postgres.url], /no data in/],
    [['--from', postgres.url.replace(/\d+\/goblin$/, '1/goblin'), '--to', join(empty, 'new')], /--from/],
    [['--from', wrong, '--to', join(empty, 'new')], /--from/],
    [['--from', await postgres.database('bare'), '--to', join(empty, 'new')], /not on the schema/],
  ];
  for (const [args, says] of cases) {
    const ran = await goblin(['copy', ...args], { MCP_SECRET: 'x'.repeat(40) });
    refused(ran, says);
    assert.ok(!ran.stderr.includes('hunter2'));
  }
  assert.ok(!existsSync(join(empty, 'new')));
});
