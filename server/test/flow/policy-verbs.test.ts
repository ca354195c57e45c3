/** Policies from the command line: what ships is used, dropped and taken back, and what they decided is explained. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { bearer, makeKey } from '../support/accounts.ts';
import { call, isProblem, submit, view } from '../support/api.ts';
import { eventually, runGoblin, type Server, startServer, tempFolder } from '../support/server.ts';
import { OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

let vendor: Simulator;
let server: Server;
before(async () => {
  vendor = await startSimulator({ key: OPENAI_KEY });
  server = await startServer({ env: { ...openaiEnv(vendor), MCP_AUTH: 'required' } });
});
after(async () => {
  await server?.stop();
  await vendor?.close();
});

/** Answers the folder. */
function withFile(name: string, text: string): string {
  const folder = tempFolder();
  writeFileSync(join(folder, name), text);
  return folder;
}

const ALLOWS = '@reason("all is well") permit (principal, action, resource);';

test('goblin explain shows it', async () => {
  const operators = await startServer({
    env: openaiEnv(vendor),
    settings: {
      policy_file: 'house.cedar',
      policies: [{ id: 'allows', cedar: ALLOWS }],
    },
    folder: withFile('house.cedar', '@require("redaction") permit (principal, action, resource);'),
  });
  try {
    const { request_id: id } = await submit(operators, { prompt: 'explain me', model: 'openai/gpt-4o-mini' });
    await eventually(async () => (await view(operators, id)).status === 'succeeded', 'the end');
    const explained = await runGoblin(['explain', id], operators);
    assert.equal(explained.code, 0, explained.stderr);
    assert.match(
      explained.stdout,
      /^Policies: goblin\.yaml [0-9a-f]{8}; decided by allows, house; what the scanner finds is replaced; because: all is well$/m,
    );
  } finally {
    await operators.stop();
  }
});

test('goblin policy: what ships is used, dropped and taken back', async () => {
  const run = (...words: string[]) => runGoblin(['policy', ...words, '--tenant', 'verbs'], server);
  await makeKey(server, { tenant: 'verbs', role: 'member' });
  const list = await runGoblin(['policy', 'ready'], server);
  assert.match(list.stdout, /^price-ceiling +What is expected to cost more than half a dollar/m);
  const print = await runGoblin(['policy', 'ready', 'price-ceiling'], server);
  assert.match(print.stdout, /lessThanOrEqual/);
  assert.equal((await runGoblin(['policy', 'ready', 'price-celing'], server)).code, 1);
  assert.match((await run('use', 'price-ceiling')).stderr, /version 1 now/);
  assert.match((await run('use', 'no-raw-calls')).stderr, /version 2 now/);
  assert.match((await run('show')).stdout, /price-ceiling[\s\S]*no-raw-calls/);
  assert.match((await run('drop', 'price-ceiling')).stderr, /version 3 now/);
  const gone = await run('drop', 'price-ceiling');
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /there are no-raw-calls/);
  assert.match((await run('back', '1')).stderr, /version 4 now/);
  const now = await run('show');
  assert.match(now.stdout, /price-ceiling/);
  assert.doesNotMatch(now.stdout, /no-raw-calls/);
  assert.match((await run('show', '--version', '2')).stdout, /no-raw-calls/);
  assert.equal((await run('back', '9')).code, 1);
  const file = withFile('mine.cedar', ALLOWS);
  const late = await run('set', `${file}/mine.cedar`, '--version', '2');
  assert.equal(late.code, 1);
  assert.match(late.stderr, /changed in the meantime \(they are at version 4\)/);
  assert.match((await run('set', `${file}/mine.cedar`, '--version', '4')).stderr, /version 5 now/);
});

test('where keys are asked for, whose policies and rules it is must be said', async () => {
  const env = { MCP_AUTH: 'required' };
  const folder = withFile('mine.cedar', ALLOWS);
  writeFileSync(join(folder, 'rules.yaml'), 'rules: []');
  for (const words of [
    ['policy', 'set', `${folder}/mine.cedar`],
    ['policy', 'use', 'price-ceiling'],
    ['policy', 'drop', 'price-ceiling'],
    ['policy', 'back', '1'],
    ['policy', 'show'],
    ['policy', 'test'],
    ['rules', 'set', `${folder}/rules.yaml`],
    ['rules', 'show'],
    ['rules', 'list'],
    ['user', 'erase', 'ann@example.com'],
  ]) {
    const refused = await runGoblin(words, server, env);
    assert.equal(refused.code, 1, words.join(' '));
    const [verb, action] = words;
    const said = `goblin ${verb} ${action}: say whose, e.g. goblin ${verb} ${action} --tenant acme`;
    assert.equal(refused.stderr.trim(), said);
  }
  for (const tenant of ['local', 'acmee']) {
    const unknown = await runGoblin(['policy', 'use', 'price-ceiling', '--tenant', tenant], server, env);
    assert.deepEqual([unknown.code, /no such tenant/.test(unknown.stderr)], [1, true], unknown.stderr);
  }
  const headers = bearer(server.token);
  const asked = [
    ['PUT', 'policies', { policies: [] }],
    ['POST', 'policies/test', { since_ms: 60_000 }],
    ['GET', 'policies', undefined],
    ['PUT', 'secret-rules', { rules: [] }],
    ['GET', 'secret-rules', undefined],
    ['POST', 'budgets', { scope: 'tenant', period: 'day', hard_usd: 1 }],
  ] as const;
  for (const [method, path, json] of asked) {
    const answer = await call(server, `/mcp/v1/admin/${path}`, { method, json, headers });
    assert.equal(isProblem(answer, 400, 'invalid_request').errors?.[0]?.path, 'tenant', path);
  }
  isProblem(await call(server, '/mcp/v1/keys', { method: 'POST', json: {}, headers }), 400, 'invalid_request');
  const { body } = await call<{ items: { id: string }[] }>(server, '/mcp/v1/tenants', { headers });
  assert.deepEqual(
    body.items.filter(({ id }) => id === 'local' || id === 'acmee'),
    [],
  );
});

test('with authentication off there is one tenant, which need not be said', async () => {
  const open = await startServer();
  try {
    const used = await runGoblin(['policy', 'use', 'price-ceiling'], open);
    assert.equal(used.code, 0, used.stderr);
    assert.match(used.stderr, /The policies of local are version 1 now/);
    assert.match((await runGoblin(['rules', 'show'], open)).stderr, /local has set nothing/);
  } finally {
    await open.stop();
  }
});
