/** What a run makes of targets that were not well when it was planned, and when its caller is told to come back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Holding } from '../../../src/contract/entry.ts';
import type { RunPlan } from '../../../src/contract/record.ts';
import { createHealthBook, type HealthBook } from '../../../src/routing/book.ts';
import { until } from '../../support/patience.ts';
import { type House, makeHouse, settle } from './run-kit.ts';

const OUTCOME = { firstTokenMs: null, latencyMs: 5, tokens: null, outputTokens: null, streamed: true };
const target = (provider: string) => ({ provider, model: 'm', reason: provider });
const planOf = (targets: string[], unwell: string[]): RunPlan => ({
  targets: targets.map(target),
  unwell: unwell.map(target),
  dropped: [],
  conversation: null,
  seed: 1,
});

/** A house whose breakers open at the first failure, for `openMs`, without any jitter. */
function houseOf(openMs: number): House & { health: HealthBook } {
  const health = createHealthBook(
    {
      breaker: {
        consecutive: 1,
        rate: 1,
        minCalls: 99,
        windowMs: 60_000,
        openMs,
        maxOpenMs: openMs,
        slowMs: 0,
        probes: 1,
      },
      retryBudget: { ratio: 10, reserve: 1000 },
    },
    { process: 'test', random: () => 0 },
  );
  return { ...makeHouse({ cached: false, more: { health } }), health };
}

/** Its breaker opened so many milliseconds ago. */
const opened = (health: HealthBook, provider: string, agoMs: number): void =>
  health.observe({ provider, model: 'm', key: null }, { ...OUTCOME, code: 'upstream_unavailable' }, Date.now() - agoMs);

const asked = ({ calls }: House): string[] => calls.map(({ provider }) => provider);

test('while money is held for the probe nobody else takes it', async () => {
  const house = houseOf(1000);
  opened(house.health, 'a', 2000);
  const release: (() => void)[] = [];
  const cover = () =>
    new Promise<Holding>((resolve) => {
      release.push(() => resolve({ holds: [], written() {}, undo() {} }));
    });
  const seen = Array.from({ length: 5 }, () => house.ask({ cover }));
  await settle();
  for (const go of release) go();
  await settle();
  assert.deepEqual(asked(house).sort(), ['a', 'b', 'b', 'b', 'b']);
  for (const one of house.calls) {
    one.say('x');
    one.finish();
  }
  for (const one of seen) assert.equal((await one.run.done).state, 'succeeded');
});

test('a target that was left out is asked when it is well by the time the others have failed', async () => {
  const house = houseOf(300);
  opened(house.health, 'a', 200);
  const { run, began } = house.ask({ plan: planOf(['b'], ['a']) });
  await settle();
  assert.deepEqual(asked(house), ['b']);
  await wait(150);
  house.calls[0]?.refuse(500);
  await settle();
  assert.deepEqual(asked(house), ['b', 'a'], 'rather than the same once more');
  house.calls[1]?.say('yes');
  house.calls[1]?.finish();
  assert.equal((await run.done).state, 'succeeded');
  assert.equal(began.length, 2);
});

test('it is waited for, if that is not long and nothing else is left', async () => {
  const house = houseOf(2500);
  opened(house.health, 'a', 0);
  const { run } = house.ask({ plan: planOf(['b'], ['a']) });
  await settle();
  house.calls[0]?.refuse(403);
  await settle();
  assert.deepEqual(asked(house), ['b'], 'its time has not come');
  await until(() => house.calls.length === 2);
  assert.deepEqual(asked(house), ['b', 'a']);
  house.calls[1]?.say('yes');
  house.calls[1]?.finish();
  assert.equal((await run.done).state, 'succeeded');
});

test('one that was closed by hand is not waited for', async () => {
  const house = houseOf(400);
  house.health.force('a', 'm', 'open', null, 'alice', Date.now());
  const { run } = house.ask({ plan: planOf(['b'], ['a']) });
  await settle();
  house.calls[0]?.refuse(403);
  const end = await run.done;
  assert.deepEqual([end.state, end.error?.code, asked(house)], ['failed', 'upstream_forbidden', ['b']]);
});

test('who cannot be served is told when the first of all targets may be called again', async () => {
  const house = houseOf(60_000);
  opened(house.health, 'a', 0);
  opened(house.health, 'b', 25_000);
  const { run } = house.ask({ plan: planOf(['a'], ['b']) });
  await settle();
  house.calls[0]?.refuse(500);
  const end = await run.done;
  assert.equal(end.state, 'failed');
  // 90 % of a minute, of which 25 s are over.
  assert.ok(
    end.retryAfterMs !== null && end.retryAfterMs > 20_000 && end.retryAfterMs <= 29_000,
    `${end.retryAfterMs}`,
  );
});

test('where one may be called at once nothing longer is said', async () => {
  const house = makeHouse({ cached: false, more: { attemptCap: 1 } });
  const { run } = house.ask();
  await settle();
  house.calls[0]?.refuse(500);
  assert.equal((await run.done).retryAfterMs, null);
});

test('the only other one refuses the beginning: it is the failure of who broke off', async () => {
  const house = houseOf(60_000);
  const { run, notices, began } = house.ask();
  await settle();
  house.calls[0]?.say('Once upon', ' a time');
  house.calls[0]?.cut();
  await settle();
  assert.deepEqual(asked(house), ['a', 'b']);
  house.calls[1]?.refuse(400);
  const end = await run.done;
  assert.deepEqual([end.state, end.error?.code, end.text], ['failed', 'upstream_truncated', 'Once upon a time']);
  assert.equal(end.attempt?.error?.code, 'unsupported_by_target', 'the record of the attempt says what it was');
  assert.equal(notices.at(-1)?.code, 'cannot_continue');
  assert.equal(began.length, 2);
});
