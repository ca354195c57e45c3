import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDrills, type Drill, LONGEST_DRILL_MS } from '../../../src/execution/drills.ts';
import { makeHouse, settle } from './run-kit.ts';

function make() {
  const clock = { now: 1000 };
  return { clock, drills: createDrills(() => clock.now) };
}
const drill = (more: Partial<Drill> = {}): Omit<Drill, 'ended'> => ({
  id: 'd',
  provider: 'a',
  fault: 'status-500',
  key: 'k',
  at: 1000,
  until: 5000,
  by: 'operator',
  ...more,
});

test('for one key and one provider, until its time is over', () => {
  const { drills, clock } = make();
  assert.equal(drills.concerns('k'), false);
  drills.start(drill());
  assert.equal(drills.concerns('k'), true);
  assert.equal(drills.concerns('other'), false);
  assert.equal(drills.meets('k', 'a')?.fault.name, 'status-N');
  assert.equal(drills.meets('k', 'b'), null);
  assert.equal(drills.meets('other', 'a'), null);
  clock.now = 5000;
  assert.equal(drills.concerns('k'), false);
  assert.equal(drills.meets('k', 'a'), null);
  assert.deepEqual(drills.list(), []);
  assert.deepEqual(drills.export(), [], 'and is forgotten');
});

test('other processes hear of its beginning and its end, in any order', () => {
  const here = make();
  const there = make();
  here.drills.start(drill());
  const begun = here.drills.export();
  there.drills.import(begun);
  assert.ok(there.drills.meets('k', 'a'));
  assert.ok(here.drills.end('d'));
  assert.equal(here.drills.end('d'), null);
  there.drills.import(here.drills.export());
  assert.equal(there.drills.meets('k', 'a'), null);
  // A late message of the beginning does not wake it again, here or there.
  there.drills.import(begun);
  here.drills.import(begun);
  assert.equal(there.drills.meets('k', 'a'), null);
  assert.equal(here.drills.meets('k', 'a'), null);
  const third = make();
  third.drills.import(there.drills.export());
  third.drills.import(begun);
  assert.equal(third.drills.meets('k', 'a'), null);
});

test('a new one takes the place of the one before, also elsewhere', () => {
  const here = make();
  const there = make();
  here.drills.start(drill());
  there.drills.import(here.drills.export());
  here.drills.start(drill({ id: 'e', fault: 'reset' }));
  here.drills.start(drill({ id: 'f', key: 'other' }));
  there.drills.import(here.drills.export());
  for (const { drills } of [here, there]) {
    assert.deepEqual(
      drills.list().map(({ id }) => id),
      ['e', 'f'],
    );
    assert.equal(drills.meets('k', 'a')?.drill.id, 'e');
  }
});

test('what makes no sense is not taken over', () => {
  const { drills } = make();
  const good = { ...drill(), ended: false };
  const odd: unknown[] = [
    null,
    'x',
    {},
    { ...good, id: '' },
    { ...good, key: 7 },
    { ...good, fault: 'nonsense' },
    { ...good, until: 999 },
    { ...good, until: 1000 + LONGEST_DRILL_MS + 1 },
    { ...good, until: Number.NaN },
    { ...good, until: null },
    { ...good, provider: 'x'.repeat(201) },
    { ...good, ended: 'no' },
  ];
  drills.import(odd);
  for (const one of [undefined, null, 7, 'text', {}]) drills.import(one);
  assert.deepEqual(drills.export(), []);
  drills.import([...odd, good]);
  assert.equal(drills.list().length, 1);
  drills.import(Array.from({ length: 3000 }, (_, n) => ({ ...good, id: `d${n}` })));
  assert.ok(drills.export().length <= 1000, 'bounded');
});

test('a run under a drill: the provider is not called, nothing is learnt of it, others go on as ever', async () => {
  const { drills } = make();
  const now = createDrills();
  now.start(drill({ until: Date.now() + 60_000 }));
  assert.equal(drills.list().length, 0);
  const observed: string[] = [];
  const house = makeHouse({ more: { drills: now, observe: (start) => void observed.push(start.provider) } });
  const run = house.ask({ key: 'k' });
  const calm = house.ask({ key: 'other' });
  await settle();
  await settle();
  await settle();
  assert.deepEqual(
    house.calls.map(({ provider }) => provider),
    ['a', 'b'],
  );
  for (const call of house.calls) {
    call.say('fine');
    call.finish();
  }
  const [end, other] = await Promise.all([run.run.done, calm.run.done]);
  assert.deepEqual([end.state, end.last?.provider, end.last?.cache], ['succeeded', 'b', undefined]);
  assert.match(run.began[0]?.start.reason ?? '', /^first; fire drill: status-500$/);
  assert.equal(run.began[1]?.before?.costPico, 0);
  assert.deepEqual([other.last?.provider, other.last?.cache], ['a', 'miss']);
  assert.deepEqual(observed.sort(), ['a', 'b'], 'what the drill broke is in no statistics');
  for (const row of house.deps.health.rows(Date.now())) assert.equal(row.error_rate, 0, row.provider);
  assert.deepEqual(house.deps.health.rests(Date.now()), []);
});
