/** One breaker by itself: what opens and closes it, and who may probe. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openFor } from '../../../src/routing/breaker.ts';
import { FEW, fail, make, rules } from './breaker-kit.ts';
import { START } from './health-kit.ts';

test('five failures in a row open it, four do not, and a success in between starts the count anew', () => {
  const breaker = make();
  fail(breaker, 4, START);
  assert.equal(breaker.gate(START), 'closed');
  assert.equal(breaker.good(START, false, START, true), false);
  fail(breaker, 4, START);
  assert.equal(breaker.gate(START), 'closed');
  assert.equal(breaker.fault(START, false, START, FEW), true);
  assert.equal(breaker.gate(START), 'open');
  assert.equal(breaker.say(START), 'breaker open for 5 s more after 5 failures in a row');
});

test('a refusal for a good reason neither counts nor starts the count anew', () => {
  const breaker = make();
  fail(breaker, 4, START);
  breaker.good(START, false, START, false);
  fail(breaker, 1, START);
  assert.equal(breaker.gate(START), 'open');
});

test('half of twenty calls open it, half of nineteen do not', () => {
  const breaker = make({ consecutive: 1000 });
  fail(breaker, 1, START, { calls: 19, faults: 19 });
  fail(breaker, 1, START, { calls: 20, faults: 9 });
  assert.equal(breaker.gate(START), 'closed');
  fail(breaker, 1, START, { calls: 20, faults: 10 });
  assert.equal(breaker.say(START), 'breaker open for 5 s more after 10 of 20 calls failed');
});

test('after its time one probe may go; what becomes of it decides', () => {
  const breaker = make();
  fail(breaker, 5, START);
  const { until } = breaker.record;
  assert.equal(until, START + 5000);
  assert.equal(breaker.gate(until), 'open', 'this process waits a little longer');
  const due = until + 250;
  assert.equal(breaker.waitMs(until), 250);
  assert.equal(breaker.gate(due), 'probe');
  assert.equal(breaker.state(due), 'half_open');
  assert.match(breaker.say(due), /the next call is a probe/);
  assert.equal(breaker.begin(due), true);
  assert.equal(breaker.gate(due), 'open');
  assert.equal(breaker.begin(due), false, 'one at a time');
  assert.match(breaker.say(due), /a probe is on its way/);
  // Fails: twice as long.
  assert.equal(breaker.fault(due, true, due + 10, FEW), true);
  assert.equal(breaker.record.until, due + 10 + 10_000);
  assert.equal(breaker.say(due + 10), 'breaker open for 10 s more after the last probe failed');
  const again = breaker.record.until + 500;
  assert.equal(breaker.begin(again), true);
  assert.equal(breaker.good(again, true, again + 10, true), true);
  assert.equal(breaker.gate(again + 10), 'closed');
  assert.equal(breaker.say(again + 10), 'closed');
});

test('as many probes as the rules allow', () => {
  const breaker = make({ probes: 3 });
  fail(breaker, 5, START);
  const due = START + 6000;
  assert.deepEqual(
    [1, 2, 3, 4].map((n) => breaker.begin(due + n)),
    [true, true, true, false],
  );
  breaker.nothing(due + 1, true, due + 9);
  assert.equal(breaker.begin(due + 10), true);
  assert.equal(breaker.fault(due + 2, true, due + 20, FEW), true);
  assert.equal(breaker.gate(due + 20), 'open');
  assert.equal(breaker.fault(due + 3, true, due + 21, FEW), false, 'the others change nothing any more');
});

test('a probe of which nothing is learnt, or that never ends, makes room for another', () => {
  const breaker = make();
  fail(breaker, 5, START);
  const due = START + 6000;
  breaker.begin(due);
  breaker.nothing(due, true, due + 5);
  assert.equal(breaker.gate(due + 5), 'probe');
  breaker.begin(due + 5);
  assert.equal(breaker.gate(due + 59_000), 'open');
  assert.equal(breaker.gate(due + 61_000), 'probe');
});

test('calls that began before it opened or closed say nothing of what is now', () => {
  const breaker = make();
  fail(breaker, 5, START);
  assert.equal(breaker.good(START - 1000, false, START + 100, true), false, 'an old success does not close it');
  assert.equal(breaker.gate(START + 100), 'open');
  // Sent for want of another target, while it was open: that is as good as a probe.
  assert.equal(breaker.good(START + 200, false, START + 300, false), false, 'a refusal is not');
  assert.equal(breaker.good(START + 200, false, START + 300, true), true);
  fail(breaker, 0, START);
  for (let i = 0; i < 20; i++) breaker.fault(START - 1000, false, START + 400, FEW);
  assert.equal(breaker.gate(START + 400), 'closed', 'old failures do not open it again');
});

test('open again soon after it closed: longer; after a good while: as at first', () => {
  const breaker = make();
  fail(breaker, 5, START);
  breaker.good(START + 5500, false, START + 5500, true);
  fail(breaker, 5, START + 6000);
  assert.equal(breaker.record.streak, 2);
  breaker.good(START + 20_000, false, START + 20_000, true);
  fail(breaker, 5, START + 120_000);
  assert.equal(breaker.record.streak, 1);
});

test('the time doubles up to the most, a little more or less', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (streak, random) => {
      const ms = openFor(streak, rules, random);
      const exact = Math.min(rules.maxOpenMs, rules.openMs * 2 ** (streak - 1));
      assert.ok(ms >= 0.9 * exact - 1 && ms <= Math.min(1.1 * exact + 1, rules.maxOpenMs));
    }),
  );
});

test('by hand: open is open, closed never opens, both until their time or until taken back', () => {
  const breaker = make();
  breaker.force('open', START + 60_000, 'alice', START);
  assert.equal(breaker.gate(START), 'open');
  assert.equal(breaker.say(START), 'set open by alice for 60 s more');
  assert.equal(breaker.waitMs(START), 60_000);
  assert.equal(breaker.gate(START + 60_000), 'closed');
  breaker.force('closed', null, 'bob', START + 60_000);
  fail(breaker, 50, START + 60_001);
  assert.equal(breaker.gate(START + 60_001), 'closed');
  assert.equal(breaker.say(START + 60_001), 'set closed by bob');
  breaker.force('auto', null, 'bob', START + 60_002);
  assert.equal(breaker.override(START + 60_002), null);
  fail(breaker, 5, START + 60_003);
  assert.equal(breaker.gate(START + 60_003), 'open');
});

test('a clock that was put back does not keep it open for hours', () => {
  const breaker = make();
  fail(breaker, 5, START);
  assert.equal(breaker.gate(START - 3_600_000), 'probe');
});

test('whatever happens: no more probes at once than allowed, and only probes while it is open', () => {
  const step = fc.record({
    gap: fc.nat(4000),
    end: fc.constantFrom('good', 'fault', 'nothing', 'none'),
    pick: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 3 }), (steps, probes) => {
      const breaker = make({ probes });
      let now = START;
      let running: { at: number; probe: boolean }[] = [];
      for (const { gap, end, pick } of steps) {
        now += gap + 1;
        const gate = breaker.gate(now);
        if (gate !== 'open') {
          const probe = breaker.begin(now);
          assert.equal(probe, gate === 'probe');
          running.push({ at: now, probe });
        } else assert.equal(breaker.begin(now), false);
        const young = running.filter((one) => one.probe && now - one.at < 60_000);
        assert.ok(young.length <= probes);
        const call = running[pick % Math.max(1, running.length)];
        if (call === undefined || end === 'none') continue;
        running = running.filter((one) => one !== call);
        if (end === 'good') breaker.good(call.at, call.probe, now, true);
        else if (end === 'fault') breaker.fault(call.at, call.probe, now, FEW);
        else breaker.nothing(call.at, call.probe, now);
        // Once it is closed, what ran as a probe is a call like any other.
        if (breaker.record.state !== 'half_open') for (const one of running) one.probe = false;
      }
    }),
  );
});
