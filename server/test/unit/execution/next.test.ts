import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS, type ErrorCode } from '../../../src/contract/errors.ts';
import type { FailoverMode } from '../../../src/contract/states.ts';
import { backoffMs, nextStep, type Option, type Situation, type Step } from '../../../src/execution/next.ts';

const FREE: Option = { canContinue: true, waitMs: 0, mayRetry: 'yes' };
const MUTE: Option = { ...FREE, canContinue: false };
const OPEN: Option = { ...FREE, waitMs: 4000 };
const OUT: Option = { ...FREE, waitMs: Number.POSITIVE_INFINITY };
const POOR: Option = { ...FREE, mayRetry: 'no' };
const UNSURE: Option = { ...FREE, mayRetry: 'wait' };

const BASE: Situation = {
  failure: { code: 'upstream_unavailable', detail: '' },
  shown: false,
  failover: 'continue',
  attempt: 1,
  cap: 4,
  same: { ...FREE, otherKey: false },
  later: [],
  timeLeft: 60_000,
  patienceMs: 10_000,
  waitedMs: 0,
};

interface Case extends Partial<Omit<Situation, 'failure' | 'same'>> {
  code?: ErrorCode;
  retryAfterMs?: number;
  same?: Partial<Situation['same']>;
}

const situation = ({ code = 'upstream_unavailable', retryAfterMs, same, ...more }: Case): Situation => ({
  ...BASE,
  ...more,
  failure: { code, detail: '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  same: { ...BASE.same, ...same },
});

const next = (place: number, shown: 'continue' | 'restart' | null = null): Step => ({ kind: 'next', place, shown });
const again = (ms: number, shown: 'continue' | 'restart' | null = null): Step => ({ kind: 'again', ms, shown });
const wait = (ms: number): Step => ({ kind: 'wait', ms });
const end = (why: (Step & { kind: 'end' })['why']): Step => ({ kind: 'end', why });
/** In the middle of its jitter. */
const FIRST = backoffMs(1, 0.5);

const CASES: [says: string, of: Case, is: Step][] = [
  ['the next target, at once', { later: [FREE, FREE] }, next(0)],
  ['the same again after a rest, where no other is left', {}, again(FIRST)],
  ['a longer rest each time', { attempt: 3 }, again(backoffMs(3, 0.5))],
  ['all attempts are used', { attempt: 4, later: [FREE] }, end('attempts')],
  ['one attempt is left', { attempt: 3, later: [FREE] }, next(0)],

  // What the vendor asks for.
  ['its own word on how long', { retryAfterMs: 2500 }, again(2500)],
  ['more than is left', { retryAfterMs: 60_000 }, end('time')],
  ['another target meanwhile', { retryAfterMs: 60_000, later: [FREE] }, next(0)],
  ['less time than a rest', { timeLeft: 100 }, end('time')],

  // Not everything may be tried again.
  ['a wrong request is wrong everywhere', { code: 'upstream_rejected', later: [FREE] }, end('final')],
  ['a filter is not gone around', { code: 'content_filter', later: [FREE] }, end('final')],
  ['ours', { code: 'internal', later: [FREE] }, end('final')],
  ['a larger model may read it', { code: 'upstream_context_too_long', later: [FREE] }, next(0)],
  ['but not this one', { code: 'upstream_context_too_long' }, end('final')],
  ['cannot be expressed: another dialect', { code: 'unsupported_by_target', later: [FREE] }, next(0)],

  // Breakers and budgets.
  ['an open target is passed over', { later: [OPEN, FREE] }, next(1)],
  ['a target without a budget is passed over', { later: [POOR, FREE] }, next(1)],
  ['all others are open: the same again', { later: [OPEN, OPEN] }, again(FIRST)],
  ['no budget at all', { later: [POOR], same: { mayRetry: 'no' } }, end('budget')],
  ['no budget for the same', { same: { mayRetry: 'no' } }, end('budget')],
  ['the same is open for a while', { same: { waitMs: 4000 } }, again(4000)],
  ['for longer than anybody waits', { same: { waitMs: 11_000 } }, end('open')],
  ['some of the patience is gone', { same: { waitMs: 4000 }, waitedMs: 7000 }, end('open')],
  ['a detached request has more of it', { same: { waitMs: 11_000 }, patienceMs: 600_000 }, again(11_000)],
  ['but no more time than is left', { same: { waitMs: 11_000 }, patienceMs: 600_000, timeLeft: 9000 }, end('open')],
  ['open, and shorter than the rest', { same: { waitMs: 1 } }, again(FIRST)],
  ['it is not known yet whether the next is well', { later: [UNSURE] }, wait(150)],
  ['a later one that is well is better', { later: [UNSURE, FREE] }, next(1)],
  ['not for ever', { later: [UNSURE], waitedMs: 9900 }, again(FIRST)],
  ['the next is free soon, the same is not to be had', { later: [OPEN], same: { mayRetry: 'no' } }, wait(4000)],
  ['the next is out', { code: 'upstream_quota', later: [OUT] }, end('open')],
  ['the next is free soon, the same key is used up', { code: 'upstream_quota', later: [OPEN] }, wait(4000)],

  // Keys.
  [
    'another key of the same target',
    { code: 'upstream_rate_limited', same: { otherKey: true }, later: [FREE] },
    again(0),
  ],
  ['a used-up key: another', { code: 'upstream_quota', same: { otherKey: true } }, again(0)],
  ['a refused key: another', { code: 'upstream_unauthorized', same: { otherKey: true } }, again(0)],
  ['another key does not help a broken target', { same: { otherKey: true }, later: [FREE] }, next(0)],
  ['no other key: the next target', { code: 'upstream_quota', later: [FREE] }, next(0)],
  ['nor one', { code: 'upstream_quota' }, end('final')],
  [
    'another key needs a budget too',
    { code: 'upstream_quota', same: { otherKey: true, mayRetry: 'no' } },
    end('final'),
  ],
  [
    'a rate limit is waited for, budget or not',
    { code: 'upstream_rate_limited', retryAfterMs: 20_000, same: { mayRetry: 'no', waitMs: 20_000 } },
    again(20_000),
  ],
  [
    'as long as all keys rest',
    { code: 'upstream_rate_limited', retryAfterMs: 500, same: { waitMs: 3000 } },
    again(3000),
  ],
  [
    'not longer than the deadline',
    { code: 'upstream_rate_limited', retryAfterMs: 500, same: { waitMs: 70_000 } },
    end('time'),
  ],

  // After something was shown.
  ['fail: what was shown stays, and it ends', { shown: true, failover: 'fail', later: [FREE] }, end('shown')],
  ['fail, before anything was shown', { failover: 'fail', later: [FREE] }, next(0)],
  ['restart', { shown: true, failover: 'restart', later: [MUTE] }, next(0, 'restart')],
  [
    'restart with the same',
    { shown: true, failover: 'restart', same: { canContinue: false } },
    again(FIRST, 'restart'),
  ],
  ['restart, before anything was shown', { failover: 'restart', later: [MUTE] }, next(0)],
  ['continue with the first that can', { shown: true, later: [MUTE, FREE] }, next(1, 'continue')],
  ['continue with the same', { shown: true, later: [MUTE] }, again(FIRST, 'continue')],
  ['nobody can', { shown: true, later: [MUTE, MUTE], same: { canContinue: false } }, end('cannot_continue')],
  ['nobody is there', { shown: true, same: { canContinue: false } }, end('cannot_continue')],
  ['who can is open, the same cannot', { shown: true, later: [OPEN, MUTE], same: { canContinue: false } }, wait(4000)],
  ['who can is out, the same cannot', { shown: true, later: [OUT, MUTE], same: { canContinue: false } }, end('open')],
  [
    'who can has no budget, the same cannot',
    { shown: true, later: [POOR], same: { canContinue: false } },
    end('budget'),
  ],
  ['before anything was shown anybody will do', { later: [MUTE] }, next(0)],
  ['a wrong request in the middle', { shown: true, code: 'upstream_rejected', later: [FREE] }, end('final')],
];

for (const [says, of, is] of CASES) {
  test(says, () => assert.deepEqual(nextStep(situation(of), 0.5), is));
}

test('every error, every mode, every combination of targets keeps the rules', () => {
  const options = [FREE, MUTE, OPEN, OUT, POOR, UNSURE];
  const lists = [[], ...options.map((one) => [one]), ...options.flatMap((one) => options.map((two) => [one, two]))];
  const modes: FailoverMode[] = ['continue', 'restart', 'fail'];
  let seen = 0;
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const row = ERRORS[code];
    for (const failover of modes) {
      for (const shown of [false, true]) {
        for (const later of lists) {
          for (const same of options) {
            for (const otherKey of [false, true]) {
              for (const [attempt, timeLeft, waitedMs, random] of [
                [1, 60_000, 0, 0.5],
                [4, 60_000, 0, 0],
                [2, 90, 0, 1],
                [3, 60_000, 9999, 0],
              ] as const) {
                const s = situation({
                  code,
                  failover,
                  shown,
                  later,
                  same: { ...same, otherKey },
                  attempt,
                  timeLeft,
                  waitedMs,
                });
                check(s, nextStep(s, random), row);
                seen++;
              }
            }
          }
        }
      }
    }
  }
  assert.ok(seen > 300_000);
});

/** The rules, said in another way than the code does. */
function check(s: Situation, step: Step, row: (typeof ERRORS)[ErrorCode]): void {
  const say = () => JSON.stringify({ s, step });
  const mustContinue = s.shown && s.failover === 'continue';
  const fits = (option: Option) => !mustContinue || option.canContinue;
  const usable = (option: Option) => fits(option) && option.waitMs === 0 && option.mayRetry === 'yes';
  const patience = Math.min(s.patienceMs - s.waitedMs, s.timeLeft);
  if (s.attempt >= s.cap || (!row.fallback && !row.retry) || (s.shown && s.failover === 'fail')) {
    assert.equal(step.kind, 'end', say());
    return;
  }
  if (step.kind === 'next' || step.kind === 'again') {
    const expected = s.shown ? (s.failover === 'restart' ? 'restart' : 'continue') : null;
    assert.equal(step.shown, expected, say());
  }
  const first = row.fallback ? s.later.findIndex(usable) : -1;
  if (step.kind === 'next') {
    assert.equal(step.place, first, say());
  } else if (step.kind === 'again') {
    assert.ok(fits(s.same), say());
    assert.ok(step.ms < s.timeLeft, say());
    const switches = step.ms === 0;
    if (switches) assert.ok(s.same.otherKey && s.failure.code.startsWith('upstream_') && usable(s.same), say());
    else {
      assert.equal(first, -1, say());
      assert.ok(row.retry, say());
      if (s.failure.code !== 'upstream_rate_limited')
        assert.ok(s.same.mayRetry === 'yes' && s.same.waitMs <= step.ms, say());
    }
  } else if (step.kind === 'wait') {
    assert.equal(first, -1, say());
    assert.ok(step.ms > 0 && step.ms < patience, say());
    assert.ok(
      s.later.some(
        (option) => fits(option) && (option.mayRetry === 'wait' || (option.waitMs > 0 && option.waitMs < patience)),
      ),
      say(),
    );
  } else {
    assert.equal(first, -1, say());
    if (step.why === 'cannot_continue')
      assert.ok(mustContinue && !s.later.some((option) => row.fallback && fits(option)), say());
    if (step.why === 'final') assert.ok(!row.retry || !fits(s.same), say());
  }
}

test('the rest is jittered, grows and has a bound', () => {
  for (let attempt = 1; attempt < 20; attempt++) {
    const [low, high] = [backoffMs(attempt, 0), backoffMs(attempt, 1)];
    assert.ok(low < high && high <= 5000);
    assert.ok(attempt === 1 || backoffMs(attempt, 0.5) >= backoffMs(attempt - 1, 0.5));
  }
});
