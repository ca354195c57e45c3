/** Whatever is refused under the addresses of vendors is told in their own form: their clients read nothing else. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Answer, type CallOptions, call, type Json } from '../support/api.ts';
import { rawRequest } from '../support/raw-http.ts';
import { type Server, startServer } from '../support/server.ts';

let open: Server;
let closed: Server;
before(async () => {
  open = await startServer({ settings: { body_bytes: 5000 } });
  closed = await startServer({ env: { MCP_AUTH: 'required', OPENAI_API_KEY: 'sk-none' } });
});
after(async () => {
  await open?.stop();
  await closed?.stop();
});

const DOORS = {
  openai: '/v1/chat/completions',
  embeddings: '/v1/embeddings',
  responses: '/v1/responses',
  anthropic: '/v1/messages',
  counting: '/v1/messages/count_tokens',
};
type Door = keyof typeof DOORS;

/** Checks that it is an error of the door, and answers its words. */
function said(
  door: Door,
  answer: Pick<Answer<Json>, 'status' | 'headers' | 'body' | 'text'>,
  status: number,
  code: string,
): string {
  const what = `${door} ${answer.text.slice(0, 300)}`;
  assert.equal(answer.status, status, what);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/, what);
  const error = answer.body.error as Json;
  assert.equal(typeof error?.message, 'string', what);
  if (door === 'anthropic' || door === 'counting') {
    assert.equal(answer.body.type, 'error', what);
    assert.equal((error.details as Json).error_code, code, what);
  } else {
    assert.equal(answer.body.type, undefined, what);
    assert.equal(error.code, code, what);
    assert.ok('param' in error, what);
  }
  assert.equal(typeof error.type, 'string');
  return String(error.message);
}

const post = (server: Server, path: string, options: CallOptions = {}) =>
  call<Json>(server, path, { method: 'POST', ...options });

for (const [door, path] of Object.entries(DOORS) as [Door, string][]) {
  test(`${path}: each refusal has the form of the door`, async () => {
    const wrong = await call<Json>(open, path, { method: 'GET' });
    assert.match(said(door, wrong, 405, 'method_not_allowed'), /Use POST/);
    assert.equal(wrong.headers.get('allow')?.includes('POST'), true);
    assert.equal(wrong.headers.get('x-should-retry'), 'false');
    for (const method of ['PUT', 'DELETE', 'PATCH'])
      said(door, await call<Json>(open, path, { method }), 405, 'method_not_allowed');
    said(door, await post(open, `${path}/no/such/thing`, { json: {} }), 404, 'not_found');
    said(
      door,
      await post(open, path, { raw: 'a', headers: { 'content-type': 'text/plain' } }),
      415,
      'unsupported_media_type',
    );
    // A usual call but for that: not the framework's way alone says so.
    const packed = { raw: gzipSync('{}'), headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } };
    assert.match(said(door, await post(open, path, packed), 415, 'unsupported_media_type'), /send the body as it is/);
    const large = { raw: JSON.stringify({ a: 'x'.repeat(6000) }), headers: { 'content-type': 'application/json' } };
    said(door, await post(open, path, large), 413, 'body_too_large');
    said(door, await post(open, path, { json: {}, headers: { origin: 'http://evil.example' } }), 403, 'forbidden');
    // 401 comes before all that.
    said(
      door,
      await post(closed, path, { json: {}, headers: { authorization: 'Bearer nothing' } }),
      401,
      'unauthorized',
    );
    said(door, await call<Json>(closed, `${path}/no/such`, { headers: { authorization: '' } }), 401, 'unauthorized');
    said(
      door,
      await call<Json>(closed, path, { method: 'DELETE', headers: { authorization: '' } }),
      401,
      'unauthorized',
    );
  });

  test(`${path}: what is said of a body that cannot be read names the fields of the door`, async () => {
    const headers = { 'content-type': 'application/json' };
    const bodies: [string, number, string][] = [
      ['', 400, 'malformed_json'],
      ['[]', 400, 'invalid_request'],
      ['"text"', 400, 'invalid_request'],
      ['null', 400, 'invalid_request'],
    ];
    const own = door === 'embeddings' || door === 'responses' ? 'input' : 'messages';
    for (const [raw, status, code] of bodies) {
      const words = said(door, await post(open, path, { raw, headers }), status, code);
      assert.match(words, new RegExp(`e\\.g\\. \\{.*"${own}"`), raw);
      assert.doesNotMatch(words, /prompt/);
      const [, example = ''] = /e\.g\. (\{.*\})/.exec(words) ?? [];
      const taken = await post(open, path, { raw: example, headers });
      assert.ok(taken.status === 200 || (door === 'embeddings' && taken.status === 503), `${example}: ${taken.text}`);
    }
    assert.doesNotMatch(said(door, await post(open, path, { raw: '{"a":', headers }), 400, 'malformed_json'), /prompt/);
    const empty = said(door, await post(open, path, { json: {} }), 400, 'invalid_request');
    assert.match(empty, new RegExp(own));
    assert.doesNotMatch(empty, /prompt/);
  });
}

test('the list of models goes by who asks', async () => {
  const version = { 'anthropic-version': '2023-06-01' };
  for (const path of ['/v1/models/no/such', '/v1/nothing']) {
    said('openai', await call<Json>(open, path), 404, 'not_found');
    said('anthropic', await call<Json>(open, path, { headers: version }), 404, 'not_found');
  }
  said('openai', await post(open, '/v1/models', { json: {} }), 405, 'method_not_allowed');
  said('anthropic', await post(open, '/v1/models', { json: {}, headers: version }), 405, 'method_not_allowed');
  said('openai', await post(open, DOORS.openai, { json: {}, headers: version }), 400, 'invalid_request');
  said('openai', await call<Json>(closed, '/v1/models', { headers: { authorization: '' } }), 401, 'unauthorized');
});

test('an address that cannot be read, and addresses of our own', async () => {
  const { status, text } = await rawRequest(open, '/v1/%');
  assert.equal(status, 400);
  assert.equal(typeof (JSON.parse(text.slice(text.indexOf('{'))) as { error: Json }).error.message, 'string');
  for (const path of ['/mcp/v1/nothing', '/v1', '/v11/chat/completions']) {
    const answer = await call<Json>(open, path);
    assert.equal(answer.status, 404);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, path);
  }
  const own = await post(open, '/mcp/v1/request', { raw: '[]', headers: { 'content-type': 'application/json' } });
  assert.match(String(own.body.detail), /\{"prompt": "Hello"\}/);
});
