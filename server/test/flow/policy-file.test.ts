/** `policy_file`: found by its path from goblin.yaml, refused with file, line and column, read anew with each start. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { call, isProblem, post } from '../support/api.ts';
import { makePlace, type Place, runGoblin, startServer, tempFolder } from '../support/server.ts';
import { MODEL, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

/** Generous: the record is opened first, which takes its time on a busy machine. */
const START_MS = 120_000;

let vendor: Simulator;
before(async () => {
  vendor = await startSimulator({ key: OPENAI_KEY });
});
after(() => vendor.close());

function placed(cedar: string | null, name = 'rules/house.cedar'): Place {
  const folder = tempFolder();
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  if (cedar !== null) writeFileSync(file, cedar);
  return makePlace(
    { policy_file: name, policies: [{ id: 'first', cedar: 'permit (principal, action, resource);' }] },
    folder,
  );
}

const GOOD = '// é: two bytes\n@id("good")\npermit (principal, action, resource);\n\n';
const faults: [string, string | null, RegExp][] = [
  ['that is not there', null, /^goblin\.yaml: policy_file: \/.*rules\/house\.cedar cannot be read; name a file/],
  ['with a syntax error', `${GOOD}forbid (principal, action);`, /^\/.*rules\/house\.cedar:5:\d+: .*\.$/],
  [
    'with an attribute that there is not',
    `${GOOD}forbid (principal, action, resource)\n  when { context.houre == 1 };`,
    /^\/.*rules\/house\.cedar:6:10: .*`houre`.*did you mean `hour`\?\.$/,
  ],
  [
    'with an annotation that means nothing',
    `${GOOD}@reson("x") forbid (principal, action, resource);`,
    /house\.cedar:5:1: @reson means nothing/,
  ],
  ['without a policy', '// nothing', /house\.cedar: holds no policy\.$/],
];
for (const [name, cedar, expected] of faults) {
  test(`a file ${name} stops the start, and is named with its place`, async () => {
    const ran = await runGoblin(['start'], placed(cedar), openaiEnv(vendor), START_MS);
    assert.equal(ran.code, 1);
    const said = ran.stderr.trim().split('\n');
    assert.equal(said.length, 1, ran.stderr);
    assert.match(said[0] ?? '', expected);
  });
}

test('a fault of goblin.yaml itself is told of there', async () => {
  const place = makePlace({ policies: [{ id: 'a', cedar: 'permit (principal, action);' }] });
  const ran = await runGoblin(['start'], place, openaiEnv(vendor), START_MS);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^goblin\.yaml: policies\.0\.cedar: .* \(line 1, column \d+\)\.$/m);
});

test('the file holds from the start of a process on, and what it says now from the next start on', async () => {
  const forbids = '@reason("closed") forbid (principal, action, resource) when { context.data_class == "top" };';
  const place = placed(forbids);
  const settings = { policy_file: 'rules/house.cedar' };
  const server = await startServer({ folder: place.folder, settings, env: openaiEnv(vendor) });
  const ask = (to: { address: string }) =>
    post(to, '/mcp/v1/request', { prompt: 'hello', model: MODEL, labels: { data_class: 'top' } });
  const shown = await call<{ installation: { id: string }[] }>(server, '/mcp/v1/admin/policies');
  assert.deepEqual(
    shown.body.installation.map(({ id }) => id),
    ['house'],
  );
  isProblem(await ask(server), 403, 'policy_denied');
  writeFileSync(join(place.folder, 'rules/house.cedar'), GOOD);
  isProblem(await ask(server), 403, 'policy_denied');
  await server.stop();
  const again = await server.again();
  try {
    assert.equal((await ask(again)).status, 202);
  } finally {
    await again.stop();
  }
});
