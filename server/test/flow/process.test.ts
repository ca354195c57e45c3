/** The process: what stops its start in one sentence, and how it ends with work in hand. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPglite } from '../../src/drivers/pglite.ts';
import { secretIdOf } from '../../src/identity/ring.ts';
import { startSimulator } from '../../src/providers/simulator/index.ts';
import { call, result, submit } from '../support/api.ts';
import { eventually, makePlace, type Place, readNote, runGoblin, startServer, tempFolder } from '../support/server.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { MODEL, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

/** One sentence on stderr that says what is meant, nothing on stdout, exit 1. */
async function refuses(env: Record<string, string>, says: RegExp, place: Place = makePlace()): Promise<string> {
  const { code, stdout, stderr } = await runGoblin(['start'], place, env);
  assert.equal(code, 1, `exit ${code}: ${stdout}${stderr}`);
  assert.equal(stdout, '');
  assert.match(stderr, says);
  assert.equal(stderr.trim().split('\n').length, 1, `one sentence: ${stderr}`);
  assert.doesNotMatch(stderr, /\bat .*\.(ts|js):\d+|Error:/, 'no stack');
  return stderr;
}

test('wrong variables', { timeout: 120_000 }, async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORT: 'abc' }, /PORT/],
    [{ PORT: '70000' }, /PORT/],
    [{ MCP_AUTH: 'maybe' }, /MCP_AUTH.*(off|required)/],
    [{ HOST: '0.0.0.0', MCP_AUTH: 'off' }, /MCP_AUTH/],
    [{ MCP_SECRET: 'short' }, /MCP_SECRET/],
    [{ LOG_LEVEL: 'loud' }, /LOG_LEVEL/],
    [{ MCP_ORIGINS: 'example.com' }, /MCP_ORIGINS/],
    [{ MCP_TRUSTED_PROXIES: 'proxy.example.com' }, /MCP_TRUSTED_PROXIES has "proxy.example.com"/],
    [{ MCP_CONFIG: '/no/such/file.yaml' }, /MCP_CONFIG/],
    [{ HOST: 'no.such.host.invalid', MCP_AUTH: 'required' }, /HOST/],
    [{ OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: 'not a url' }, /OPENAI_BASE_URL/],
    [{ OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: 'ftp://x/v1' }, /OPENAI_BASE_URL/],
    [{ OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: 'http://u:hunter2@127.0.0.1/v1' }, /OPENAI_BASE_URL/],
    [{ OPENAI_API_KEY: 'sk with blanks' }, /OPENAI_API_KEY/],
  ];
  const said = await inTurns(cases, ([env, says]) => refuses(env, says));
  assert.ok(!said.join('').includes('hunter2'));
  assert.ok(!said.join('').includes('sk with blanks'));
});

test('wrong settings', { timeout: 60_000 }, async () => {
  const broken = makePlace();
  writeFileSync(broken.config, 'providers: [unclosed');
  const cases: [RegExp, Place][] = [
    [/goblin\.yaml.*colour/, makePlace({ colour: 'green' })],
    [/goblin\.yaml.*attempts/, makePlace({ attempts: 'many' })],
    [/heartbeat_ms/, makePlace({ clocks: { lease_ms: 1000, heartbeat_ms: 900 } })],
    [/base_url/, makePlace({ providers: { mine: {} } })],
    [/goblin\.yaml/, broken],
  ];
  await inTurns(cases, ([says, place]) => refuses({}, says, place));
});

/** Four at a time: each start costs most of a second of a processor. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let i = 0; i < items.length; i += 4) done.push(...(await Promise.all(items.slice(i, i + 4).map(work))));
  return done;
}

async function freePort(): Promise<{ port: number; release(): Promise<void> }> {
  const holder = net.createServer();
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  const { port } = holder.address() as net.AddressInfo;
  return { port, release: () => new Promise((resolve) => holder.close(() => resolve())) };
}

test('a taken port, and a base URL that leads back to ourselves', { timeout: 60_000 }, async () => {
  const { port, release } = await freePort();
  const place = makePlace();
  await refuses({ PORT: String(port) }, new RegExp(String(port)), place);
  await release();
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    await refuses(
      { PORT: String(port), OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: `http://${host}:${port}/v1` },
      /OPENAI_BASE_URL/,
      place,
    );
  }
  // A refused start leaves a folder that a good one can use.
  const server = await startServer({ folder: place.folder });
  assert.equal(await server.stop(), 0);
});

test('a folder that cannot be written', { timeout: 60_000, skip: process.getuid?.() === 0 }, async () => {
  const place = makePlace();
  mkdirSync(place.dataDir);
  chmodSync(place.dataDir, 0o500);
  await refuses({}, /MCP_DATA_DIR/, place);
  chmodSync(place.dataDir, 0o700);
});

test('a folder that is a file, a secret that is damaged', { timeout: 60_000 }, async () => {
  const file = join(tempFolder(), 'file');
  writeFileSync(file, 'x');
  await refuses({ MCP_DATA_DIR: file }, /MCP_DATA_DIR/);
  await refuses({ MCP_DATA_DIR: join(file, 'below') }, /MCP_DATA_DIR/);
  const place = makePlace();
  mkdirSync(place.dataDir);
  writeFileSync(join(place.dataDir, 'secret'), 'x');
  await refuses({}, /secret/, place);
});

test('a database that lost its secret, or is given another', { timeout: 90_000 }, async () => {
  const server = await startServer();
  await server.stop();
  const file = join(server.dataDir, 'secret');
  const secret = readFileSync(file, 'utf8').trim();
  rmSync(file);
  await refuses({}, /has a database, but no secret.*MCP_SECRET/, server);
  assert.ok(!existsSync(file), 'none is made in its place');
  const said = await refuses({ MCP_SECRET: 'w'.repeat(40) }, /sealed with another MCP_SECRET/, server);
  assert.ok(said.includes(secretIdOf(secret)));
  const again = await server.again({ env: { MCP_SECRET: secret } });
  assert.equal(await again.stop(), 0);
});

test('a locked folder names who has it; a killed server leaves no lock', { timeout: 90_000 }, async () => {
  const first = await startServer();
  const stderr = await refuses({}, /in use/, first);
  assert.ok(stderr.includes(first.address) && stderr.includes(String(first.pid)));
  assert.equal((await call(first, '/readyz')).status, 200, 'the first one is not disturbed');
  const note = readNote(first.dataDir);
  assert.equal(note?.address, first.address);
  assert.equal(statSync(join(first.dataDir, 'server.json')).mode & 0o777, 0o600);
  assert.equal(statSync(join(first.dataDir, 'secret')).mode & 0o777, 0o600);
  await first.kill();
  const second = await first.again();
  assert.equal(await second.stop(), 0);
  assert.ok(!existsSync(join(first.dataDir, 'server.json')), 'the note goes with the server');
});

test('a folder of a newer version', { timeout: 90_000 }, async () => {
  const server = await startServer();
  await server.stop();
  const sql = await openPglite(join(server.dataDir, 'db'));
  await sql.query("insert into mcp_migration (version, name, checksum) values (9999, '9999_future.sql', 'x')");
  await sql.close();
  await refuses({}, /newer version/, server);
  // One that says that it suits this build is no hindrance: an upgrade can be taken back.
  const again = await openPglite(join(server.dataDir, 'db'));
  await again.query('update mcp_migration set compatible_from = 2 where version = 9999');
  await again.close();
  const next = await server.again();
  assert.equal(await next.stop(), 0);
});

test('SIGTERM with work in hand: exit 0, and nothing is lost', { timeout: 120_000 }, async () => {
  const vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  const server = await startServer({ env: openaiEnv(vendor) });
  const short = await submit(server, { prompt: 'Short work. [[sim tokens=40 rate=40]]', model: MODEL });
  const long = await submit(server, { prompt: 'Long work. [[sim tokens=330 rate=27]]', model: MODEL });
  const queued = await submit(server, {
    prompt: 'Later work. [[sim tokens=3]]',
    model: MODEL,
    not_before: new Date(Date.now() + 4000).toISOString(),
  });
  const stream = await openSse(server, long.request_id);
  await stream.until((frame) => frame.type === 'text');
  const at = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - at < 25_000, 'it does not wait for ever');
  const seen = stream.frames;
  const next = await server.again();
  assert.equal((await result(next, short.request_id)).usage.output_tokens, 40);
  assert.equal((await result(next, queued.request_id)).status, 'succeeded');
  const rest = await readAll(openSse(next, long.request_id, { after: seen.length }));
  const whole = [...seen, ...rest];
  checkFrames(whole);
  assert.equal(textOf(whole), (await result(next, long.request_id)).text);
  assert.equal(await next.stop(), 0);
  await vendor.close();
});

test('without a vendor the simulator answers and says so; elsewhere it does not', { timeout: 90_000 }, async () => {
  const server = await startServer();
  await eventually(() => /simulator/i.test(server.stdout()), 'the word of the simulator');
  const { request_id: id } = await submit(server, { user_id: 'test', prompt: 'Hello MCP!', task_type: 'chat' });
  const done = await result(server, id);
  assert.equal(done.provider, 'simulator');
  assert.match(done.text, /simulator/i);
  assert.equal(done.cost_usd, 0);
  await server.stop();
});

test('with keys required and no vendor nothing is ready, and it says why', { timeout: 60_000 }, async () => {
  const place = makePlace();
  const running = runGoblin(['start'], place, { MCP_AUTH: 'required' }, 50_000);
  const note = await eventually(() => readNote(place.dataDir), 'the note', 30_000);
  const ready = await eventually(() => fetch(`${note.address}/readyz`).catch(() => null), 'an answer');
  const body = await ready.text();
  const answer = await call<{ code?: string }>(note, '/mcp/v1/request', {
    json: { prompt: 'x' },
    headers: { authorization: `Bearer ${note.token}` },
  });
  process.kill(note.pid, 'SIGTERM');
  assert.equal((await running).code, 0);
  assert.equal(ready.status, 503, body);
  assert.match(body, /provider/);
  assert.equal(answer.status, 503);
  assert.equal(answer.body.code, 'no_provider');
});
