/** Policies from the command line: what ships is used, dropped and taken back, and what they decided is explained. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { makeKey } from '../support/accounts.ts';
import { submit, view } from '../support/api.ts';
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
