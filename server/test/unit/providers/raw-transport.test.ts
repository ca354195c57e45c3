/** Raw calls on the wire: bytes as they are, the provider's own headers over the caller's, signed where calls are signed. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Provider } from '../../../src/contract/provider.ts';
import { createSigV4 } from '../../../src/providers/auth/aws-sigv4.ts';
import { createTransport, type Transport } from '../../../src/providers/transport.ts';
import { providerOf } from '../routing/kit.ts';

const heard: { method: string; url: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    heard.push({ method, url, headers, body: Buffer.concat(chunks) });
    response.end('ok');
  });
});
let transport: Transport;
let baseUrl = '';

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
  transport = createTransport({ connectMs: 10_000, hop: 'us', userAgent: 'goblin', proxy: null });
});
after(async () => {
  await transport.close();
  server.close();
});

const ask = (provider: Provider, call: Parameters<Transport['raw']>[1], hop: string | null = null, key?: string) =>
  new Promise<number>((resolve, reject) => {
    let status = 0;
    transport.raw(
      provider,
      call,
      hop,
      {
        head(code) {
          status = code;
        },
        data() {},
        end: () => resolve(status),
        error: ({ detail }) => reject(new Error(detail)),
      },
      key,
    );
  });

const at = (more: Partial<Provider> = {}): Provider => ({
  ...providerOf({ name: 'vendor' }),
  baseUrl,
  reach: 'private',
  ...more,
});
const BYTES = Buffer.from([0, 1, 254, 255, 10]);

test('bytes, method and path as they are; our key, our mark', async () => {
  const headers = { 'content-type': 'a/b', 'openai-beta': 'theirs', 'user-agent': 'theirs' };
  const provider = at({ headers: { 'OpenAI-Beta': 'ours' } });
  assert.equal(
    await ask(provider, { method: 'PATCH', path: '/x%20y?a=%2F', headers, body: BYTES }, 'before', 'k2'),
    200,
  );
  const last = heard.at(-1);
  assert.ok(last);
  const { headers: got, ...rest } = last;
  assert.deepEqual(rest, { method: 'PATCH', url: '/base/x%20y?a=%2F', body: BYTES });
  assert.deepEqual(
    [got.authorization, got['openai-beta'], got['user-agent'], got['content-type'], got['x-mcp-hop']],
    ['Bearer k2', 'ours', 'goblin', 'a/b', 'before,us'],
  );
  assert.equal(await ask(at(), { method: 'DELETE', path: '/x', headers: {}, body: null }), 200);
  assert.deepEqual([heard.at(-1)?.method, heard.at(-1)?.body.length], ['DELETE', 0]);
});

test('signed calls: the signature is over the bytes', async () => {
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
  const sign = createSigV4('us-east-1', 'bedrock');
  const signer = {
    sign: (call: Parameters<NonNullable<Provider['signer']>['sign']>[0]) => sign(call, keys, 1_700_000_000_000),
  };
  const headers = { 'content-type': 'application/json' };
  await ask(at({ auth: 'sigv4', key: null, signer }), {
    method: 'POST',
    path: '/model/x/invoke',
    headers,
    body: BYTES,
  });
  const { authorization, host = '' } = heard.at(-1)?.headers ?? {};
  const url = new URL(`http://${host}/base/model/x/invoke`);
  const wanted = sign({ method: 'POST', url, headers, body: BYTES }, keys, 1_700_000_000_000).authorization;
  assert.equal(authorization, wanted);
  const text = sign({ method: 'POST', url, headers, body: 'ok' }, keys, 1_700_000_000_000).authorization;
  const bytes = sign({ method: 'POST', url, headers, body: Buffer.from('ok') }, keys, 1_700_000_000_000).authorization;
  assert.equal(text, bytes);
  assert.notEqual(text, wanted);
  await ask(at({ auth: 'sigv4', key: null, signer }), { method: 'GET', path: '/model/x?a=1', headers: {}, body: null });
  assert.match(String(heard.at(-1)?.headers.authorization), /^AWS4-HMAC-SHA256 /);
});
