/** `/mcp/v1/raw/{provider}/…`: other paths of a vendor, and what must not be reached through them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { call, isProblem, type Json } from '../support/api.ts';
import { PRICE, type RawHouse, startRawHouse } from '../support/raw.ts';
import { rawRequest } from '../support/raw-http.ts';
import { OPENAI_KEY } from '../support/vendors.ts';

let house: RawHouse;
before(async () => {
  house = await startRawHouse();
});
after(() => house.close());

test('every method goes below the base URL, with the key of the provider, and body and query as they came', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    const body = method === 'GET' || method === 'DELETE' ? undefined : Buffer.from([0, 255, 13, 10, 128, 0x7b]);
    const path = `/files/a%20b:c?limit=2&q=a+b&x=%2F..`;
    const answer = await house.raw(`openai${path}`, {
      method,
      headers: {
        ...(body ? { 'content-type': 'multipart/form-data; boundary=zz' } : {}),
        authorization: 'Bearer mine',
        'x-api-key': 'mine',
        cookie: 'a=b',
        'x-own': 'no',
        'x-forwarded-for': '10.0.0.1',
        'openai-beta': 'mine',
        accept: 'x/y',
      },
      ...(body ? { raw: body } : {}),
    });
    assert.equal(answer.status, 200, answer.text);
    const heard = house.vendor.heard.at(-1);
    assert.deepEqual([heard?.method, heard?.url], [method, `/base/v1${path}`]);
    assert.deepEqual(heard?.body, body ?? Buffer.alloc(0));
    const { headers = {} } = heard ?? {};
    assert.equal(headers.authorization, `Bearer ${OPENAI_KEY}`);
    assert.equal(headers.host, `127.0.0.1:${house.vendor.port}`);
    assert.equal(headers.accept, 'x/y');
    assert.equal(headers['openai-beta'], 'ours', 'what the entry says wins');
    assert.equal(headers['content-type'], body ? 'multipart/form-data; boundary=zz' : undefined);
    for (const name of ['x-api-key', 'cookie', 'x-own', 'x-forwarded-for'])
      assert.equal(headers[name], undefined, name);
    assert.ok(headers['x-mcp-hop'], 'marked as ours');

    assert.equal(answer.headers.get('etag'), '"1"');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    for (const name of ['set-cookie', 'x-own']) assert.equal(answer.headers.get(name), null, name);
    assert.equal(answer.headers.get('x-mcp-provider'), 'openai');
    assert.equal(answer.headers.get('x-mcp-attempts'), '1');
    assert.equal(answer.headers.get('x-mcp-cost-usd'), String(PRICE));
    const row = await house.ended(answer.headers.get('x-mcp-request-id'));
    assert.deepEqual([row.status, row.task_type, row.model, row.cost_usd], ['succeeded', 'raw', null, PRICE]);
    const [attempt] = row.attempts;
    assert.deepEqual([attempt?.provider, attempt?.model, attempt?.status], ['openai', 'raw', 'succeeded']);
    assert.equal(attempt?.reason, `${method} /files/a%20b:c`, 'the query is not kept');
    assert.ok((attempt?.latency_ms ?? -1) >= 0);
    assert.equal(attempt?.cost_usd, PRICE);
    const { body: result } = await call(house.server, `/mcp/v1/request/${row.request_id}/result`);
    assert.deepEqual((result.message as Json).raw, {
      status: 200,
      content_type: 'application/json',
      bytes: answer.text.length,
    });
  }
  const google = await house.raw('goog/models', { headers: { 'x-goog-api-key': 'mine' } });
  assert.equal(google.status, 200);
  assert.equal(house.vendor.heard.at(-1)?.headers['x-goog-api-key'], 'sk-one-0001');
  assert.equal((await house.raw('openai/nothing', { method: 'DELETE' })).status, 204);
});

test('what is packed is not sent on: nobody could search it for secrets', async () => {
  const before = house.vendor.heard.length;
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await house.raw('openai/files', {
      method,
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      raw: gzipSync('{"a":1}'),
    });
    assert.match(isProblem(answer, 415, 'unsupported_media_type').detail, /send the body as it is/);
  }
  assert.equal(house.vendor.heard.length, before);
  const plain = await house.raw('openai/files', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'identity' },
    raw: '{"a":1}',
  });
  assert.equal(plain.status, 200, plain.text);
});

test('labels and the end user are recorded, and the price of a provider that is free is nothing', async () => {
  const answer = await house.raw('free/models', { headers: { 'x-mcp-labels': 'team=a', 'x-mcp-user': 'someone' } });
  assert.equal(answer.headers.get('x-mcp-cost-usd'), '0');
  const { body } = await call(house.server, `/mcp/v1/request/${answer.headers.get('x-mcp-request-id')}`);
  assert.deepEqual([body.labels, (body.attempts as Json[]).length], [{ team: 'a' }, 1]);
  assert.equal((await house.ended(answer.headers.get('x-mcp-request-id'))).cost_usd, 0);
  const list = await call<{ items: Json[] }>(house.server, '/mcp/v1/request?task_type=raw&limit=200');
  assert.ok(list.body.items.length > 0);
});

test('without a price nothing is called, and the refusal says what to set', async () => {
  const from = house.vendor.heard.length;
  const unpriced = isProblem(await house.raw('unpriced/files'), 403, 'forbidden');
  assert.match(unpriced.detail, /set providers\.unpriced\.raw_price_usd in goblin\.yaml/);
  assert.match(isProblem(await house.raw('closed/files'), 403, 'forbidden').detail, /providers\.closed\.raw is false/);
  assert.match(isProblem(await house.raw('barred/files'), 403, 'forbidden').detail, /each has a list of models/);
  assert.match(isProblem(await house.raw('nobody/files'), 404, 'not_found').detail, /nobody is not configured.*openai/);
  isProblem(await house.raw('openai'), 404, 'not_found');
  isProblem(await house.raw('openai/'), 400, 'invalid_request');
  assert.equal(house.vendor.heard.length, from);
  assert.equal((await house.raw('keyed/files')).status, 200);
  assert.equal(
    house.vendor.heard.at(-1)?.headers.authorization,
    'Bearer sk-two-0002',
    'the key that is for all models',
  );
});

test('no trick leads elsewhere', async () => {
  const from = house.vendor.heard.length;
  for (const path of [
    '/../../secret',
    '/files/../../../secret',
    '/%2e%2e/%2e%2e/secret',
    '/%2e%2e%2fsecret',
    '/..%2f..%2fsecret',
    '/..%5c..%5csecret',
    '/..\\..\\secret',
    '/%252e%252e%252fsecret',
    '/..;/secret',
    '//127.0.0.1/secret',
    '/http://127.0.0.1:1/secret',
    '/@127.0.0.1/..',
    '/%00',
    '/a%0d%0aX-Evil:%201',
    '/files?key=mine',
    '/files?a=1&api_key=mine',
    '/files#fragment',
    '/fi les',
  ]) {
    const { status, text } = await rawRequest(house.server, `/mcp/v1/raw/openai${path}`);
    assert.ok(status === 400 || status === 404, `${path}: ${text.slice(0, 200)}`);
    assert.doesNotMatch(text, /node_modules|\.ts:\d+/);
  }
  for (const target of [
    `http://127.0.0.1:${house.vendor.port}/mcp/v1/raw/openai/files`,
    `http://evil.example/mcp/v1/raw/openai/files`,
    '/mcp/v1/raw/openai@127.0.0.1/files',
    '/mcp/v1/raw/%6fpenai/files',
    '/mcp/v1/raw/..%2fopenai/files',
  ]) {
    const { status, text } = await rawRequest(house.server, target);
    assert.ok(status === 400 || status === 404, `${target}: ${text.slice(0, 200)}`);
  }
  const upgraded = await rawRequest(house.server, '/mcp/v1/raw/openai/never', [
    'upgrade: websocket',
    'content-length: 0',
  ]);
  assert.equal(upgraded.status, 504, 'a wish to upgrade is no more than a call');
  assert.equal(house.vendor.heard.length, from + 1);
  assert.equal(house.vendor.heard.at(-1)?.headers.upgrade, undefined);
  // A name below that only looks like the way up.
  assert.equal((await house.raw('openai/files/...')).status, 200);
});

test('errors of the vendor come as they are; what speaks of our key, or leads elsewhere, does not', async () => {
  for (const status of [400, 404, 409, 422, 500, 503, 429]) {
    const answer = await house.raw(`openai/status/${status}`);
    assert.equal(answer.status, status);
    assert.deepEqual(answer.body, { error: { message: `status ${status}` } });
    assert.deepEqual([answer.headers.get('retry-after'), answer.headers.get('location')], ['30', null]);
    assert.equal(answer.headers.get('x-mcp-cost-usd'), '0', 'what the vendor refused costs nothing');
    const row = await house.ended(answer.headers.get('x-mcp-request-id'));
    assert.deepEqual([row.status, row.error?.upstream_status, row.cost_usd], ['failed', status, 0]);
  }
  // It asked for half a minute.
  await call(house.server, '/mcp/v1/admin/keys/reset', { method: 'POST', json: { provider: 'openai' } });
  for (const [status, code] of [
    [401, 'upstream_unauthorized'],
    [403, 'upstream_forbidden'],
    [407, 'upstream_unauthorized'],
    [301, 'upstream_redirect'],
    [302, 'upstream_redirect'],
    [307, 'upstream_redirect'],
    [308, 'upstream_redirect'],
  ] as const) {
    const answer = await house.raw(`openai/status/${status}`);
    isProblem(answer, 502, code);
    assert.doesNotMatch(answer.text, /sk-|evil/);
    assert.deepEqual([answer.headers.get('location'), answer.headers.get('www-authenticate')], [null, null]);
    assert.equal((await house.ended(answer.headers.get('x-mcp-request-id'))).error?.code, code);
  }
  assert.equal((await house.raw('openai/status/304')).status, 304);
  const away = await house.raw('nowhere/files');
  isProblem(away, 502, 'upstream_unreachable');
  const row = await house.ended(away.headers.get('x-mcp-request-id'));
  assert.deepEqual([row.attempts.length, row.cost_usd], [1, 0], 'it never left');
});

test('too much is refused, other methods too, and what came from us does not come back', async () => {
  const from = house.vendor.heard.length;
  isProblem(
    await house.raw('openai/files', { raw: Buffer.alloc(200_001), headers: { 'content-type': 'a/b' } }),
    413,
    'body_too_large',
  );
  const head = await house.raw('openai/files', { method: 'HEAD' });
  assert.equal(head.status, 405);
  isProblem(await house.raw('openai/files', { method: 'OPTIONS' }), 405, 'method_not_allowed');
  assert.equal(
    (await house.raw('openai/files', { raw: 'plain', headers: { 'content-type': 'text/plain' } })).status,
    200,
  );
  const hop = String(house.vendor.heard.at(-1)?.headers['x-mcp-hop']);
  isProblem(await house.raw('openai/files', { headers: { 'x-mcp-hop': hop } }), 508, 'loop_detected');
  assert.equal(house.vendor.heard.length, from + 1);
});

test('a call with a key runs once', async () => {
  const key = { 'idempotency-key': 'raw-once', 'content-type': 'text/plain' };
  const from = house.vendor.heard.length;
  const first = await house.raw('openai/files', { raw: 'a', headers: key });
  assert.equal(first.status, 200);
  const again = isProblem(await house.raw('openai/files', { raw: 'a', headers: key }), 410, 'gone');
  assert.match(again.detail, new RegExp(first.headers.get('x-mcp-request-id') ?? 'none'));
  for (const [path, body] of [
    ['openai/files', 'b'],
    ['openai/other', 'a'],
    ['goog/files', 'a'],
  ] as const) {
    isProblem(await house.raw(path, { raw: body, headers: key }), 422, 'idempotency_mismatch');
  }
  assert.equal(house.vendor.heard.length, from + 1);
});
