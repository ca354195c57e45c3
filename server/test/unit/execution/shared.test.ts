/** One call for all who ask the same, and what becomes of them when it does not end well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../src/contract/call.ts';
import { type Called, makeHouse, type Seen, settle } from './run-kit.ts';

const providers = ({ began }: Seen) => began.map(({ start }) => start.provider);
const last = (calls: Called[]): Called => calls.at(-1) as Called;

test('those who come later hear the beginning at once, then every word as it comes', async () => {
  const { ask, calls } = makeHouse();
  const leader = ask();
  await settle();
  last(calls).say('one ', 'two ');
  const follower = ask();
  await settle();
  assert.equal(follower.text, 'one two ');
  last(calls).say('three ');
  await settle();
  assert.equal(follower.text, 'one two three ');
  const late = ask({ stream: false });
  await settle();
  last(calls).finish();
  const ends = await Promise.all([leader, follower, late].map(({ run }) => run.done));
  assert.equal(calls.length, 1);
  for (const end of ends) {
    assert.deepEqual([end.state, end.text, end.finishReason], ['succeeded', 'one two three ', 'stop']);
    assert.equal(end.usage?.outputTokens, 3);
    assert.equal(end.usage?.source, 'reported');
  }
  assert.deepEqual(
    ends.map(({ costPico }) => costPico),
    [130, 0, 0],
  );
  assert.deepEqual(
    ends.map(({ attempt }) => attempt?.priceVersion),
    ['test', 'cache', 'cache'],
  );
  assert.deepEqual(
    ends.map((end) => end.last?.cache),
    ['miss', 'hit', 'hit'],
  );
  assert.deepEqual([leader, follower].map(providers), [['a'], ['cache']]);

  const hit = ask();
  const end = await hit.run.done;
  assert.equal(end.text, 'one two three ');
  assert.equal(calls.length, 1);
  assert.match(hit.began[0]?.start.reason ?? '', /which a\/m answered at 2023-/);
});

test('a vendor’s own words only where they are kept whole', async () => {
  const { ask, calls } = makeHouse();
  const native = { dialect: 'openai' as const, body: { messages: [{ role: 'user', content: 'hi' }] } };
  const call: AnswerCall = {
    kind: 'answer',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
    native,
  };
  const odd: AnswerCall = { ...call, native: { ...native, body: { ...native.body, logprobs: true } } };
  for (const [asked, verbatim] of [
    [call, false],
    [odd, true],
  ] as const) {
    const leader = ask({ call: asked });
    await settle();
    last(calls).say('x', 'y');
    const follower = ask({ call: asked });
    await settle();
    last(calls).finish();
    await Promise.all([leader.run.done, follower.run.done]);
    const hit = ask({ call: asked });
    await hit.run.done;
    assert.equal(leader.raw.length, 4);
    for (const one of [follower, hit]) {
      assert.equal(one.text, 'xy');
      assert.deepEqual(one.raw, verbatim ? leader.raw : []);
    }
  }
  // In another way than it was asked an odd one is asked anew.
  const before = calls.length;
  const whole = ask({ call: odd, stream: false });
  await settle();
  assert.equal(calls.length, before + 1);
  last(calls).whole('xy');
  const end = await whole.run.done;
  assert.match(String(end.body), /vendor-id/);
  const again = await ask({ call: odd, stream: false }).run.done;
  assert.match(String(again.body), /vendor-id/);
});

test('tenants, and those who do not want it, are apart', async () => {
  const { ask, calls } = makeHouse();
  const asked = [ask(), ask({ tenant: 'u' }), ask({ cache: false }), ask({ text: 'hello' })];
  await settle();
  assert.equal(calls.length, 4);
  for (const [n, call] of calls.entries()) {
    call.say(`answer ${n}`);
    call.finish();
  }
  const ends = await Promise.all(asked.map(({ run }) => run.done));
  assert.deepEqual(
    ends.map(({ text }) => text),
    ['answer 0', 'answer 1', 'answer 2', 'answer 3'],
  );
  assert.deepEqual(
    ends.map((end) => end.last?.cache),
    ['miss', 'miss', undefined, 'miss'],
  );
  assert.equal((await ask({ tenant: 'u' }).run.done).text, 'answer 1');
  assert.equal((await ask().run.done).text, 'answer 0');
});

test('a leader whose caller leaves goes on while somebody hears it, and not longer', async () => {
  const { ask, calls } = makeHouse();
  const leader = ask();
  await settle();
  const [one, two] = [ask(), ask()];
  await settle();
  last(calls).say('a');
  leader.run.stop('left');
  one.run.stop('left');
  assert.equal((await one.run.done).state, 'cancelled');
  assert.equal(last(calls).closed, false);
  last(calls).say('b');
  await settle();
  assert.equal(two.text, 'ab');
  two.run.stop('left');
  await two.run.done;
  assert.equal((await leader.run.done).state, 'cancelled');
  assert.ok(last(calls).closed);
});

test('a reader that stops reading holds up itself alone', async () => {
  const { ask, calls } = makeHouse();
  const leader = ask();
  await settle();
  const [slow, fast] = [ask(), ask()];
  await settle();
  last(calls).say('a');
  await settle();
  leader.full = true;
  slow.full = true;
  last(calls).say('b');
  await settle();
  last(calls).say('c');
  await settle();
  assert.equal(last(calls).paused, false, 'the leader’s own caller holds up nobody');
  assert.equal(fast.text, 'abc');
  assert.equal(slow.text, 'ab');
  slow.full = false;
  slow.run.resume();
  assert.equal(slow.text, 'abc');
  fast.run.stop('left');
  slow.run.stop('left');
  last(calls).say('d');
  await settle();
  assert.equal(last(calls).paused, true, 'alone it is paused as ever');
  leader.run.stop('left');
  await leader.run.done;
});

test('a follower’s own limits hold: deadline, cancel, a record that is lost', async () => {
  const { ask, calls } = makeHouse();
  const leader = ask();
  await settle();
  last(calls).say('part ');
  const [late, cancelled, lost] = [ask({ deadlineMs: 1500 }), ask(), ask({}, 'begin')];
  await settle();
  cancelled.run.stop('cancelled');
  const ends = await Promise.all([late, cancelled, lost].map(({ run }) => run.done));
  assert.deepEqual(
    ends.map(({ state }) => state),
    ['expired', 'cancelled', null],
  );
  assert.equal(ends[0]?.attempt?.status, 'cancelled');
  assert.equal(ends[0]?.text, 'part ');
  assert.equal(ends[0]?.costPico, 0);
  assert.equal(last(calls).closed, false);
  last(calls).finish();
  assert.equal((await leader.run.done).state, 'succeeded');
});

test('an answer that is joined from those of two is not kept', async () => {
  const { ask, calls, cache } = makeHouse();
  const joined = ask();
  await settle();
  last(calls).say('Once upon a time there ');
  last(calls).cut();
  await settle();
  last(calls).say('was.');
  last(calls).finish();
  assert.equal((await joined.run.done).text, 'Once upon a time there was.');
  assert.equal(cache.numbers().entries, 0);
});

test('under the key of the target that answered, not of the one that was asked first', async () => {
  const { ask, calls, cache } = makeHouse();
  const first = ask();
  await settle();
  last(calls).refuse(500);
  await settle();
  assert.equal(last(calls).provider, 'b');
  last(calls).say('from b');
  last(calls).finish();
  await first.run.done;
  assert.equal(cache.numbers().entries, 1);
  const plan = { targets: [{ provider: 'b', model: 'm', reason: '' }], dropped: [], conversation: null, seed: 1 };
  assert.equal((await ask({ plan }).run.done).text, 'from b');
  const again = ask();
  await settle();
  assert.equal(last(calls).provider, 'a', 'a is asked again');
  again.run.stop('cancelled');
  await again.run.done;
});

test('who asks for one target does not hear another, also when the plan of the one who leads began elsewhere', async () => {
  const { ask, calls, deps } = makeHouse();
  // Shut after both were planned.
  deps.health.force('a', 'm', 'open', null, 'test', Date.now());
  const leader = ask();
  const plan = { targets: [{ provider: 'a', model: 'm', reason: '' }], dropped: [], conversation: null, seed: 1 };
  const exact = ask({ plan });
  await settle();
  await settle();
  assert.deepEqual(calls.map(({ provider }) => provider).sort(), ['a', 'b']);
  for (const call of calls) {
    call.say(`from ${call.provider}`);
    call.finish();
  }
  const ends = await Promise.all([leader, exact].map(({ run }) => run.done));
  assert.deepEqual(
    ends.map(({ text }) => text),
    ['from b', 'from a'],
  );
});

test('without a cache a run is as it was', async () => {
  const { ask, calls } = makeHouse({ cached: false });
  const runs = [ask(), ask()];
  await settle();
  assert.equal(calls.length, 2);
  for (const call of calls) {
    call.say('x');
    call.finish();
  }
  const ends = await Promise.all(runs.map(({ run }) => run.done));
  for (const end of ends) assert.deepEqual([end.text, end.last?.cache], ['x', undefined]);
});
