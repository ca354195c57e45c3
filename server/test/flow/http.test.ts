/** The front door as HTTP: methods, paths, ids, headers and broken bytes. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { call, isProblem } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';
let server: Server;
before(async () => {
  server = await startServer();
});
after(async () => {
  const alive = await call(server, '/healthz').catch(() => null);
  const code = await server.stop();
  assert.equal(alive?.status, 200, `alive after all of it (exit ${code}): ${server.stderr()}`);
  assert.equal(code, 0);
  assert.doesNotMatch(server.stderr(), /a request failed/, 'nothing that was sent was an error of ours');
});

/** Bytes to the port, and what comes back until the server closes; it has the time that a busy machine takes. */
function bytes(text: string | Buffer, limitMs = 15_000): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(server.address);
    const socket = net.connect(Number(port), hostname, () => socket.write(text));
    let got = '';
    const done = () => {
      socket.destroy();
      resolve(got);
    };
    const timer = setTimeout(done, limitMs);
    socket.setEncoding('latin1').on('data', (piece: string) => {
      got += piece;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      done();
    });
  });
}

test('unknown paths are 404, wrong methods 405 with Allow', async () => {
  for (const path of ['/nope', '/mcp/v1', '/mcp/v1/requests', '/mcp/v2/request', '/.env', '/mcp/v1/request/']) {
    isProblem(await call(server, path), 404, 'not_found');
  }
  // Under /v1 the caller is an OpenAI client: its own shape.
  const door = await call(server, '/v1/nope');
  assert.equal(door.status, 404);
  assert.equal((JSON.parse(door.text) as { error: { code: string } }).error.code, 'not_found');
  const wrong: [string, string, RegExp][] = [
    ['PUT', '/mcp/v1/request', /GET|POST/],
    ['PUT', `/mcp/v1/request/${UNKNOWN}`, /GET/],
    ['POST', `/mcp/v1/request/${UNKNOWN}/result`, /GET/],
    ['GET', `/mcp/v1/cancel/${UNKNOWN}`, /POST/],
    ['POST', `/mcp/v1/stream/${UNKNOWN}`, /GET/],
    ['GET', '/v1/chat/completions', /POST/],
    ['POST', '/healthz', /GET/],
  ];
  for (const [method, path, allow] of wrong) {
    const answer = await call(server, path, { method });
    assert.equal(answer.status, 405, `${method} ${path}: ${answer.text}`);
    assert.match(answer.headers.get('allow') ?? '', allow);
  }
});

test('ids that are none are as unknown as any other', async () => {
  const ids = [
    UNKNOWN,
    'x',
    '1',
    UNKNOWN.toUpperCase().replace('018', 'A18'),
    "' or 1=1 --",
    'null',
    '%00',
    '%ff%fe',
    '😀',
    'a'.repeat(500),
  ];
  for (const id of ids) {
    const path = encodeURIComponent(id).replaceAll('%25', '%');
    for (const route of [
      `/mcp/v1/request/${path}`,
      `/mcp/v1/request/${path}/result`,
      `/mcp/v1/request/${path}/events`,
      `/mcp/v1/stream/${path}`,
    ]) {
      const answer = await call(server, route);
      assert.ok(answer.status === 404 || answer.status === 400, `${route}: ${answer.status} ${answer.text}`);
    }
    const answer = await call(server, `/mcp/v1/cancel/${path}`, { method: 'POST' });
    assert.ok(answer.status === 404 || answer.status === 400, `cancel ${id}: ${answer.status}`);
  }
  isProblem(await call(server, `/mcp/v1/request/${UNKNOWN}`), 404, 'not_found');
  isProblem(await call(server, '/mcp/v1/request/%E0%A4%A'), 400, 'invalid_request');
});

test('paths that try to be other paths', async () => {
  for (const path of [
    '/mcp/v1/request/..%2fkeys',
    '/mcp//v1/request',
    '/mcp/v1/%2e%2e/keys',
    '/MCP/V1/REQUEST',
    '/docs/..%2f..%2fetc/passwd',
    '/healthz/../mcp/v1/keys%00',
  ]) {
    const head = await bytes(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n`);
    assert.match(head, /^HTTP\/1\.1 (400|404)/, path);
  }
});

test('query junk', async () => {
  for (const query of [
    '?wait=-1',
    '?wait=61',
    '?wait=x',
    '?wait=1&wait=2',
    '?wat=3',
    '?__proto__=1',
    '?wait=%00',
    '?wait=1e1',
  ]) {
    const answer = await call(server, `/mcp/v1/request/${UNKNOWN}/result${query}`);
    assert.ok(answer.status === 400 || answer.status === 404, `${query}: ${answer.text}`);
  }
  for (const query of [
    '?status[]=queued',
    '?status=queued&status=failed',
    '?limit=1.5',
    '?limit=-3',
    '?limit=9999999999999999999999',
    '?after=%27',
    '?task_type=%00',
    `?task_type=${'x'.repeat(5000)}`,
  ]) {
    const answer = await call(server, `/mcp/v1/request${query}`);
    assert.ok(answer.status === 400 || answer.status === 200, `${query}: ${answer.status} ${answer.text}`);
  }
});

test('headers too large, broken HTTP, bodies that end early', async () => {
  const large = await bytes(`GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx-large: ${'x'.repeat(100_000)}\r\n\r\n`);
  assert.match(large, /^HTTP\/1\.1 4\d\d/);
  for (const junk of [
    'GARBAGE\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    '\u0016\u0003\u0001\u0002\u0000',
    'POST /mcp/v1/request HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: x\r\n\r\n',
  ]) {
    assert.match(await bytes(junk), /^HTTP\/1\.1 4\d\d/, JSON.stringify(junk));
  }
  const smuggle =
    'POST /mcp/v1/request HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n';
  assert.match(await bytes(smuggle), /^HTTP\/1\.1 4\d\d/);
  // The sender goes away in the middle of its body: nobody is left to answer, and nothing breaks.
  await bytes(
    'POST /mcp/v1/request HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"prompt":',
    1500,
  );
  assert.equal((await call(server, '/readyz')).status, 200);
});

test('another host or origin is refused while access is open', async () => {
  const rebound = await bytes('GET /mcp/v1/request HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n');
  assert.match(rebound, /^HTTP\/1\.1 403/);
  isProblem(await call(server, '/mcp/v1/request', { headers: { origin: 'https://evil.example' } }), 403, 'forbidden');
});

test('the public pages answer', async () => {
  const document = await call<{ openapi: string; paths: Record<string, unknown> }>(server, '/openapi.json');
  assert.equal(document.status, 200);
  assert.match(document.body.openapi, /^3\.1/);
  for (const path of [
    '/mcp/v1/request',
    '/mcp/v1/request/{id}',
    '/mcp/v1/request/{id}/result',
    '/mcp/v1/stream/{id}',
    '/mcp/v1/cancel/{id}',
    '/v1/chat/completions',
    '/v1/models',
  ]) {
    assert.ok(path in document.body.paths, path);
  }
  const docs = await fetch(server.url('/docs'));
  assert.equal(docs.status, 200);
  assert.match(docs.headers.get('content-type') ?? '', /text\/html/);
  const metrics = await call<{
    status: string;
    queue: unknown;
    database: unknown;
    workers: unknown[];
    providers: unknown[];
    requests: unknown;
    redis: unknown;
  }>(server, '/mcp/v1/admin/metrics');
  assert.equal(metrics.status, 200);
  for (const field of ['status', 'queue', 'database', 'redis', 'workers', 'providers', 'requests'])
    assert.ok(field in metrics.body, field);
});
