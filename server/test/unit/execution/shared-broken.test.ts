/** One call for all who ask the same, when it does not end well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Called, makeHouse, type Seen, settle } from './run-kit.ts';

const providers = ({ began }: Seen) => began.map(({ start }) => start.provider);
const last = (calls: Called[]): Called => calls.at(-1) as Called;

test('the vendor fails before anything is shown: each makes attempts of its own', async () => {
  const { ask, calls } = makeHouse();
  const leader = ask();
  await settle();
  const followers = [ask(), ask()];
  await settle();
  assert.equal(calls.length, 1);
  last(calls).refuse(500);
  await settle();
  await settle();
  // The leader went on to its second target; the others begin at their first.
  assert.deepEqual(calls.map(({ provider }) => provider).sort(), ['a', 'a', 'a', 'b']);
  for (const call of calls.slice(1)) {
    call.say('own');
    call.finish();
  }
  const ends = await Promise.all([leader, ...followers].map(({ run }) => run.done));
  for (const end of ends) assert.equal(end.state, 'succeeded');
  for (const { began } of followers) {
    assert.deepEqual(
      began.map(({ start }) => [start.attempt, start.provider]),
      [
        [1, 'cache'],
        [2, 'a'],
      ],
    );
    const { before } = began[1] as (typeof began)[number];
    assert.deepEqual([before?.status, before?.error?.code, before?.costPico], ['failed', 'upstream_unavailable', 0]);
  }
});

async function broken(failover: 'continue' | 'restart' | 'fail') {
  const house = makeHouse();
  const leader = house.ask({ failover: 'fail' });
  await settle();
  const follower = house.ask({ failover });
  await settle();
  last(house.calls).say('Once upon a time ', 'there was ');
  last(house.calls).cut();
  assert.equal((await leader.run.done).state, 'failed');
  await settle();
  return { ...house, follower };
}

test('it breaks in the midst, continue: goes on at a target that can, no word twice, both usages', async () => {
  const { follower, calls } = await broken('continue');
  assert.deepEqual(
    calls.map(({ provider }) => provider),
    ['a', 'b'],
  );
  assert.equal(last(calls).body.messages.at(-1)?.content, 'Once upon a time there was ');
  // This vendor says the beginning again.
  last(calls).say('Once upon a time there was ', 'a goblin.');
  last(calls).finish();
  const end = await follower.run.done;
  assert.equal(end.text, 'Once upon a time there was a goblin.');
  assert.equal(follower.text, end.text);
  assert.equal(end.usage?.source, 'estimated');
  assert.ok((end.usage?.outputTokens ?? 0) > 3);
  assert.deepEqual(providers(follower), ['cache', 'b']);
  assert.equal(end.costPico, 130, 'what it heard cost it nothing');
});

test('it breaks in the midst, continue: no target can, so it ends with what was shown', async () => {
  const house = makeHouse();
  const plan = { targets: [{ provider: 'a', model: 'm', reason: '' }], dropped: [], conversation: null, seed: 1 };
  const leader = house.ask({ plan });
  await settle();
  const follower = house.ask({ plan });
  await settle();
  last(house.calls).say('Half ');
  last(house.calls).cut();
  const ends = await Promise.all([leader.run.done, follower.run.done]);
  for (const end of ends)
    assert.deepEqual([end.state, end.error?.code, end.text], ['failed', 'upstream_truncated', 'Half ']);
  assert.equal(follower.notices.at(-1)?.code, 'cannot_continue');
  assert.equal(house.calls.length, 1);
});

test('it breaks in the midst, restart: says so and begins anew, for others to follow', async () => {
  const { follower, calls, ask } = await broken('restart');
  assert.deepEqual(
    calls.map(({ provider }) => provider),
    ['a', 'a'],
  );
  assert.equal(follower.began[1]?.restart, 'upstream_truncated');
  const third = ask();
  await settle();
  last(calls).say('Anew.');
  last(calls).finish();
  assert.equal((await follower.run.done).text, 'Anew.');
  assert.equal(follower.text, 'Anew.');
  assert.equal((await third.run.done).text, 'Anew.');
  assert.deepEqual(providers(third), ['cache']);
  assert.equal(calls.length, 2);
});

test('it breaks in the midst, fail: the partial is kept', async () => {
  const { follower, calls } = await broken('fail');
  const end = await follower.run.done;
  assert.deepEqual(
    [end.state, end.error?.code, end.text],
    ['failed', 'upstream_truncated', 'Once upon a time there was '],
  );
  assert.equal(end.attempt?.status, 'failed');
  assert.equal(calls.length, 1);
});

test('who waits for the whole has been shown nothing, so it is asked anew whatever the mode', async () => {
  const house = makeHouse();
  const leader = house.ask({ failover: 'fail' });
  await settle();
  const follower = house.ask({ failover: 'fail', stream: false });
  await settle();
  last(house.calls).say('Half ');
  last(house.calls).cut();
  await leader.run.done;
  await settle();
  assert.equal(house.calls.length, 2);
  last(house.calls).whole('All of it.');
  const end = await follower.run.done;
  assert.deepEqual([end.state, end.text], ['succeeded', 'All of it.']);
  assert.match(String(end.body), /All of it/);
});

test('a leader that is cancelled: one of the others asks anew, the rest follow that one', async () => {
  const { ask, calls } = makeHouse();
  const leader = ask();
  await settle();
  const followers = [ask(), ask(), ask()];
  await settle();
  leader.run.stop('cancelled');
  assert.equal((await leader.run.done).state, 'cancelled');
  await settle();
  await settle();
  assert.equal(calls.length, 2, 'not one for each');
  assert.ok(calls[0]?.closed);
  last(calls).say('second');
  last(calls).finish();
  const ends = await Promise.all(followers.map(({ run }) => run.done));
  for (const end of ends) assert.deepEqual([end.state, end.text], ['succeeded', 'second']);
});
