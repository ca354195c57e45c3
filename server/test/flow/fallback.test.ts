/** Two vendors: before the first visible part the next target takes over; after it the failover mode decides. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { outcome, result, submit, view } from '../support/api.ts';
import { checkFrames, openSse, readAll, textOf } from '../support/streams.ts';
import { callsWith, type House, startHouse, underNames } from '../support/vendors.ts';

/** Before anything is shown these send a request on; the code is what the first attempt died of. */
const BEFORE: Record<string, string> = {
  'status-401': 'upstream_unauthorized',
  'status-403': 'upstream_forbidden',
  'status-404': 'upstream_unknown_model',
  'status-408': 'upstream_timeout',
  'status-429': 'upstream_rate_limited',
  'status-500': 'upstream_unavailable',
  'status-503': 'upstream_overloaded',
  'status-529': 'upstream_overloaded',
  quota: 'upstream_quota',
  'retry-after-60': 'upstream_rate_limited',
  'context-too-long': 'upstream_context_too_long',
  'redirect-302': 'upstream_redirect',
  'html-200': 'upstream_protocol',
  'error-200': 'upstream_unavailable',
  'empty-200': 'upstream_truncated',
  'done-only': 'upstream_truncated',
  'no-headers': 'upstream_timeout',
  'no-first-token': 'upstream_timeout',
  comments: 'upstream_timeout',
  reset: 'upstream_unreachable',
};
const NEVER = ['status-400', 'status-413', 'status-422', 'content-filter'];
const AFTER = ['cut-after-8', 'end-after-8', 'error-after-8', 'stall-after-8', 'bad-json-after-8'];

/** A provider for each fault: what a refused key or a limit teaches of one must not keep the others' calls away. */
const nameOf = (fault: string): string => `first-${fault}`;
const FAULTS = [...Object.keys(BEFORE), ...NEVER, ...AFTER];

const aliases = Object.fromEntries(
  FAULTS.map((fault) => [`duo-${fault}`, [`${nameOf(fault)}/gpt-4o-mini?fault=${fault}`, 'second/goblin-sim']]),
);

let house: House;
let first: Simulator;
let second: Simulator;
before(async () => {
  [first, second] = await Promise.all([startSimulator({ journal: true }), startSimulator({ journal: true })]);
  const place = { base_url: second.url, models: ['goblin-sim'], free: true };
  house = await startHouse({
    settings: {
      providers: {
        ...underNames(first, FAULTS.map(nameOf)),
        second: place,
        gone: { base_url: 'http://127.0.0.1:9/v1', models: ['x'] },
      },
      aliases: { ...aliases, 'duo-gone': ['gone/x', 'second/goblin-sim'] },
      // Longer than a vendor of this busy process may stand still.
      clocks: { connect_ms: 4000, headers_ms: 4000, first_token_ms: 4000, idle_ms: 4000 },
    },
  });
});
after(async () => {
  await house.close();
  await Promise.all([first.close(), second.close()]);
});

test('before the first visible part the second target answers', { concurrency: 6 }, async (t) => {
  const cases = Object.entries(BEFORE).map(([fault, code]) =>
    t.test(fault, { timeout: 30_000 }, async () => {
      const { request_id: id } = await submit(house.server, { prompt: `Duo ${fault}.`, model: `duo-${fault}` });
      const frames = await readAll(openSse(house.server, id));
      checkFrames(frames);
      const done = await result(house.server, id);
      assert.equal(done.provider, 'second');
      assert.equal(done.model, 'goblin-sim');
      assert.equal(textOf(frames), done.text);
      assert.equal(frames.filter((frame) => frame.type === 'restart').length, 0, 'nothing to forget');
      const row = await view(house.server, id);
      assert.deepEqual(
        row.attempts.map((attempt) => [attempt.provider, attempt.status, attempt.error?.code ?? null]),
        [
          [nameOf(fault), 'failed', code],
          ['second', 'succeeded', null],
        ],
      );
      assert.ok(
        row.attempts.every((attempt) => attempt.reason.includes(`duo-${fault}`)),
        'each says why it stands there',
      );
      assert.equal(callsWith(first, `Duo ${fault}.`).length, 1);
      assert.equal(callsWith(second, `Duo ${fault}.`).length, 1);
    }),
  );
  await Promise.all(cases);
});

test('a vendor that is not there', { timeout: 20_000 }, async () => {
  const { request_id: id } = await submit(house.server, { prompt: 'Nobody home.', model: 'duo-gone' });
  assert.equal((await result(house.server, id)).provider, 'second');
  assert.equal((await view(house.server, id)).attempts[0]?.error?.code, 'upstream_unreachable');
});

test('what is wrong with the request itself goes nowhere else', { timeout: 20_000 }, async () => {
  for (const fault of NEVER) {
    const { request_id: id } = await submit(house.server, { prompt: `Never ${fault}.`, model: `duo-${fault}` });
    const answer = await outcome(house.server, id);
    assert.equal(answer.status, 409, fault);
    assert.equal(callsWith(second, `Never ${fault}.`).length, 0, fault);
    assert.equal((await view(house.server, id)).attempts.length, 1);
  }
});

test('after it, restart begins anew at the second target and says so', { concurrency: 5 }, async (t) => {
  const cases = AFTER.map((fault) =>
    t.test(fault, { timeout: 30_000 }, async () => {
      const { request_id: id } = await submit(house.server, { prompt: `Restart ${fault}.`, model: `duo-${fault}` });
      const frames = await readAll(openSse(house.server, id));
      checkFrames(frames);
      const restarts = frames.filter((frame) => frame.type === 'restart');
      assert.equal(restarts.length, 1);
      assert.equal(restarts[0]?.attempt, 2);
      assert.ok(
        frames.findIndex((frame) => frame.type === 'text') < frames.findIndex((frame) => frame.type === 'restart'),
      );
      const done = await result(house.server, id);
      assert.equal(done.provider, 'second');
      assert.equal(textOf(frames), done.text);
      assert.ok(done.text.startsWith('You wrote:'));
    }),
  );
  await Promise.all(cases);
});

test('after it, fail keeps the partial and ends', { timeout: 20_000 }, async () => {
  for (const failover of ['fail', 'continue']) {
    const { request_id: id } = await submit(house.server, {
      prompt: `Mode ${failover}.`,
      model: 'duo-cut-after-8',
      failover,
    });
    const frames = await readAll(openSse(house.server, id));
    const end = checkFrames(frames);
    assert.equal(end.status, 'failed', failover);
    const answer = await outcome(house.server, id);
    assert.equal(answer.status, 409);
    assert.equal(answer.body.code, 'upstream_truncated');
    assert.ok((answer.body.partial_text ?? '').startsWith('You wrote:'));
    assert.equal(textOf(frames), answer.body.partial_text);
    assert.equal(callsWith(second, `Mode ${failover}.`).length, 0, 'a second answer would be another one');
  }
});

test('a hint puts a provider first', { timeout: 20_000 }, async () => {
  const { request_id: id } = await submit(house.server, {
    prompt: 'Hinted.',
    model: 'duo-status-500',
    provider_hint: ['second'],
  });
  assert.equal((await result(house.server, id)).provider, 'second');
  assert.equal(callsWith(first, 'Hinted.').length, 0);
});
