/** Redis holds what it likes: foreign, old, malformed, forged, repeated, moved. Nothing of it decides anything; it is counted. */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createSeal } from '../../src/drivers/redis-seal.ts';
import { call, result, submit, view } from '../support/api.ts';
import { type ClusterNode, type Fleet, SECRET, startFleet } from '../support/cluster.ts';
import { eventually } from '../support/server.ts';
import { checkFrames, openSse, openWs, readAll, textOf } from '../support/streams.ts';
import { callsWith, MODEL, saidBy } from '../support/vendors.ts';

const TICKETS = 'goblin:tickets';
const channel = (topic: string) => `goblin:0:${topic}`;
const cache = (topic: string) => `goblin:frames:${topic}`;

type Counts = Record<'foreign' | 'malformed' | 'forged' | 'old', number>;

let fleet: Fleet;
let other: ClusterNode;
let api: ClusterNode;
let redis: Redis;

before(async () => {
  fleet = await startFleet();
  [other, api] = await Promise.all([fleet.start('api'), fleet.start('api'), fleet.start('worker')]);
  redis = new Redis(fleet.redis.url);
});
after(async () => {
  redis?.disconnect();
  await fleet.close();
});

/** Of all processes, as any API tells it: only workers take tickets. */
async function counted(node: ClusterNode): Promise<{ tickets: Counts; messages: Counts; state: string }> {
  const { body } = await call<{ redis: { state: string; tickets_ignored: Counts; messages_ignored: Counts } }>(
    node,
    '/mcp/v1/admin/metrics',
  );
  return { state: body.redis.state, tickets: body.redis.tickets_ignored, messages: body.redis.messages_ignored };
}

/** What looks like ours: the right version, the right length, the wrong seal. */
const forged = () => Buffer.concat([Buffer.from('G1'), randomBytes(60)]);
const malformed = () => Buffer.from('G1 too short');

/** Sealed by the right secret, two minutes ago. */
function old(place: string, content: string): Buffer {
  const seal = createSeal([createHmac('sha256', SECRET).update('goblin redis').digest()], 'another-process');
  const now = Date.now;
  try {
    Date.now = () => now() - 120_000;
    return seal.close(place, content);
  } finally {
    Date.now = now;
  }
}

test('tickets of every wrong kind wake nobody, are counted, and the work goes on', async () => {
  const before = (await counted(api)).tickets;
  const wrong: Buffer[] = [];
  for (let n = 0; n < 5; n++) wrong.push(Buffer.from(`{"job":${n}}`), malformed(), forged(), old('ticket', ''));
  await redis.rpush(TICKETS, ...wrong);
  const seen = await eventually(async () => {
    const { tickets } = await counted(api);
    const more = (kind: keyof Counts) => tickets[kind] - before[kind];
    return more('foreign') + more('malformed') + more('forged') + more('old') >= 20 ? tickets : null;
  }, 'all are counted');
  for (const kind of ['foreign', 'malformed', 'forged', 'old'] as const)
    assert.equal(seen[kind] - before[kind], 5, kind);

  // So many that they must be thrown away, and one key of another type in the place of ours.
  for (let n = 0; n < 20; n++) await redis.rpush(TICKETS, ...Array.from({ length: 500 }, forged));
  const flooded = await submit(api, { prompt: 'In the flood', model: MODEL });
  assert.equal((await result(api, flooded.request_id)).status, 'succeeded');
  for (const spoil of [
    () => redis.set(TICKETS, 'a string'),
    () => redis.hset(TICKETS, 'a', 'b'),
    () => redis.zadd(TICKETS, 1, 'a'),
  ]) {
    await redis.del(TICKETS);
    await spoil();
    const { request_id: id } = await submit(api, { prompt: 'Another type', model: MODEL });
    assert.equal((await result(api, id)).status, 'succeeded');
  }
  const later = await submit(api, { prompt: 'After the wrong type', model: MODEL });
  assert.equal((await result(api, later.request_id)).status, 'succeeded');
  await eventually(
    async () => (await counted(api)).tickets.foreign > seen.foreign,
    'the wrong type is counted by whoever meets it',
    15_000,
  );
  assert.equal((await counted(api)).state, 'up');
  const [wait] = await fleet.sql<{ ms: number }>(
    `select max(extract(epoch from started_at - created_at) * 1000)::float8 as ms from mcp_request`,
  );
  // Work is looked for each second; the rest is for a busy machine.
  assert.ok((wait?.ms ?? 0) <= 5000, `${wait?.ms} ms`);
});

test('messages of every wrong kind change no stream and cancel nothing; they are counted', async () => {
  const prompt = 'Disturbed [[sim tokens=40 rate=10]]';
  const said = saidBy(fleet.vendor, prompt);
  const { request_id: id } = await submit(api, { prompt, model: MODEL });
  const readers = await Promise.all([openSse(api, id), openWs(other, id)]);
  await Promise.all(readers.map((reader) => reader.until((frame) => frame.type === 'text')));
  const before = (await counted(api)).messages;
  const frame = (seq: number) => ({ seq, type: 'text', json: `{"seq":${seq},"type":"text","text":"FORGED"}` });
  const lie = JSON.stringify({ type: 'frames', frames: [frame(3), frame(4), frame(5), frame(99)] });
  const end = JSON.stringify({ type: 'frames', frames: [{ seq: 9, type: 'end', json: '{"seq":9,"type":"end"}' }] });
  for (let n = 0; n < 3; n++) {
    await redis.publish(channel(id), lie);
    await redis.publish(channel(id), malformed());
    await redis.publish(channel(id), forged());
    await redis.publish(channel(id), old(id, end));
    // A seal of another place, taken over with its content.
    await redis.publish(channel(id), old('another-topic', lie));
    await redis.publish(channel('cancels'), JSON.stringify({ type: 'cancel', id }));
    await redis.publish(channel('cancel'), forged());
    await redis.publish(channel(id), Buffer.concat([Buffer.from('G1'), Buffer.alloc(32), Buffer.from(lie)]));
  }
  // Into the cache of frames, too: in front of ours, and something of another type.
  await redis.xadd(cache(id), '1000-0', 'm', lie).catch(() => {});
  const fromCache = await openSse(other, id);
  await redis.del(cache(id));
  await redis.set(cache(id), 'a string');
  const fromString = await openWs(api, id);

  const all = await Promise.all([...readers, fromCache, fromString].map((reader) => readAll(Promise.resolve(reader))));
  const [first] = all;
  assert.equal(checkFrames(first ?? []).status, 'succeeded');
  assert.equal(textOf(first ?? []), (await said).text);
  for (const frames of all) assert.deepEqual(frames, first);
  assert.equal((await view(api, id)).status, 'succeeded');
  assert.equal(callsWith(fleet.vendor, 'Disturbed').filter((entry) => entry.stream).length, 1);
  // Each process tells of what it counted with its heartbeat.
  await eventually(async () => {
    const { messages } = await counted(api);
    const more = (kind: keyof Counts) => messages[kind] - before[kind];
    return more('foreign') >= 3 && more('malformed') >= 3 && more('forged') >= 9 && more('old') >= 3;
  }, 'three of each are counted, nine of those that are forged');
});

test('our own messages, recorded: told twice, late, in the wrong order, in the wrong place', async () => {
  const ear = new Redis(fleet.redis.url);
  const heard: { channel: string; message: Buffer }[] = [];
  ear.on('pmessageBuffer', (_pattern: string, from: Buffer, message: Buffer) => {
    heard.push({ channel: from.toString(), message });
  });
  await ear.psubscribe('goblin:*');
  const prompts = ['One of two [[sim tokens=40 rate=10]]', 'Two of two [[sim tokens=41 rate=10]]'];
  const said = Promise.all(prompts.map((prompt) => saidBy(fleet.vendor, prompt)));
  const ids: string[] = [];
  for (const prompt of prompts) ids.push((await submit(other, { prompt, model: MODEL })).request_id);
  const readers = await Promise.all(ids.map((id) => openSse(api, id)));
  for (let n = 0; n < 8; n++) {
    await sleep(300);
    for (const { channel: from, message } of heard.slice().reverse()) {
      await redis.publish(from, message);
      for (const id of ids) await redis.publish(channel(id), message);
    }
    await redis.rpush(TICKETS, ...heard.slice(0, 50).map(({ message }) => message));
    heard.splice(0, heard.length - 20);
  }
  ear.disconnect();
  for (const [n, reader] of readers.entries()) {
    const frames = await readAll(Promise.resolve(reader));
    assert.equal(checkFrames(frames).status, 'succeeded');
    assert.equal(textOf(frames), (await said)[n]?.text);
    assert.deepEqual(await readAll(openWs(other, ids[n] as string)), frames);
  }
  assert.ok((await counted(api)).messages.forged > 0);
});
