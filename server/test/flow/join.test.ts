/** A retry joins, and never pays again: by key on its process, by mark without a key, and what was not delivered. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { view } from '../support/api.ts';
import { eventually, startServer } from '../support/server.ts';
import { callsOver, callsWith, type House, MODEL, OPENAI_KEY, saidBy, startHouse } from '../support/vendors.ts';

let house: House;
before(async () => {
  house = await startHouse();
});
after(() => house.close());

const PATH = '/v1/chat/completions';
const MARK = { 'x-stainless-retry-count': '1' };

interface Open {
  headers: http.IncomingHttpHeaders;
  status: number;
  /** What came until now. */
  text(): string;
  done: Promise<string>;
  leave(): void;
}

/** A call of which the reader sees every byte as it comes. */
function open(
  body: unknown,
  headers: Record<string, string> = {},
  read = true,
  at = house.server.address,
): Promise<Open> {
  const url = new URL(PATH, at);
  const bytes = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = http.request(url, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes), ...headers },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', () => {});
      const done = new Promise<string>((over) => {
        if (read) response.on('data', (piece: string) => (text += piece));
        response.on('end', () => over(text));
      });
      resolve({
        headers: response.headers,
        status: response.statusCode ?? 0,
        text: () => text,
        done,
        leave: () => request.destroy(),
      });
    });
    request.end(bytes);
  });
}

/** The answer's text as a client puts it together. */
function contentOf(stream: string): string {
  assert.match(stream, /data: \[DONE\]\n\n$/);
  return [...stream.matchAll(/^data: (\{.*\})$/gm)]
    .map(([, json]) => JSON.parse(json as string) as { choices: { delta?: { content?: string } }[] })
    .map(({ choices }) => choices[0]?.delta?.content ?? '')
    .join('');
}

const ask = (prompt: string, stream: boolean) => ({
  model: MODEL,
  stream,
  messages: [{ role: 'user', content: prompt }],
});

test('with a key an answer runs on when its caller leaves, and the retry hears it from its first byte', async () => {
  const prompt = 'Leave and come back [[sim tokens=40 rate=20]]';
  const headers = { 'idempotency-key': 'join-1' };
  const first = await open(ask(prompt, true), headers);
  await eventually(() => first.text().split('data:').length > 5, 'some tokens');
  first.leave();
  await sleep(200);
  const second = await open(ask(prompt, true), headers);
  assert.equal(second.headers['idempotent-replayed'], 'true');
  assert.equal(second.headers['x-mcp-request-id'], first.headers['x-mcp-request-id']);
  const { text } = await saidBy(house.vendor, prompt);
  assert.equal(contentOf(await second.done), text);
  assert.equal((await callsOver(house.vendor, 'Leave and come back')).length, 2, 'one call, and the one of this test');
  const third = await open(ask(prompt, true), headers);
  assert.equal(contentOf(await third.done), text, 'told again from the record');
});

test('two with one key at once are one call, and both have the whole answer', async () => {
  const prompt = 'Both at once [[sim tokens=20 rate=40]]';
  const headers = { 'idempotency-key': 'join-2' };
  const [a, b] = await Promise.all([open(ask(prompt, true), headers), open(ask(prompt, true), headers)]);
  assert.equal(contentOf(await a.done), contentOf(await b.done));
  assert.equal(callsWith(house.vendor, 'Both at once').length, 1);
});

test('another body under the key of a running call is 422', async () => {
  const headers = { 'idempotency-key': 'join-3' };
  const first = await open(ask('The first body [[sim tokens=20 rate=40]]', true), headers);
  const other = await open(ask('Another body', true), headers);
  assert.equal(other.status, 422);
  assert.match(await other.done, /idempotency_mismatch/);
  await first.done;
});

test('a marked retry without a key joins what still runs, if it is the very same call', async () => {
  const prompt = 'Still running [[sim tokens=30 rate=6]]';
  const first = await open(ask(prompt, true));
  await eventually(() => first.text().includes('content'), 'the first token');
  const same = await open(ask(prompt, true), MARK);
  const unmarked = await open(ask(prompt, true));
  const other = await open({ ...ask(prompt, true), temperature: 1 }, MARK);
  const texts = await Promise.all([first.done, same.done, unmarked.done, other.done]);
  assert.equal(new Set(texts.map(contentOf)).size, 1);
  assert.equal(same.headers['x-mcp-request-id'], first.headers['x-mcp-request-id']);
  assert.notEqual(unmarked.headers['x-mcp-request-id'], first.headers['x-mcp-request-id']);
  assert.equal(callsWith(house.vendor, 'Still running').length, 3);
});

test('a call whose caller left without a key was cancelled: its retry is a new one', async () => {
  const prompt = 'Gone for good [[sim tokens=60 rate=20]]';
  const first = await open(ask(prompt, true));
  await eventually(() => first.text().includes('content'), 'the first token');
  first.leave();
  await callsOver(house.vendor, 'Gone for good');
  const second = await open(ask(prompt, true), MARK);
  assert.notEqual(second.headers['x-mcp-request-id'], first.headers['x-mcp-request-id']);
  contentOf(await second.done);
  assert.equal(callsWith(house.vendor, 'Gone for good').length, 2);
});

test('a complete answer that did not reach its caller is given to the marked retry, once', async () => {
  // More than the buffers of the system take, so that the server knows that it was not read.
  const content = 'x'.repeat(6_000_000);
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
  let calls = 0;
  const vendor = http.createServer((request, response) => {
    if (request.method === 'POST') calls++;
    request.resume().on('end', () => response.end(JSON.stringify({ id: 'c', object: 'chat.completion', choices })));
  });
  await new Promise<void>((ready) => vendor.listen(0, '127.0.0.1', ready));
  const port = (vendor.address() as AddressInfo).port;
  const server = await startServer({
    env: { OPENAI_API_KEY: OPENAI_KEY, OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` },
  });
  try {
    const body = ask('Too much to send', false);
    const first = await open(body, {}, false, server.address);
    await sleep(200);
    first.leave();
    // The record takes a while over so much text; how long, the machine says.
    const id = String(first.headers['x-mcp-request-id']);
    await eventually(async () => (await view(server, id)).status !== 'running', 'its record', 60_000);
    await sleep(2000);
    const second = await open(body, MARK, true, server.address);
    assert.equal(second.headers['idempotent-replayed'], 'true');
    assert.equal(second.headers['x-mcp-request-id'], first.headers['x-mcp-request-id']);
    assert.equal(JSON.parse(await second.done).choices[0].message.content, content);
    assert.equal(calls, 1);
    const third = await open(body, MARK, true, server.address);
    assert.equal(third.headers['idempotent-replayed'], undefined);
    await third.done;
    assert.equal(calls, 2);
  } finally {
    await server.stop();
    vendor.close();
    vendor.closeAllConnections();
  }
});
