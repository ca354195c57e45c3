/** Requests whose end two readers could see in different places: refused, and never read as two. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { call } from '../support/api.ts';
import { exchange } from '../support/attack.ts';
import { type Server, startServer } from '../support/server.ts';

let server: Server;
let host: string;
before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
  host = new URL(server.address).host;
});
after(() => server.stop());

/** Where the server has to close: as long as that takes on a busy machine. */
const CLOSES_MS = 15_000;

/** What would be heard as a call of its own. */
const INNER = () => `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nx: y\r\n\r\n`;
const post = (headers: readonly string[], rest: string, path = '/v1/chat/completions'): string =>
  `${[`POST ${path} HTTP/1.1`, `host: ${host}`, 'content-type: application/json', ...headers, '', ''].join('\r\n')}${rest}`;

/** Refused: one answer of an error or none, and the connection is over, so that nothing after it is read. */
async function isRefused(name: string, bytes: string | readonly string[]): Promise<void> {
  const reply = await exchange(server, bytes, CLOSES_MS);
  assert.ok(reply.statuses.length <= 1, `${name}: ${reply.text}`);
  if (reply.statuses.length === 1) assert.ok([400, 401].includes(reply.statuses[0] ?? 0), `${name}: ${reply.text}`);
  assert.ok(reply.closed, `${name}: the connection stays open: ${reply.text}`);
  assert.ok(!reply.text.includes('"status":"ok"'), `${name}: ${reply.text}`);
}

test('two ways to say how long a body is', async () => {
  const inner = INNER();
  const chunked = `0\r\n\r\n${inner}`;
  const cases: [string, string | string[]][] = [
    ['a length and chunks', post([`content-length: ${chunked.length}`, 'transfer-encoding: chunked'], chunked)],
    ['chunks and a length', post(['transfer-encoding: chunked', 'content-length: 4'], `5c\r\n${inner}\r\n0\r\n\r\n`)],
    ['two lengths', post(['content-length: 2', `content-length: ${2 + inner.length}`], `{}${inner}`)],
    ['two lengths in one', post([`content-length: 2, ${2 + inner.length}`], `{}${inner}`)],
    ['a length with a sign', post(['content-length: +2'], `{}${inner}`)],
    ['a negative length', post(['content-length: -1'], inner)],
    ['a length in hexadecimal', post(['content-length: 0x2'], `{}${inner}`)],
    ['a length with a comma', post(['content-length: 2,'], `{}${inner}`)],
    ['a length with a point', post(['content-length: 2.0'], `{}${inner}`)],
    ['an empty length', post(['content-length: '], `{}${inner}`)],
    ['a huge length', post(['content-length: 99999999999999999999999999'], '{}')],
    ['chunks twice', post(['transfer-encoding: chunked', 'transfer-encoding: identity'], chunked)],
    ['chunks, then not', post(['transfer-encoding: chunked, identity'], chunked)],
    ['chunks, misspelt', post(['transfer-encoding: xchunked'], chunked)],
    ['chunks, misspelt, and the body as it is', post(['transfer-encoding: xchunked'], inner)],
    ['a coding that is none', post(['transfer-encoding: identity'], inner)],
    ['a coding of another kind', post(['transfer-encoding: gzip'], inner)],
    ['an empty coding', post(['transfer-encoding: '], inner)],
    ['chunks, quoted', post(['transfer-encoding: "chunked"'], chunked)],
    ['chunks, with a vertical tab', post(['transfer-encoding:\x0bchunked'], chunked)],
    ['chunks under a name with a blank', post(['transfer-encoding : chunked', 'content-length: 2'], `{}${inner}`)],
    ['chunks folded', post(['transfer-encoding:', ' chunked', 'content-length: 2'], `{}${inner}`)],
    ['a folded header', post(['x: a', '\tb', 'content-length: 2'], `{}`)],
    ['a chunk whose size is no number', post(['transfer-encoding: chunked'], `zz\r\n{}\r\n${chunked}`)],
    ['a chunk with a negative size', post(['transfer-encoding: chunked'], `-2\r\n{}\r\n${chunked}`)],
    ['a chunk with 0x', post(['transfer-encoding: chunked'], `0x2\r\n{}\r\n${chunked}`)],
    ['a chunk of endless size', post(['transfer-encoding: chunked'], `fffffffffffffffff\r\n{}\r\n`)],
    ['a chunk without its end', post(['transfer-encoding: chunked'], `2\r\n{}X0\r\n\r\n${inner}`)],
  ];
  for (const [name, bytes] of cases) await isRefused(name, bytes);
});

test('lines that end otherwise, and names that are none', async () => {
  const inner = INNER();
  const cases: [string, string][] = [
    ['a header with NUL', post(['x: a\0b', 'content-length: 2'], '{}')],
    ['a header with CR', post(['x: a\rcontent-length: 50', 'content-length: 2'], `{}${inner}`)],
    ['a name with a blank', post(['x y: z', 'content-length: 2'], '{}')],
    ['a name in brackets', post(['(x): z', 'content-length: 2'], '{}')],
    ['a header without a colon', post(['nonsense', 'content-length: 2'], '{}')],
    ['a header without a name', post([': z', 'content-length: 2'], '{}')],
    ['a version that is none', `GET /healthz HTTP/9.9\r\nhost: ${host}\r\n\r\n`],
    ['HTTP/2 by word', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['a target with a blank', `GET /healthz x HTTP/1.1\r\nhost: ${host}\r\n\r\n`],
  ];
  for (const [name, bytes] of cases) {
    const reply = await exchange(server, bytes);
    assert.ok(reply.statuses.length <= 1, `${name}: ${reply.text}`);
    assert.ok(
      reply.statuses.every((status) => status === 400 || status === 505),
      `${name}: ${reply.text}`,
    );
  }
  // HTTP/0.9 is one call a connection.
  const old = await exchange(server, `GET /mcp/v1/request\r\n\r\n${inner}`, CLOSES_MS);
  assert.ok(old.closed && old.statuses.length <= 1 && !old.text.includes('"status":"ok"'), old.text);
  // Bare line feeds: refused, or read as one call without a credential, never as what is inside.
  for (const bytes of [
    `POST /v1/chat/completions HTTP/1.1\nhost: ${host}\ncontent-length: 2\n\n{}`,
    post(['x: y\ncontent-length: 0', `content-length: ${inner.length}`], inner),
    post(['transfer-encoding: chunked'], `2\n{}\n0\n\n${inner}`),
  ]) {
    const reply = await exchange(server, bytes);
    assert.ok(!reply.text.includes('"status":"ok"'), reply.text);
    assert.ok(reply.statuses.length <= 1 && reply.statuses.every((status) => status >= 400), reply.text);
  }
});

test('a body is never read as the next call, whoever refused it before it was read', async () => {
  const inner = INNER();
  for (const path of [
    '/v1/chat/completions',
    '/v1/messages',
    '/mcp/v1/request',
    '/nowhere',
    '/mcp/v1/raw/simulator/x',
  ]) {
    for (const credential of [[], [`authorization: Bearer ${server.token}`]]) {
      const body = `${inner}${inner}`;
      for (const headers of [
        [`content-length: ${body.length}`, ...credential],
        [`content-length: ${body.length}`, 'content-encoding: gzip', ...credential],
      ]) {
        const reply = await exchange(server, post(headers, body, path), 600, 20, 1);
        assert.equal(reply.statuses.length, 1, `${path}: ${reply.text}`);
        assert.ok(!reply.text.includes('"status":"ok"'), `${path}: ${reply.text}`);
      }
      const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
      const bytes = post(['transfer-encoding: chunked', ...credential], chunks, path);
      const reply = await exchange(server, bytes, 600, 20, 1);
      assert.equal(reply.statuses.length, 1, `${path} in chunks: ${reply.text}`);
    }
  }
});

test('calls that are sent one after another on a connection each have their own caller and answer', async () => {
  const token = server.token;
  const get = (path: string, more: readonly string[] = []) =>
    [`GET ${path} HTTP/1.1`, `host: ${host}`, ...more, '', ''].join('\r\n');
  const reply = await exchange(
    server,
    [
      get('/mcp/v1/auth/me', [`authorization: Bearer ${token}`]),
      get('/mcp/v1/auth/me'),
      get('/mcp/v1/auth/me', ['authorization: Bearer wrong']),
      get('/healthz'),
      get('/mcp/v1/auth/me', [`authorization: Bearer ${token}`]),
    ].join(''),
    800,
    20,
    5,
  );
  assert.deepEqual(reply.statuses, [200, 401, 401, 200, 200], reply.text);
});

test('headers and lines without end, and calls that never end', { timeout: 60_000 }, async () => {
  const long = await exchange(server, `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: ${host}\r\n\r\n`, CLOSES_MS);
  assert.ok(long.closed && long.statuses.every((status) => status >= 400), long.text.slice(0, 300));
  const large = `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`;
  const header = await exchange(server, large, CLOSES_MS);
  assert.ok(header.closed && header.statuses.every((status) => status >= 400), header.text.slice(0, 300));
  const many = Array.from({ length: 5000 }, (_, n) => `x-${n}: y`).join('\r\n');
  const crowd = await exchange(server, `GET /healthz HTTP/1.1\r\nhost: ${host}\r\n${many}\r\n\r\n`);
  assert.ok(
    crowd.statuses.every((status) => status !== 500),
    crowd.text.slice(0, 300),
  );
  const chunks = `${'1\r\n{\r\n'.repeat(20_000)}`;
  const endless = await exchange(server, post(['transfer-encoding: chunked'], chunks));
  assert.ok(
    endless.statuses.every((status) => status >= 400 && status < 500),
    endless.text.slice(0, 300),
  );
  const extensions = post(['transfer-encoding: chunked'], `2;${'a=b;'.repeat(30_000)}\r\n{}\r\n0\r\n\r\n`);
  const extended = await exchange(server, extensions);
  assert.ok(
    extended.statuses.every((status) => status >= 400 && status < 500),
    extended.text.slice(0, 300),
  );
  assert.equal((await call(server, '/healthz')).status, 200);
  assert.doesNotMatch(server.stderr(), /a request failed/);
});
