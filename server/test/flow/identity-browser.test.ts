/** Browsers: cookies that only our own pages make use of; and, with authentication off, pages that come under another name. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { bearer, makeUser, PASSWORD } from '../support/accounts.ts';
import { call, isProblem, post, submit } from '../support/api.ts';
import { type Server, startServer } from '../support/server.ts';

let server: Server;
const EMAIL = 'ada@example.com';

before(async () => {
  server = await startServer({
    env: { MCP_AUTH: 'required' },
    settings: { simulator: true, identity: { tenant: 'acme' } },
  });
  await makeUser(server, { tenant: 'acme', email: EMAIL, role: 'admin' });
});
after(() => server.stop());

const origin = () => ({ origin: server.address });

async function cookiesOf(headers: Record<string, string> = origin()): Promise<Record<string, string>> {
  const answer = await fetch(server.url('/mcp/v1/auth/login'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ email: EMAIL, password: PASSWORD, cookie: true }),
  });
  assert.equal(answer.status, 200);
  const body = (await answer.json()) as Record<string, unknown>;
  assert.equal(body.access_token, undefined, 'no script sees a token');
  assert.equal(body.refresh_token, undefined);
  const cookies: Record<string, string> = {};
  for (const line of answer.headers.getSetCookie()) {
    assert.match(line, /; HttpOnly; SameSite=Strict/);
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    cookies[name] = value;
  }
  return cookies;
}

const jar = (cookies: Record<string, string>) => ({
  cookie: Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; '),
});

test('a cookie is given to our own pages only', async () => {
  for (const headers of [
    {},
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { ...origin(), 'sec-fetch-site': 'cross-site' },
  ]) {
    const answer = await post(
      server,
      '/mcp/v1/auth/login',
      { email: EMAIL, password: PASSWORD, cookie: true },
      headers as Record<string, string>,
    );
    isProblem(answer, 403, 'forbidden');
    assert.equal(answer.headers.get('set-cookie'), null);
  }
  const cookies = await cookiesOf();
  assert.deepEqual(Object.keys(cookies).sort(), ['goblin_refresh', 'goblin_session']);
  const secure = await fetch(server.url('/mcp/v1/auth/login'), {
    method: 'POST',
    // As behind a proxy with TLS, which passes Host on.
    headers: { 'content-type': 'application/json', origin: server.address.replace('http:', 'https:') },
    body: JSON.stringify({ email: EMAIL, password: PASSWORD, cookie: true }),
  });
  for (const line of secure.headers.getSetCookie()) assert.match(line, /^__(Host|Secure)-goblin_\w+=.*; Secure$/);
});

test('with a cookie one reads; what changes something needs our own Origin', async () => {
  const cookies = await cookiesOf();
  const headers = jar(cookies);
  assert.equal((await call(server, '/mcp/v1/auth/me', { headers })).status, 200);
  const change = (more: Record<string, string>) =>
    post(server, '/mcp/v1/keys', { tenant: 'acme' }, { ...headers, ...more });
  isProblem(await change({}), 403, 'forbidden');
  isProblem(await change({ origin: 'https://evil.example' }), 403, 'forbidden');
  isProblem(await change({ origin: 'null' }), 403, 'forbidden');
  isProblem(await change({ ...origin(), 'sec-fetch-site': 'same-site' }), 403, 'forbidden');
  isProblem(
    await post(
      server,
      '/v1/chat/completions',
      { model: 'simulator/goblin-sim', messages: [{ role: 'user', content: 'x' }] },
      headers,
    ).then((answer) => ({
      ...answer,
      headers: new Headers({ 'content-type': 'application/problem+json' }),
      body: { ...answer.body, status: answer.status, code: 'forbidden', title: 'x', type: 'x', detail: 'x' },
    })),
    403,
    'forbidden',
  );
  assert.equal((await change(origin())).status, 201);
  // A header that says who it is does not need the cookie's rules.
  const both = await call(server, '/mcp/v1/keys', {
    json: { tenant: 'acme' },
    headers: { ...headers, ...bearer(server.token) },
  });
  assert.equal(both.status, 201);
});

test('the cookie of a session is no key, and a key is no cookie', async () => {
  const cookies = await cookiesOf();
  assert.equal(
    (await call(server, '/mcp/v1/auth/me', { headers: { cookie: `goblin_session=${server.token}` } })).status,
    401,
  );
  const refresh = cookies.goblin_refresh ?? '';
  assert.equal(
    (await call(server, '/mcp/v1/auth/me', { headers: { cookie: `goblin_session=${refresh}` } })).status,
    401,
  );
  const twice = `goblin_session=${cookies.goblin_session}; goblin_session=x`;
  assert.equal((await call(server, '/mcp/v1/auth/me', { headers: { cookie: twice } })).status, 401);
});

test('a session of cookies goes on, and ends, by cookies', async () => {
  const cookies = await cookiesOf();
  const refresh = (more: Record<string, string>) =>
    post(server, '/mcp/v1/auth/refresh', {}, { ...jar(cookies), ...more });
  isProblem(await refresh({}), 403, 'forbidden');
  const next = await refresh(origin());
  assert.equal(next.status, 200, next.text);
  assert.equal(next.body.access_token, undefined);
  const lines = next.headers.getSetCookie();
  assert.equal(lines.length, 2);
  const session = /^goblin_session=([^;]+)/.exec(lines[0] ?? '')?.[1] ?? '';
  const out = await post(server, '/mcp/v1/auth/logout', {}, { cookie: `goblin_session=${session}`, ...origin() });
  assert.equal(out.status, 200);
  assert.ok(out.headers.getSetCookie().every((line) => /Max-Age=0/.test(line)));
  assert.equal(
    (await call(server, '/mcp/v1/auth/me', { headers: { cookie: `goblin_session=${session}` } })).status,
    401,
  );
});

test('a WebSocket with a cookie needs our own Origin', async () => {
  const cookies = await cookiesOf();
  const { request_id: id } = await submit(
    server,
    { prompt: 'x [[sim tokens=2]]', model: 'simulator/goblin-sim' },
    { ...jar(cookies), ...origin() },
  );
  const open = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`${server.address.replace('http', 'ws')}/mcp/v1/stream/${id}`, {
        headers: { ...jar(cookies), ...headers },
      });
      socket.on('open', () => {
        resolve(101);
        socket.terminate();
      });
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.on('error', () => resolve(0));
    });
  assert.equal(await open(origin()), 101);
  assert.equal(await open({}), 403);
  assert.equal(await open({ origin: 'https://evil.example' }), 403);
});

/** With any Host header: `fetch` would not send one. */
function ask(at: Server, path: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request(at.address + path, { method, agent: false, setHost: false, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end();
  });
}

test('with authentication off, a page that comes under another name gets nothing', { timeout: 60_000 }, async () => {
  const off = await startServer({ env: { MCP_AUTH: 'off' } });
  const port = new URL(off.address).port;
  for (const host of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `LOCALHOST:${port}`,
    `[::1]:${port}`,
    `127.1.2.3:${port}`,
    `localhost.:${port}`,
  ]) {
    assert.equal(await ask(off, '/mcp/v1/request', { host }), 200, host);
  }
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    `localhost.evil.example:${port}`,
    `evil-127.0.0.1:${port}`,
    `127.0.0.1:${port}@evil.example`,
    `0.0.0.0:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    '',
  ]) {
    assert.equal(await ask(off, '/mcp/v1/request', { host }), 403, host);
    assert.equal(
      await ask(
        off,
        '/v1/chat/completions',
        { host, 'content-type': 'application/json', 'content-length': '0' },
        'POST',
      ),
      403,
      host,
    );
  }
  const host = `127.0.0.1:${port}`;
  for (const bad of [
    'https://evil.example',
    'null',
    `http://127.0.0.1.evil.example:${port}`,
    'http://127.0.0.1',
    `http://localhost:${port}`,
  ]) {
    assert.equal(await ask(off, '/mcp/v1/request', { host, origin: bad }), 403, bad);
  }
  assert.equal(await ask(off, '/mcp/v1/request', { host, origin: `http://${host}` }), 200);
  // Credentials are ignored, good or bad.
  assert.equal(await ask(off, '/mcp/v1/auth/me', { host, authorization: 'Bearer nonsense' }), 200);
  assert.equal((await call<{ everywhere: boolean }>(off, '/mcp/v1/auth/me')).body.everywhere, true);
  await off.stop();
});
