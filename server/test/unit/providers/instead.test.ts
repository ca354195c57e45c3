/** A path that stands in place of the ending of a base URL, as DeepSeek's `/beta` does. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Provider } from '../../../src/contract/provider.ts';
import { createTransport } from '../../../src/providers/transport.ts';

test('the ending is replaced where it is there, and nothing else is', async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createTransport({ connectMs: 10_000, hop: 'h', userAgent: 'test', proxy: null });
  const post = (base: string, instead?: string) =>
    new Promise<void>((resolve, reject) => {
      const provider = {
        baseUrl: origin + base,
        headers: {},
        auth: 'none',
        key: null,
        reach: 'private',
      } as unknown as Provider;
      const request = { path: '/beta/x', headers: {}, body: '{}', notices: [], ...(instead ? { instead } : {}) };
      transport.post(provider, request, null, {
        head() {},
        data() {},
        end: resolve,
        error: (failure) => reject(new Error(failure.detail)),
      });
    });
  await post('/v1', '/v1');
  await post('/proxy/v1/', '/v1');
  await post('', '/v1');
  await post('/v1beta', '/v1');
  await post('/v1');
  assert.deepEqual(seen, ['/beta/x', '/proxy/beta/x', '/beta/x', '/v1beta/beta/x', '/v1/beta/x']);
  await transport.close();
  server.close();
});
