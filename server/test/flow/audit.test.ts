/** The audit trail from outside: read, exported, verified, and the receipt of a request checked without a server. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { call, outcome, result, submit } from '../support/api.ts';
import { eventually, runGoblin, type Server, startServer, tempFolder } from '../support/server.ts';

let server: Server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const SCRIPT = fileURLToPath(new URL('../../scripts/verify-receipt.mjs', import.meta.url));
const folder = tempFolder();

interface Event {
  id: string;
  type: string;
  request_id: string | null;
  proof?: unknown;
}

async function receiptOf(id: string): Promise<string> {
  return await eventually(async () => {
    const answer = await call<{ events: Event[] }>(server, `/mcp/v1/request/${id}/receipt`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body.events.every(({ proof }) => proof !== null) ? answer.text : null;
  }, 'all events to be sealed');
}

const checked = (text: string, ...more: string[]) => {
  const file = join(folder, 'receipt.json');
  writeFileSync(file, text);
  return spawnSync(process.execPath, [SCRIPT, file, ...more], { encoding: 'utf8' });
};

test('a request has a receipt that can be checked without a server, and whatever is changed in it is found', async () => {
  const { request_id: id } = await submit(server, { prompt: 'A receipt, please.' });
  await result(server, id);
  const text = await receiptOf(id);
  const right = checked(text);
  assert.equal(right.status, 0, right.stdout + right.stderr);
  assert.match(right.stdout, /The receipt is right/);
  const receipt = JSON.parse(text) as { events: Event[]; public_keys: Record<string, string> };
  assert.deepEqual(
    receipt.events.map(({ type }) => type),
    ['request.queued', 'request.running', 'request.succeeded'],
  );
  assert.equal(checked(text.replace('"succeeded"', '"failed"')).status, 1);
  assert.equal(checked(text.replace(/"cost_usd":[^,}]+/, '"cost_usd":9')).status, 1);
  const other = join(folder, 'other.pem');
  execFileSync(process.execPath, [
    '-e',
    `const { publicKey } = require('crypto').generateKeyPairSync('ed25519'); require('fs').writeFileSync(${JSON.stringify(other)}, publicKey.export({ type: 'spki', format: 'pem' }))`,
  ]);
  assert.equal(checked(text, other).status, 1, 'the key of somebody else');
  const ours = join(folder, 'ours.pem');
  writeFileSync(ours, Object.values(receipt.public_keys)[0] as string);
  assert.equal(checked(text, ours).status, 0);
  const printed = await runGoblin(['verify-audit', '--public-key'], server);
  writeFileSync(ours, printed.stdout);
  assert.equal(checked(text, ours).status, 0, printed.stdout + printed.stderr);
  const empty = checked('{}', ours);
  assert.equal(empty.status, 1);
  assert.match(empty.stdout, /NOT right: this is no receipt: one is what goblin receipt prints\.$/m);
  writeFileSync(other, 'no key');
  const broken = checked(text, other);
  assert.equal(broken.status, 2);
  assert.match(broken.stderr, /other\.pem cannot be read as a public key; it takes PEM/);
  assert.match(checked(text, ours, other).stderr, /other\.pem/);
  const help = spawnSync(process.execPath, [SCRIPT, '--help'], { encoding: 'utf8' });
  assert.deepEqual([help.status, help.stdout.startsWith('usage: ')], [0, true]);
});

test('there is no receipt of what runs, of what is not there, or of what is no id', async () => {
  const { request_id: id } = await submit(server, { prompt: 'Slow. [[sim tokens=200 rate=20]]' });
  const early = await call<{ code: string }>(server, `/mcp/v1/request/${id}/receipt`);
  assert.deepEqual([early.status, early.body.code], [409, 'not_finished']);
  assert.equal((await call(server, '/mcp/v1/request/0199c2f4-5a7e-7c1e-9a53-3f1f2b6d8e01/receipt')).status, 404);
  assert.equal((await call(server, '/mcp/v1/request/none/receipt')).status, 404);
  await call(server, `/mcp/v1/cancel/${id}`, { method: 'POST' });
  // What comes of it is written before the next test reads the trail page by page.
  await outcome(server, id);
});

test('the trail is read by filters and pages, and exported', async () => {
  const ids = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const { request_id: id } = await submit(server, { prompt: 'One of five' });
      await result(server, id);
      return id;
    }),
  );
  type Page = { items: Event[]; next: string | null };
  const read = async (query: string) => (await call<Page>(server, `/mcp/v1/admin/audit?${query}`)).body;
  const mine = await read(`request_id=${ids[0]}`);
  assert.deepEqual(mine.items.map(({ type }) => type).sort(), [
    'request.queued',
    'request.running',
    'request.succeeded',
  ]);
  const all: Event[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const page: Page = await read(`type=request.*&limit=7${next === '' ? '' : `&after=${next}`}`);
    all.push(...page.items);
    next = page.next;
  }
  assert.ok(all.length >= 15);
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  const exported = await call(server, '/mcp/v1/admin/audit?type=request.*&format=ndjson');
  assert.match(exported.headers.get('content-type') ?? '', /ndjson/);
  const lines = exported.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  assert.deepEqual(
    lines.map(({ id }) => id),
    all.map(({ id }) => id),
  );
  for (const query of [
    'limit=0',
    'from=yesterday',
    'from=2026-02-30',
    'to=2026-02-30T12:00:00Z',
    'to=0000-01-01',
    'request_id=x',
    'after=-1',
    'color=red',
    'format=xml',
    'type=nope',
    'type=nope.*',
  ]) {
    assert.equal((await call(server, `/mcp/v1/admin/audit?${query}`)).status, 400, query);
  }
});

test('goblin verify-audit says that nothing was changed, keeps heads, and finds them gone', async () => {
  const run = (...args: string[]) => runGoblin(['verify-audit', ...args], server);
  const heads = join(folder, 'heads.json');
  const first = await run('--heads', heads);
  assert.equal(first.code, 0, first.stdout + first.stderr);
  assert.match(first.stdout, /The trail is as it was written/);
  assert.equal((await run('--since', heads)).code, 0);
  const kept = JSON.parse(readFileSync(heads, 'utf8')) as Record<string, { seq: number }>;
  for (const head of Object.values(kept)) head.seq += 1_000_000;
  writeFileSync(heads, JSON.stringify(kept));
  const later = await run('--since', heads);
  assert.equal(later.code, 1);
  assert.match(later.stdout, /not there any more/);
});
