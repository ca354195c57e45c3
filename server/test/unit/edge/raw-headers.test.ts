import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GoblinError } from '../../../src/contract/errors.ts';
import { headersToCaller, headersToVendor } from '../../../src/edge/raw-headers.ts';

test('a vendor gets what says how to read the call, and nothing that says who asks', () => {
  const given = {
    accept: 'audio/mpeg',
    'content-type': 'multipart/form-data; boundary=x',
    'anthropic-beta': 'files-api-2025-04-14',
    'openai-beta': 'assistants=v2',
    'x-amzn-bedrock-trace': 'ENABLED',
    range: 'bytes=0-9',
  };
  const kept = {
    host: 'evil.example',
    authorization: 'Bearer mine',
    'proxy-authorization': 'Basic x',
    'x-api-key': 'mine',
    'api-key': 'mine',
    'x-goog-api-key': 'mine',
    'openai-organization': 'org',
    cookie: 'a=b',
    connection: 'upgrade',
    upgrade: 'websocket',
    te: 'trailers',
    'transfer-encoding': 'chunked',
    'content-length': '5',
    'accept-encoding': 'gzip',
    'x-forwarded-for': '10.0.0.1',
    forwarded: 'for=10.0.0.1',
    'x-mcp-hop': 'a',
    'x-mcp-user': 'b',
    'x-http-method-override': 'DELETE',
    'x-original-url': '/admin',
    'x-amz-security-token': 'mine',
    'idempotency-key': 'k',
    referer: 'http://here',
    origin: 'http://here',
    'user-agent': 'mine',
  };
  assert.deepEqual(headersToVendor({ ...given, ...kept }), given);
  assert.throws(
    () => headersToVendor({ accept: 'a\u00e4' }),
    (error) => error instanceof GoblinError && error.code === 'invalid_request',
  );
});

test('a caller gets what says how to read the answer, and pages are kept from acting', () => {
  const ours = { 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; sandbox" };
  const given = {
    'content-type': 'text/html',
    'content-length': '12',
    etag: '"a"',
    'retry-after': '3',
    'x-request-id': 'r',
  };
  const kept = {
    'set-cookie': 'a=b',
    location: 'http://evil.example',
    connection: 'close',
    'transfer-encoding': 'chunked',
    'www-authenticate': 'Bearer',
    'access-control-allow-origin': '*',
    'x-mcp-request-id': 'forged',
    'content-security-policy': 'none',
    refresh: '0; url=http://evil.example',
    'openai-organization': 'org-of-ours',
    'x-ratelimit-remaining-requests': '5',
    server: 'x',
  };
  assert.deepEqual(headersToCaller({ ...given, ...kept }), { ...given, ...ours });
  assert.deepEqual(headersToCaller({ 'content-length': '12, 12' }), ours);
  assert.deepEqual(headersToCaller({ etag: 'a\r\nset-cookie: x' }), ours);
});

test('no other name ever passes', () => {
  const names = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz-'), minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(names, (name) => {
      if (/^(accept|content-|range$|if-|prefer$|anthropic-|openai-beta$|x-amzn-bedrock-)/.test(name)) return;
      assert.deepEqual(headersToVendor({ [name]: 'x' }), {});
    }),
  );
});
