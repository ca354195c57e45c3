/** What was spent, for policies that look: asked rarely, known before anybody is let in, and unknown is no nothing. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { createSpending, type SpentByKey } from '../../../../src/guard/policy/spending.ts';

const NOON = Date.UTC(2026, 4, 20, 12);
let at = NOON;
let clock = 0;
let fails = false;
let asked: [string, string, string][] = [];
let rows: (from: number) => SpentByKey = () => [];

beforeEach(() => {
  at = NOON;
  clock = 1_000_000;
  fails = false;
  asked = [];
  mock.method(performance, 'now', () => clock);
});
afterEach(() => mock.restoreAll());

const text = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : 'ever');
const spending = () =>
  createSpending({
    async read(tenant, from, until) {
      asked.push([tenant, text(from), text(until)]);
      if (fails) throw new Error('away');
      return rows(from);
    },
    now: () => at,
    telemetry: { log() {} },
  });
const pass = (ms: number): void => {
  clock += ms;
  at += ms;
};

test('the day and the month of tenant and key, in two parts', async () => {
  rows = (from) =>
    text(from) === '2026-05-20'
      ? [
          { key: 'a', pico: 1 },
          { key: null, pico: 10 },
        ]
      : [
          { key: 'a', pico: 100 },
          { key: 'b', pico: 1000 },
        ];
  const of = spending();
  assert.throws(() => of.of('acme', 'a'), GoblinError);
  await of.ready('acme');
  assert.deepEqual(asked.sort(), [
    ['acme', '2026-05-01', '2026-05-20'],
    ['acme', '2026-05-20', 'ever'],
  ]);
  assert.deepEqual(of.of('acme', 'a'), { day: 11, month: 1111, key: { day: 1, month: 101 } });
  assert.deepEqual(of.of('acme', 'b'), { day: 11, month: 1111, key: { day: 0, month: 1000 } });
  assert.deepEqual(of.of('acme', null), { day: 11, month: 1111 });
  assert.throws(() => of.of('other', 'a'), GoblinError);
});

test('fresh figures are used, older ones read beside the request, old ones before it', async () => {
  rows = () => [{ key: 'a', pico: asked.length }];
  const of = spending();
  await of.ready('acme');
  asked = [];
  pass(4000);
  assert.equal(of.ready('acme'), null);
  assert.equal(asked.length, 0, 'fresh');
  pass(2000);
  assert.equal(of.ready('acme'), null, 'the request does not wait');
  assert.equal(of.ready('acme'), null);
  assert.equal(asked.length, 1, 'once, and only today');
  await new Promise(setImmediate);
  pass(31_000);
  assert.notEqual(of.ready('acme'), null, 'the request waits');
  await new Promise(setImmediate);
  pass(700_000);
  asked = [];
  await of.ready('acme');
  assert.equal(asked.length, 2, 'the days before too, now and then');
});

test('what cannot be known lets nothing in, and is asked again by the next', async () => {
  rows = () => [];
  const of = spending();
  await of.ready('acme');
  fails = true;
  pass(10_000);
  assert.equal(of.ready('acme'), null, 'known well enough still');
  await new Promise(setImmediate);
  pass(30_000);
  await assert.rejects(async () => of.ready('acme'), { code: 'unavailable' });
  fails = false;
  await of.ready('acme');
  assert.deepEqual(of.of('acme', null), { day: 0, month: 0 });
});

test('a new day is not the day before, and the first of a month has no days before it', async () => {
  rows = (from) => [{ key: 'a', pico: text(from) === '2026-05-31' ? 5 : 0 }];
  at = Date.UTC(2026, 4, 31, 23, 59, 59);
  const of = spending();
  await of.ready('acme');
  assert.equal(of.of('acme', 'a').day, 5);
  pass(1000);
  assert.throws(() => of.of('acme', 'a'), GoblinError);
  asked = [];
  await of.ready('acme');
  assert.deepEqual(asked, [['acme', '2026-06-01', 'ever']]);
  assert.deepEqual(of.of('acme', 'a'), { day: 0, month: 0, key: { day: 0, month: 0 } });
});

test('a record that is slow to add up is asked less often', async () => {
  const of = createSpending({
    async read() {
      asked.push(['', '', '']);
      clock += 500;
      return [];
    },
    now: () => at,
    telemetry: { log() {} },
  });
  at = Date.UTC(2026, 4, 1, 12);
  await of.ready('acme');
  pass(9000);
  assert.equal(of.ready('acme'), null);
  assert.equal(asked.length, 1);
  pass(2000);
  of.ready('acme');
  assert.equal(asked.length, 2);
});
