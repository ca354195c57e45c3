/** However an address is written, no route is reached without its permission; no file is reached at all. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer, makeKey } from '../support/accounts.ts';
import { call, post } from '../support/api.ts';
import { addressOf, allRoutes, exchange, type Route } from '../support/attack.ts';
import { type Server, startServer } from '../support/server.ts';

let server: Server;
let viewer: string;
before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
  viewer = (await makeKey(server, { tenant: 'acme', role: 'viewer' })).key;
});
after(() => server.stop());

const hex = (char: string): string => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** The same address as somebody would write it who hopes that two readers of it disagree. */
function spellings(path: string): string[] {
  const { host } = new URL(server.address);
  const last = path.lastIndexOf('/');
  const head = path.slice(0, last);
  const tail = path.slice(last + 1);
  return [
    path,
    `${path}/`,
    `${path}//`,
    `/${path}`,
    `//${path}`,
    path.replaceAll('/', '//'),
    `/.${path}`,
    `/x/..${path}`,
    `/docs/..${path}`,
    `/docs/%2e%2e${path}`,
    `/docs/..%2f${path.slice(1)}`,
    `/docs/%2e%2e%2f${path.slice(1)}`,
    `/healthz/..${path}`,
    `/healthz;${path}`,
    `/healthz%2f..${path}`,
    `/healthz?${path}`,
    `/healthz#${path}`,
    `${head}/./${tail}`,
    `${head}/x/../${tail}`,
    `${head}%2f${tail}`,
    `${head}%2F${tail}`,
    `${head}%252f${tail}`,
    `${head}%5c${tail}`,
    `${head}\\${tail}`,
    `${head}/${[...tail].map(hex).join('')}`,
    `${head}/${hex(tail.charAt(0))}${tail.slice(1)}`,
    `${head}/%25${hex(tail.charAt(0)).slice(1)}${tail.slice(1)}`,
    `${head}/%u00${hex(tail.charAt(0)).slice(1)}${tail.slice(1)}`,
    [...path].map((char) => (char === '/' ? char : hex(char))).join(''),
    path.toUpperCase(),
    path.replace(/[a-z]/, (char) => char.toUpperCase()),
    `${path};`,
    `${path};x=1`,
    `${head};a=b/${tail}`,
    `${path}.json`,
    `${path}.`,
    `${path}..`,
    `${path}%20`,
    `${path}%09`,
    `${path}%00`,
    `${path}%0a`,
    `${path}%0d%0ax-api-key:%20x`,
    `${path}%c0%af`,
    `${path}%e2%80%8b`,
    `${path}%ff`,
    `${path}%`,
    `${path}?x=1`,
    `${path}?`,
    `${path}??`,
    `${path}?_method=GET`,
    `${path}?token=x`,
    `${path}?access_token=${server.token}`,
    `${path}?api_key=${server.token}`,
    `${path}#x`,
    `http://${host}${path}`,
    `http://evil.example${path}`,
    `https://user:password@${host}${path}`,
    `http:${path}`,
    `*${path}`,
  ];
}

const OVERRIDES = [
  [],
  ['x-http-method-override: GET', 'x-http-method: GET', 'x-method-override: GET'],
  ['x-original-url: /healthz', 'x-rewrite-url: /healthz', 'x-forwarded-uri: /healthz'],
  ['x-forwarded-for: 127.0.0.1', 'x-real-ip: 127.0.0.1', 'forwarded: for=127.0.0.1', 'x-forwarded-host: localhost'],
  ['x-forwarded-user: admin', 'x-remote-user: admin', 'remote-user: admin', 'x-mcp-tenant: acme'],
  ['authorization: ', 'x-api-key: '],
  ['authorization: Bearer undefined', 'x-api-key: null'],
  ['authorization: Bearer', 'x-api-key: Bearer'],
  ['cookie: __Host-goblin=undefined; goblin=null'],
];

const JSON_BODY = '{}';

async function send(
  method: string,
  target: string,
  headers: readonly string[],
): Promise<{ status: number; text: string }> {
  const { host } = new URL(server.address);
  const body =
    method === 'GET' || method === 'HEAD'
      ? []
      : ['content-type: application/json', `content-length: ${JSON_BODY.length}`];
  const reply = await exchange(
    server,
    `${[`${method} ${target} HTTP/1.1`, `host: ${host}`, 'connection: close', ...body, ...headers, '', ''].join('\r\n')}${body.length > 0 ? JSON_BODY : ''}`,
    5000,
    0,
  );
  return { status: reply.statuses[0] ?? 0, text: reply.text };
}

/** Many at once: the machine is not asked to wait for each. */
async function all<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

/** What only a handler says: the permission was not asked for, or was there. */
const HANDLED =
  /"code":"(?:invalid_request|malformed_json|unknown_model|unsupported_media_type|conflict|too_many_tries)"/;

function isRefused({ method, url }: Route, target: string, status: number, text: string): void {
  const told = `${method} ${url} as ${target}: ${status} ${text.slice(-300)}`;
  // The path of the target led to an open page: that is what it is.
  if (status === 200 && /^\/(?:healthz[?#]|docs\/?$)/.test(target)) return;
  assert.ok([0, 400, 401, 403, 404, 405, 414].includes(status), told);
  // Node's own answer to what is no HTTP.
  if (status === 400) assert.ok(/not valid HTTP|cannot be read|holds no NUL/.test(text) || !HANDLED.test(text), told);
  assert.ok(!/"items":|"request_id":"0|prompt_tokens|"permissions":/.test(text), told);
}

test('without a credential nothing but open pages answers, whatever the spelling', { timeout: 240_000 }, async () => {
  const routes = allRoutes().filter(({ needs }) => needs !== 'anybody');
  assert.ok(routes.length > 60, `${routes.length} routes`);
  let tried = 0;
  for (const route of routes) {
    await all(spellings(addressOf(route.url)), async (target) => {
      const { status, text } = await send(route.method, target, []);
      isRefused(route, target, status, text);
      tried++;
    });
  }
  assert.ok(tried > 3500, `${tried} calls`);
});

test('a viewer reaches nothing that is not his, whatever the spelling', { timeout: 240_000 }, async () => {
  // Where the route's own permission is what he lacks.
  const routes = allRoutes().filter(({ viewer: may, needs }) => may === '403' && needs !== 'request:read');
  assert.ok(routes.length > 30, `${routes.length} routes`);
  const before = await call(server, '/mcp/v1/request?limit=100', { headers: bearer(server.token) });
  for (const route of routes) {
    await all(spellings(addressOf(route.url)), async (target) => {
      const { status, text } = await send(route.method, target, [`authorization: Bearer ${viewer}`]);
      isRefused(route, target, status, text);
    });
  }
  assert.equal((await call(server, '/mcp/v1/request?limit=100', { headers: bearer(server.token) })).text, before.text);
});

test('headers that other servers believe change neither the method nor the address nor the caller', {
  timeout: 120_000,
}, async () => {
  const routes = allRoutes().filter(({ needs }) => needs !== 'anybody');
  for (const route of routes) {
    await all(OVERRIDES, async (headers) => {
      const target = addressOf(route.url);
      const { status, text } = await send(route.method, target, headers);
      assert.equal(status, 401, `${route.method} ${target} with ${headers}: ${text.slice(0, 300)}`);
      // A GET in disguise, and the other way round.
      const disguised = await send(route.method === 'GET' ? 'POST' : 'GET', target, headers);
      isRefused(route, target, disguised.status, disguised.text);
    });
  }
  const made = await makeKey(server, { tenant: 'acme' });
  for (const override of ['DELETE', 'PATCH', 'PUT']) {
    await call(server, `/mcp/v1/keys/${made.id}`, {
      headers: { ...bearer(viewer), 'x-http-method-override': override },
    });
  }
  assert.equal((await call(server, '/mcp/v1/auth/me', { headers: bearer(made.key) })).status, 200);
});

test('methods that nobody here has', async () => {
  for (const method of [
    'TRACE',
    'PROPFIND',
    'MOVE',
    'LINK',
    'PURGE',
    'SEARCH',
    'M-SEARCH',
    'QUERY',
    'LOCK',
    'REPORT',
    'GEt',
    'get',
  ]) {
    for (const target of ['/mcp/v1/request', '/v1/chat/completions', '/mcp/v1/raw/simulator/files', '/healthz']) {
      const { status, text } = await send(method, target, [`authorization: Bearer ${server.token}`]);
      assert.ok([0, 400, 404, 405, 415].includes(status), `${method} ${target}: ${status} ${text}`);
    }
  }
  const connected = await exchange(server, 'CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n');
  assert.ok(!connected.statuses.includes(200), connected.text);
});

test('pages of documents lead to no file', async () => {
  for (const target of [
    '/docs/../package.json',
    '/docs/..%2fpackage.json',
    '/docs/%2e%2e/%2e%2e/etc/passwd',
    '/docs/..%5c..%5cpackage.json',
    '/docs/....//....//etc/passwd',
    '/docs/%252e%252e%252fetc/passwd',
    '/docs//etc/passwd',
    '/docs/%2fetc%2fpasswd',
    '/docs/file:///etc/passwd',
    '/docs/./.env',
    '/docs/goblin.yaml',
    '/docs/data/secret',
    '/docs/%00/etc/passwd',
    '/docs/..;/..;/etc/passwd',
    '/docs/..%c0%af..%c0%afetc/passwd',
    '/openapi.json/../../etc/passwd',
  ]) {
    const { status, text } = await send('GET', target, []);
    assert.ok(status !== 200, `${target}: ${text.slice(0, 200)}`);
    assert.ok(!/root:.*:0:0:|"workspaces"|MCP_SECRET/.test(text), `${target}: ${text.slice(0, 200)}`);
  }
});

test('after all of that it serves', async () => {
  const answer = await post(
    server,
    '/v1/chat/completions',
    { model: 'simulator/goblin-sim', messages: [{ role: 'user', content: 'Hi' }] },
    bearer(server.token),
  );
  assert.equal(answer.status, 200, answer.text);
  assert.doesNotMatch(server.stderr(), /a request failed/);
});
