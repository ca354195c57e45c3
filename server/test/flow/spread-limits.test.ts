/** One limit over three processes: exact through Redis, by shares without it, and free again when a process is gone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, call, type Json, post } from '../support/api.ts';
import { type ClusterNode, type Fleet, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { MODEL } from '../support/vendors.ts';

let fleet: Fleet;
let nodes: ClusterNode[];
before(async () => {
  fleet = await startFleet({
    settings: {
      limits: [
        { scope: 'user', match: ['burst', 'away', 'anew'], requests_per_minute: 30 },
        { scope: 'user', match: 'seats', concurrent: 4 },
        { scope: 'user', match: 'busy', requests_per_minute: 100_000 },
      ],
    },
  });
  nodes = await Promise.all([fleet.start('api'), fleet.start('api'), fleet.start('api')]);
});
after(() => fleet.close());

const node = (n: number): ClusterNode => nodes[n % nodes.length] as ClusterNode;

const chat = (n: number, user: string, more: Json = {}): Promise<Answer<Json>> =>
  post(node(n), '/v1/chat/completions', {
    model: MODEL,
    user,
    messages: [{ role: 'user', content: `Limits of ${user} [[sim tokens=5]]` }],
    ...more,
  });

async function burst(user: string, number: number): Promise<number> {
  const answers = await Promise.all(Array.from({ length: number }, (_, n) => chat(n, user)));
  const let_in = answers.filter(({ status }) => status === 200).length;
  assert.equal(let_in + answers.filter(({ status }) => status === 429).length, number);
  for (const { status, headers } of answers) if (status === 429) assert.ok(Number(headers.get('retry-after')) >= 1);
  return let_in;
}

const stream = async (n: number): Promise<Response> =>
  await fetch(`${node(n).address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: MODEL,
      user: 'seats',
      stream: true,
      messages: [{ role: 'user', content: 'A seat [[sim tokens=2000 rate=20]]' }],
    }),
  });

/** Opens as many as are let in. */
async function seats(number: number): Promise<Response[]> {
  const opened: Response[] = [];
  for (let n = 0; n < number; n++) {
    const answer = await stream(n);
    if (answer.status === 200) opened.push(answer);
    else await answer.body?.cancel();
  }
  return opened;
}

test('ninety at once at three processes: just thirty', async () => {
  assert.equal(await burst('burst', 90), 30);
  assert.equal(await burst('burst', 30), 0);
});

test('under a wide limit a process hardly ever asks Redis', async (t) => {
  await Promise.all(Array.from({ length: 30 }, (_, n) => chat(n, 'busy')));
  const takes = () => Number(/cmdstat_hincrby:calls=(\d+)/.exec(fleet.redis.cli('info', 'commandstats'))?.[1]);
  const [before, began] = [takes(), performance.now()];
  let sent = 0;
  while (performance.now() - began < 3000) {
    await Promise.all(Array.from({ length: 12 }, (_, n) => chat(n, 'busy')));
    sent += 12;
  }
  const took = takes() - before;
  t.diagnostic(`${sent} requests, ${took} counts in Redis`);
  assert.ok(took > 0 && took < sent / 4, `${took} for ${sent}`);
});

test('open streams at several processes hold the seats; closed ones and dead processes give them back', async () => {
  const opened = await seats(9);
  assert.equal(opened.length, 4);
  await opened.pop()?.body?.cancel();
  const again = await eventually(async () => {
    const answer = await stream(2);
    if (answer.status === 200) return answer;
    await answer.body?.cancel();
    return null;
  }, 'a seat that was given back');
  opened.push(again);
  assert.equal((await seats(3)).length, 0);
  await nodes[0]?.kill();
  // Two of the first four were there. A silent process loses its seats after 15 s.
  const began = performance.now();
  const back = await eventually(
    async () => {
      const answer = await stream(1);
      if (answer.status === 200) return answer;
      await answer.body?.cancel();
      return null;
    },
    'seats of a dead process',
    40_000,
  );
  assert.ok(performance.now() - began < 30_000);
  opened.push(back);
  for (const one of opened) await one.body?.cancel().catch(() => {});
  await nodes[0]?.restart();
});

test('without Redis each process has its share: never more than the limit in all', async () => {
  await sleep(4000);
  await fleet.redis.kill();
  await eventually(
    async () => {
      const states = await Promise.all(nodes.map((one) => call<{ missing: string[] }>(one, '/readyz')));
      return states.every(({ body }) => body.missing.includes('redis')) ? true : null;
    },
    'every process has noticed',
    15_000,
  );
  const let_in = await burst('away', 120);
  assert.ok(let_in <= 30, `${let_in}`);
  assert.ok(let_in >= 27, `${let_in}`);
  const opened = await seats(9);
  assert.ok(opened.length <= 4 && opened.length >= 3, `${opened.length}`);
  for (const one of opened) await one.body?.cancel();
});

test('and when it is back, empty, what was used meanwhile is not forgotten', async () => {
  await fleet.redis.start();
  await eventually(
    async () => {
      const states = await Promise.all(nodes.map((one) => call<{ missing: string[] }>(one, '/readyz')));
      return states.every(({ body }) => !body.missing.includes('redis')) ? true : null;
    },
    'every process has it again',
    15_000,
  );
  await sleep(1500);
  assert.equal(await burst('away', 60), 0);
  // Each process may have one that nobody uses.
  const let_in = await burst('anew', 60);
  assert.ok(let_in <= 30 && let_in >= 30 - nodes.length, `${let_in}`);
});
