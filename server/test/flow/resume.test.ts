/**
 * A stream of 200 frames, cut at every position and resumed on the other node: what was read before the cut and what
 * comes after it is, byte for byte, what an uncut reader has. While it runs and after its end; with Redis, with a Redis
 * that forgot everything, and without one.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { submit, view } from '../support/api.ts';
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts';
import { type PostgresService, type RedisService, startPostgres, startRedis } from '../support/services.ts';
import { checkFrames, openSse, readAll } from '../support/streams.ts';
import { MODEL, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

let vendor: Simulator;
let postgres: PostgresService;
let redis: RedisService;
let cluster: Cluster;

before(async () => {
  [vendor, postgres, redis] = await Promise.all([
    startSimulator({ journal: true, key: OPENAI_KEY }),
    startPostgres(),
    startRedis(),
  ]);
  cluster = await startCluster({
    apis: 2,
    workers: 1,
    env: { ...openaiEnv(vendor), DATABASE_URL: postgres.url, REDIS_URL: redis.url },
  });
});
after(async () => {
  await cluster.stop();
  await Promise.all([vendor.close(), postgres.stop(), redis.stop()]);
});

type Form = 'sse' | 'ws';

/** The raw texts of frames, as they are on the wire: `data` of SSE, messages of a WebSocket. */
async function raw(node: ClusterNode, form: Form, id: string, from: number, most: number): Promise<string[]> {
  return form === 'sse' ? await rawSse(node, id, from, most) : await rawWs(node, id, from, most);
}

function rawSse(node: ClusterNode, id: string, from: number, most: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = from === 0 ? {} : { 'last-event-id': String(from) };
    const request = http.get(`${node.address}/mcp/v1/stream/${id}`, { agent: false, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode} at ${from}`));
      const frames: string[] = [];
      let rest = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        rest += text;
        for (let at = rest.indexOf('\n\n'); at >= 0 && frames.length < most; at = rest.indexOf('\n\n')) {
          const data = /^data: (.*)$/m.exec(rest.slice(0, at))?.[1];
          if (data !== undefined) frames.push(data);
          rest = rest.slice(at + 2);
        }
        // The cut is ours, in whatever state the connection is.
        if (frames.length >= most) request.destroy();
      });
      response.on('error', () => {}).on('close', () => resolve(frames));
    });
    request.on('error', (error) => (request.destroyed ? null : reject(error)));
  });
}

function rawWs(node: ClusterNode, id: string, from: number, most: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const url = `${node.address.replace('http', 'ws')}/mcp/v1/stream/${id}${from === 0 ? '' : `?after=${from}`}`;
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const frames: string[] = [];
    socket.on('message', (data) => {
      if (frames.length < most) frames.push(String(data));
      if (frames.length >= most) socket.terminate();
    });
    socket.on('error', reject).on('close', () => resolve(frames));
  });
}

const FRAMES = 200;
const formOf = (cut: number): Form => (cut % 2 === 0 ? 'sse' : 'ws');
const otherForm = (cut: number): Form => (cut % 4 < 2 ? 'ws' : 'sse');

/** Reads `cut` frames on one node and the rest on the other. */
async function cutAndResumed(id: string, cut: number): Promise<string[]> {
  const [one, other] = cut % 2 === 0 ? cluster.apis : [...cluster.apis].reverse();
  assert.ok(one && other);
  const before = cut === 0 ? [] : await raw(one, formOf(cut), id, 0, cut);
  assert.equal(before.length, cut, `${cut} frames came before the cut`);
  return [...before, ...(await raw(other, otherForm(cut), id, cut, Number.POSITIVE_INFINITY))];
}

/** At this pace nearly each read of the worker is a frame of its own; what is joined on a busy machine leaves 200. */
const PROMPT = '[[sim tokens=520 rate=50]]';

async function everyCut(name: string, during: () => Promise<void>): Promise<void> {
  const { request_id: id } = await submit(cluster.apis[0] as ClusterNode, {
    prompt: `Resume, ${name}. ${PROMPT}`,
    model: MODEL,
  });
  const uncut = raw(cluster.apis[1] as ClusterNode, 'sse', id, 0, Number.POSITIVE_INFINITY);
  // All readers begin at once; each cuts itself where it is due, and goes on elsewhere while the answer still grows.
  const running = Array.from({ length: FRAMES }, (_, cut) => cutAndResumed(id, cut));
  await during();
  const whole = await uncut;
  assert.ok(whole.length >= FRAMES, `the stream has ${whole.length} frames`);
  checkFrames(whole.map((frame) => JSON.parse(frame)));
  for (const [cut, read] of (await Promise.all(running)).entries()) {
    assert.deepEqual(read, whole, `cut after ${cut}, while it ran`);
  }
  assert.equal((await view(cluster.apis[0] as ClusterNode, id)).status, 'succeeded');
  await during();
  for (let cut = 0; cut <= whole.length; cut++) {
    // Beyond the end only the end is told, once more.
    const want = cut === whole.length ? [...whole, whole.at(-1)] : whole;
    assert.deepEqual(await cutAndResumed(id, cut), want, `cut after ${cut}, when it was over`);
  }
}

test('with Redis', { timeout: 240_000 }, () => everyCut('with Redis', async () => {}));

test('with a Redis that forgets everything in the middle', { timeout: 240_000 }, () =>
  everyCut('flushed', async () => {
    await sleep(700);
    redis.cli('flushall');
    await sleep(700);
    redis.cli('flushall');
  }),
);

test('without Redis', { timeout: 300_000 }, async () => {
  await redis.stop();
  await everyCut('away', async () => {});
  await redis.start();
  // It is of use again: a reader hears at once, not when it looks by itself.
  const { request_id: id } = await submit(cluster.apis[0] as ClusterNode, {
    prompt: 'Back. [[sim tokens=5]]',
    model: MODEL,
  });
  checkFrames(await readAll(openSse(cluster.apis[1] as ClusterNode, id)));
});
