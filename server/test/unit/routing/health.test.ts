import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode } from '../../../src/contract/errors.ts';
import { expectedMs, judge, STALE_MS, Stats } from '../../../src/routing/health.ts';
import { bad, good, START } from './health-kit.ts';

test('every error has a verdict: what trips a breaker in the table of errors is a fault, nothing else is', () => {
  const alive: ErrorCode[] = [];
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const verdict = judge(bad(code), 0);
    assert.equal(verdict === 'fault', ERRORS[code].breaker, code);
    if (verdict === 'alive') alive.push(code);
    else if (verdict !== 'fault') assert.equal(verdict, 'nothing', code);
  }
  for (const code of ['upstream_rate_limited', 'upstream_rejected', 'content_filter', 'upstream_quota'] as const) {
    assert.ok(alive.includes(code), code);
  }
  for (const code of ['internal', 'cancelled', 'timeout', 'unsupported_by_target', 'upstream_redirect'] as const) {
    assert.ok(!alive.includes(code), code);
  }
  assert.equal(judge(good(), 0), 'good');
});

test('what is slower than the threshold is a fault, also when the caller gave up waiting', () => {
  assert.equal(judge(good({ firstTokenMs: 3001 }), 3000), 'fault');
  assert.equal(judge(good({ firstTokenMs: 3000 }), 3000), 'good');
  assert.equal(judge(good({ firstTokenMs: 60_000 }), 0), 'good');
  // Answers in one piece have no first token of their own.
  assert.equal(judge(good({ firstTokenMs: 9000, streamed: false }), 3000), 'good');
  assert.equal(judge(bad('cancelled', { latencyMs: 9000 }), 3000), 'fault');
  assert.equal(judge(bad('cancelled', { latencyMs: 2000 }), 3000), 'nothing');
  assert.equal(judge(bad('cancelled', { latencyMs: 9000, firstTokenMs: 500 }), 3000), 'nothing');
  assert.equal(judge(bad('cancelled', { latencyMs: 9000 }), 0), 'nothing');
});

function fed(outcomes: readonly Parameters<Stats['observe']>[1][], at = START): Stats {
  const stats = new Stats(60_000);
  for (const outcome of outcomes) stats.observe(judge(outcome, 0), outcome, at);
  return stats;
}

test('errors and answers are counted, what says nothing is not', () => {
  const stats = fed([good(), bad(), bad('upstream_rejected'), bad('cancelled'), bad('internal')]);
  assert.deepEqual({ ...stats.window.total(START) }, { first: 3, second: 1 });
});

test('speed is measured by streamed answers; failures measure nothing', () => {
  const stats = fed([
    good({ firstTokenMs: 200, latencyMs: 1200, outputTokens: 50 }),
    good({ firstTokenMs: 200, latencyMs: 1200, outputTokens: 50 }),
    // One piece: no first token. A few tokens: no speed.
    good({ firstTokenMs: 1, latencyMs: 1200, streamed: false, outputTokens: 9999 }),
    good({ firstTokenMs: 200, latencyMs: 201, outputTokens: 2 }),
    bad('upstream_timeout', { latencyMs: 60_000 }),
  ]);
  const { firstTokenMs, latencyMs, tokensPerS } = stats.speed(START);
  assert.ok(Math.abs((firstTokenMs ?? 0) - 200) < 40, String(firstTokenMs));
  assert.ok(Math.abs((latencyMs ?? 0) - 1200) < 250, String(latencyMs));
  assert.equal(tokensPerS, 50);
  assert.equal(Math.round(expectedMs({ firstTokenMs: 200, latencyMs, tokensPerS }) ?? 0), 4200);
  assert.equal(expectedMs({ firstTokenMs: null, latencyMs: 900, tokensPerS: null }), 900);
  assert.equal(expectedMs({ firstTokenMs: null, latencyMs: null, tokensPerS: null }), null);
});

test('what nobody has measured for ten minutes is not known any more', () => {
  const stats = fed([good(), good(), good()]);
  assert.equal(stats.known(START), true);
  assert.equal(stats.known(START + STALE_MS + 1), false);
  assert.equal(stats.speed(START + STALE_MS + 1).latencyMs, null);
  const slow = good({ firstTokenMs: 5000, latencyMs: 9000 });
  stats.observe('good', slow, START + STALE_MS + 1);
  assert.equal(stats.samples(START + STALE_MS + 1), 1);
  assert.ok((stats.speed(START + STALE_MS + 1).firstTokenMs ?? 0) > 4000, 'the old measure is gone');
});

test("another process's measure is used until there is one of its own", () => {
  const stats = new Stats(60_000);
  stats.hear('b', { rows: [], firstTokenMs: 300, latencyMs: 3000, tokensPerS: 30 }, START);
  assert.equal(stats.known(START), true);
  assert.equal(stats.speed(START).firstTokenMs, 300);
  stats.hear('c', { rows: [], firstTokenMs: 400, latencyMs: 3000, tokensPerS: 30 }, START + 1);
  assert.equal(stats.speed(START + 1).firstTokenMs, 400);
  stats.forgetProcess('c');
  assert.equal(stats.speed(START + 1).firstTokenMs, 300);
  for (let i = 0; i < 3; i++) stats.observe('good', good({ firstTokenMs: 50 }), START + 2);
  assert.ok((stats.speed(START + 2).firstTokenMs ?? 0) < 70);
  assert.equal(stats.speed(START + STALE_MS + 3).latencyMs, null);
});
