/** Raw calls as they flow: streams, slow readers, answers that break off, callers who leave. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { call, isProblem, view } from '../support/api.ts';
import { PRICE, type RawHouse, SILENT_MS, startRawHouse } from '../support/raw.ts';
import { eventually } from '../support/server.ts';

let house: RawHouse;
before(async () => {
  house = await startRawHouse();
});
after(() => house.close());

test('a stream is passed on event by event; closing the connection closes that of the vendor', async () => {
  const gone = new AbortController();
  const answer = await fetch(house.server.url('/mcp/v1/raw/openai/events'), { signal: gone.signal });
  assert.equal(answer.status, 200, 'the head comes before the first event');
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.ok(reader);
  for (const event of ['data: one\n\n', ': ping\n\n', 'data: two\n\n']) {
    house.vendor.stream()?.write(event);
    assert.equal((await reader.read()).value, event);
  }
  const id = answer.headers.get('x-mcp-request-id');
  assert.equal((await view(house.server, id ?? '')).status, 'running');
  gone.abort();
  await eventually(() => house.vendor.heard.at(-1)?.closed, 'the end at the vendor');
  const row = await house.ended(id);
  assert.deepEqual([row.status, row.attempts[0]?.status, row.cost_usd], ['cancelled', 'cancelled', PRICE]);
  const whole = await house.raw('openai/events', { headers: {} }).catch((error: unknown) => error);
  assert.ok(whole instanceof Error, 'a stream that falls silent is cut, not ended');
});

test('a cancel by id closes it too', async () => {
  const answer = fetch(house.server.url('/mcp/v1/raw/openai/never')).then(
    async (got) => [got.status, await got.text()] as const,
  );
  const row = await eventually(async () => {
    const list = await call<{ items: { request_id: string }[] }>(
      house.server,
      '/mcp/v1/request?task_type=raw&status=running',
    );
    return list.body.items[0];
  }, 'the running row');
  await call(house.server, `/mcp/v1/cancel/${row.request_id}`, { method: 'POST' });
  await eventually(() => house.vendor.heard.at(-1)?.closed, 'the end at the vendor');
  const [status, text] = await answer;
  assert.equal(status, 409, text);
  const ends = await eventually(async () => {
    const found = await view(house.server, row.request_id);
    return found.attempts[0]?.status === 'cancelled' ? found : null;
  }, 'the money');
  assert.deepEqual([ends.status, ends.attempts[0]?.cost_usd], ['cancelled', PRICE]);
});

test('what breaks off is never passed as whole', async () => {
  const cut = await fetch(house.server.url('/mcp/v1/raw/openai/cut'));
  assert.equal(cut.status, 200);
  await assert.rejects(cut.arrayBuffer());
  const row = await house.ended(cut.headers.get('x-mcp-request-id'));
  assert.deepEqual([row.status, row.error?.code, row.cost_usd], ['failed', 'upstream_truncated', PRICE]);
  const never = await house.raw('openai/never');
  isProblem(never, 504, 'upstream_timeout');
  const late = await house.ended(never.headers.get('x-mcp-request-id'));
  assert.deepEqual([late.error?.code, late.cost_usd], ['upstream_timeout', PRICE], 'nobody knows what it did');
  const short = await house.raw('openai/never', { headers: { 'x-mcp-deadline-ms': '200' } });
  isProblem(short, 504, 'expired');
  assert.equal((await house.ended(short.headers.get('x-mcp-request-id'))).status, 'expired');
});

test('a slow reader slows the vendor, and gets every byte', async () => {
  const got = httpRequest(house.server.url('/mcp/v1/raw/free/big'));
  got.end();
  const [response] = await once(got, 'response');
  // Longer than a vendor may be silent.
  await new Promise((resolve) => setTimeout(resolve, SILENT_MS + 1000));
  const heard = house.vendor.heard.at(-1);
  const before = heard?.sent ?? 0;
  assert.ok(before < 24 * 1024 * 1024, `${before} bytes had been taken while nobody read`);
  const sum = createHash('sha256');
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    sum.update(chunk);
  }
  assert.equal(size, 48 * 1024 * 1024);
  assert.equal(sum.digest('hex'), createHash('sha256').update(Buffer.alloc(size, 'b')).digest('hex'));
  assert.equal((await house.ended(String(response.headers['x-mcp-request-id']))).status, 'succeeded');
});
