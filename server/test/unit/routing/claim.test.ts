/** Of all who wait for a probe no more go than may, however many are told at the same moment that it is due. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from '../../../src/routing/breaker.ts';

const RULES = { consecutive: 1, rate: 1, minCalls: 100, openMs: 5000, maxOpenMs: 300_000, probes: 1 };
const START = 1_800_000_000_000;

/** Open, and its time is over at the moment that is answered. */
function due(probes = 1): { breaker: Breaker; at: number } {
  const breaker = new Breaker({ ...RULES, probes }, () => 0.5);
  breaker.fault(START, false, START, { calls: 1, faults: 1 });
  return { breaker, at: START + breaker.waitMs(START) };
}

test('who claims the probe keeps it from the others until the call begins', () => {
  const { breaker, at } = due();
  assert.equal(breaker.gate(at), 'probe');
  breaker.claim(at);
  assert.equal(breaker.gate(at), 'open');
  assert.ok(breaker.waitMs(at) > 0);
  assert.equal(breaker.begin(at + 1), true, 'the call that was claimed for is the probe');
  assert.equal(breaker.gate(at + 1), 'open', 'and it runs');
  assert.equal(breaker.good(at + 1, true, at + 50, true), true);
  assert.equal(breaker.gate(at + 50), 'closed');
});

test('a claim that nobody makes good is over in a second', () => {
  const { breaker, at } = due();
  breaker.claim(at);
  assert.equal(breaker.gate(at + 999), 'open');
  assert.equal(breaker.gate(at + 1000), 'probe');
});

test('with room for two, two may claim', () => {
  const { breaker, at } = due(2);
  breaker.claim(at);
  assert.equal(breaker.gate(at), 'probe');
  breaker.claim(at);
  assert.equal(breaker.gate(at), 'open');
  assert.deepEqual([breaker.begin(at + 1), breaker.begin(at + 1)], [true, true]);
  assert.equal(breaker.gate(at + 1), 'open');
});

test('a closed breaker is nobody to claim', () => {
  const breaker = new Breaker(RULES, () => 0.5);
  breaker.claim(START);
  assert.equal(breaker.gate(START), 'closed');
  assert.equal(breaker.waitMs(START), 0);
});
