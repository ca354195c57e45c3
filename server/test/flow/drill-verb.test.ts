/** How fire drills begin and end, and the verb that holds one. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call, isProblem, type Json } from '../support/api.ts';
import { bearer, type DrillGround, startDrillGround } from '../support/drill.ts';
import { eventually, runGoblin } from '../support/server.ts';
import { MODEL, startHouse } from '../support/vendors.ts';

let ground: DrillGround;
let server: DrillGround['server'];
let drilled: DrillGround['drilled'];
let calm: DrillGround['calm'];
let start: DrillGround['start'];
let end: DrillGround['end'];
let running: DrillGround['running'];
let chat: DrillGround['chat'];
let recorded: DrillGround['recorded'];

before(async () => {
  ground = await startDrillGround();
  ({ server, drilled, calm, start, end, running, chat, recorded } = ground);
});
after(() => ground.close());

test('it ends: by hand, by another one, and by itself', { timeout: 90_000 }, async () => {
  const one = await start({ fault: 'status-500', minutes: 5 });
  const two = await start({ fault: 'status-503', minutes: 5 });
  assert.deepEqual(
    (await running()).map(({ id }) => id),
    [two.body.id],
    'one for a key and a provider',
  );
  isProblem(await end(one.body.id), 404, 'not_found');
  assert.equal((await end(two.body.id)).body.id, two.body.id);
  isProblem(await end(two.body.id), 404, 'not_found');
  assert.deepEqual(await running(), []);
  const after = await recorded(drilled, await chat(drilled, 'After.'));
  assert.deepEqual(
    after.attempts.map(({ provider }) => provider),
    ['openai'],
  );

  const brief = await start({ fault: 'status-500', minutes: 0.1 });
  assert.ok(Date.parse(brief.body.until) - Date.now() <= 6000);
  assert.equal((await recorded(drilled, await chat(drilled, 'Brief.'))).attempts.length, 2);
  await eventually(async () => (await running()).length === 0, 'its end');
  assert.ok(Date.now() >= Date.parse(brief.body.until) - 50, 'not before its time');
  assert.equal((await recorded(drilled, await chat(drilled, 'Brief is over.'))).attempts.length, 1);
});

test('whoever begins one is told what is wrong', async () => {
  const cases: [Json, number, RegExp][] = [
    [{ fault: 'cut-afer-40' }, 400, /"cut-afer-40" is not a fault of drills at openai\. Did you mean "cut-after-N"/],
    [{ fault: 'crlf' }, 400, /There are html-200/],
    [{ fault: 'status-700' }, 400, /is not a fault/],
    [{ fault: 'status-500', provider: 'opnai' }, 404, /Did you mean "openai"\?/],
    [{ fault: 'status-500', key_id: 'key_nobody' }, 404, /no API key "key_nobody"/],
    [{ fault: 'status-500', key: 'gob_nobody' }, 400, /one of the two/],
    [{ fault: 'status-500', minutes: 2000 }, 400, /a day at most/],
    [{ fault: 'status-500', minutes: -1 }, 400, /minutes must be/],
  ];
  for (const [body, status, words] of cases) {
    const problem = isProblem(await start(body), status, status === 404 ? 'not_found' : 'invalid_request');
    assert.match(problem.detail, words, JSON.stringify(body));
  }
  const none = await call(server, '/mcp/v1/admin/drills', {
    json: { provider: 'openai', fault: 'status-500', key: 'gob_nobody' },
    headers: bearer(server.token),
  });
  assert.match(isProblem(none, 400, 'invalid_request').detail, /not known, or it was revoked/);
  // A key of a tenant may not.
  const forbidden = await call(server, '/mcp/v1/admin/drills', {
    json: { provider: 'openai', fault: 'status-500', key_id: calm.id },
    headers: bearer(drilled.key),
  });
  isProblem(forbidden, 403, 'forbidden');
});

test('goblin drill sends requests, says what came of them, and ends the drill', { timeout: 120_000 }, async () => {
  const args = ['drill', 'openai', '--key', drilled.key, '--model', 'duo', '--requests', '6'];
  const cut = await runGoblin([...args, '--fault', 'cut-after-20'], server, {}, 60_000);
  assert.equal(cut.code, 0, cut.stderr + cut.stdout);
  assert.match(cut.stdout, /6 of 6 requests, while openai had the fault cut-after-20/);
  assert.match(cut.stdout, /continued +6/);
  assert.match(cut.stdout, /p50 \d+\.\d\d s, p95 \d+\.\d\d s/);
  assert.match(cut.stdout, /cost +0\.\d+ USD/);
  assert.ok(!(cut.stdout + cut.stderr).includes(drilled.key), 'the key is not repeated');

  const saved = await runGoblin([...args, '--fault', 'status-500', '--json'], server, {}, 60_000);
  const report = JSON.parse(saved.stdout) as Record<string, number>;
  assert.deepEqual([report.saved, report.failed, report.cost_usd], [6, 0, 0]);

  const anew = await runGoblin([...args, '--fault', 'cut-after-20', '--detached', '--json'], server, {}, 60_000);
  assert.equal((JSON.parse(anew.stdout) as Record<string, number>).restarted, 6, anew.stdout);

  const lost = await runGoblin(
    ['drill', 'openai', '--key', drilled.key, '--model', MODEL, '--requests', '2', '--fault', 'status-400', '--json'],
    server,
    {},
    60_000,
  );
  assert.equal(lost.code, 1);
  const { failed, errors } = JSON.parse(lost.stdout) as { failed: number; errors: Json };
  assert.deepEqual([failed, errors], [2, { upstream_rejected: 2 }]);

  const past = await runGoblin(
    [
      'drill',
      'openai',
      '--key',
      drilled.key,
      '--model',
      'second/goblin-sim',
      '--requests',
      '1',
      '--fault',
      'status-500',
    ],
    server,
    {},
    60_000,
  );
  assert.match(past.stdout, /untouched +1/);
  assert.match(past.stdout, /No request went to openai: with --model/);
  const typo = await runGoblin([...args, '--fault', 'sttus-500'], server);
  assert.equal(typo.code, 1);
  assert.match(typo.stderr, /Did you mean "status-N"/);
  assert.deepEqual(await running(), [], 'no drill is left');
});

test('with auth off there is no key to limit it to', { timeout: 60_000 }, async () => {
  const house = await startHouse();
  try {
    const answer = await call(house.server, '/mcp/v1/admin/drills', {
      json: { provider: 'openai', fault: 'status-500', key_id: 'key_x' },
    });
    assert.match(
      isProblem(answer, 400, 'invalid_request').detail,
      /MCP_AUTH=off there are none: it would hit everybody/,
    );
  } finally {
    await house.close();
  }
});
