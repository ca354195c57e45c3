/** What `goblin key` does is sealed as everything else, whether a server runs or not, and told to the sinks. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { AuditReport } from '../../src/ledger/audit-verify.ts';
import { type ClusterNode, SECRET, startNode } from '../support/cluster.ts';
import { eventually, makePlace, type Place, runGoblin, startServer } from '../support/server.ts';
import { startPostgres } from '../support/services.ts';
import { syslogTcp } from '../support/sinks.ts';
import { seedDatabase } from '../support/template.ts';

const closing: (() => unknown)[] = [];
after(async () => {
  for (const close of closing.reverse()) await close();
});

type Env = Record<string, string>;

/** Answers the id of the key. */
async function create(place: Place, env: Env): Promise<string> {
  const made = await runGoblin(['key', 'create', '--tenant', 'acme'], place, env);
  assert.equal(made.code, 0, made.stderr);
  return /key_\S+/.exec(made.stderr)?.[0] ?? '';
}

/** Within some seconds: events that nobody seals are a finding when they are two minutes old. */
async function allSealed(place: Place, env: Env): Promise<void> {
  const report = await eventually(async () => {
    const ran = await runGoblin(['verify-audit', '--json'], place, env);
    const seen = JSON.parse(ran.stdout) as AuditReport;
    return seen.open === 0 ? seen : null;
  }, 'all events to be sealed');
  assert.deepEqual(report.findings, []);
  assert.ok(report.events > 0);
}

test('a key that is made before the first start of an embedded server', async () => {
  const place = makePlace();
  await seedDatabase(place.dataDir);
  await create(place, {});
  const server = await startServer({ folder: place.folder });
  closing.push(() => server.stop());
  await allSealed(server, {});
});

test('keys over PostgreSQL: before the first start, and from a place that knows of no sink', async () => {
  const postgres = await startPostgres();
  closing.push(() => postgres.kill());
  const sink = await syslogTcp();
  const env = { DATABASE_URL: postgres.url, MCP_SECRET: SECRET };
  assert.equal((await runGoblin(['migrate'], makePlace(), env)).code, 0);
  await create(makePlace(), env);
  const settings = { simulator: true, audit: { stream: `syslog+tcp://127.0.0.1:${sink.port}` } };
  const node: ClusterNode = await startNode({ role: 'all', env, settings });
  closing.push(() => node.stop());
  await allSealed(node.place, env);
  const elsewhere = makePlace();
  const id = await create(elsewhere, env);
  assert.equal((await runGoblin(['key', 'revoke', id], elsewhere, env)).code, 0);
  await allSealed(node.place, env);
  await eventually(
    () => ['key.created', 'key.revoked'].every((type) => sink.messages.some((message) => message.type === type)),
    'the sink to be told of the key',
  );
});
