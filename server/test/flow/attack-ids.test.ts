/** Whoever guesses ids of another tenant learns nothing: the same status, words, headers and time, on every route. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { bearer, makeKey, makeUser, person } from '../support/accounts.ts';
import { type Answer, call, type Json, post, result } from '../support/api.ts';
import { allRoutes } from '../support/attack.ts';
import { type Server, startServer } from '../support/server.ts';

const MODEL = 'simulator/goblin-sim';
let server: Server;
let thief: Record<string, string>;
/** By the beginning of an address, a thing of the other tenant. */
let theirs: Map<string, string>;

async function erasure(headers: Record<string, string>): Promise<string> {
  const answer = await call<{ erasure_id: number }>(server, '/mcp/v1/users/nobody/data', { method: 'DELETE', headers });
  assert.equal(answer.status, 202, answer.text);
  return String(answer.body.erasure_id);
}

before(async () => {
  server = await startServer({ env: { MCP_AUTH: 'required' }, settings: { simulator: true } });
  const operator = bearer(server.token);
  thief = bearer((await person(server, 'thieves', 'admin')).access_token);
  const key = await makeKey(server, { tenant: 'acme', role: 'admin' });
  const mine = bearer(key.key);
  const { body: asked } = await post<{ request_id: string }>(
    server,
    '/mcp/v1/request',
    { prompt: 'A secret of acme', model: MODEL, metadata: { a: 'b' } },
    mine,
  );
  await result(server, asked.request_id, mine);
  const user = await makeUser(server, { tenant: 'acme', email: 'ada@example.com', role: 'member' });
  const idOf = async (path: string, body: Json, headers = operator) =>
    (await post<{ id: string }>(server, path, body, headers)).body.id;
  theirs = new Map([
    ['/mcp/v1/admin/limits/', key.id],
    [
      '/mcp/v1/admin/budgets/',
      await idOf('/mcp/v1/admin/budgets', { tenant: 'acme', scope: 'tenant', period: 'day', soft_usd: 1 }),
    ],
    ['/mcp/v1/keys/', key.id],
    ['/mcp/v1/users/', user.id],
    ['/mcp/v1/teams/', await idOf('/mcp/v1/teams', { tenant: 'acme', name: 'inner' })],
    ['/mcp/v1/tenants/', 'acme'],
    ['/mcp/v1/request/', asked.request_id],
    ['/mcp/v1/stream/', asked.request_id],
    ['/mcp/v1/cancel/', asked.request_id],
    ['/mcp/v1/erasures/', await erasure(mine)],
    ['/v1/responses/', await idOf('/v1/responses', { model: MODEL, input: 'A secret of acme' }, mine)],
  ]);
  for (const [path, id] of theirs) assert.ok(id, path);
});
after(() => server.stop());

/** Of the same form, and nobody's. */
const nobodys = (id: string): string =>
  /^\d+$/.test(id)
    ? '999999'
    : id.replace(/[0-9a-zA-Z]{3}$/, (end) => (end === '000' ? '001' : end === 'cme' ? 'cmf' : '000'));

const BODIES: Record<string, Json> = {
  'PATCH /mcp/v1/users/:id': { name: 'x' },
  'PATCH /mcp/v1/teams/:id': { name: 'x' },
  'PATCH /mcp/v1/admin/budgets/:id': { soft_usd: 2 },
  'PUT /mcp/v1/admin/limits/:scope/:id': { requests_per_minute: 1000 },
};

interface Guess {
  name: string;
  id: string;
  ask(id: string): Promise<Answer<Json>>;
}

function guesses(): Guess[] {
  return allRoutes().flatMap(({ method, url }) => {
    const id = [...theirs].find(([path]) => url.startsWith(path))?.[1];
    if (id === undefined || !url.includes(':')) return [];
    // Takes any name that the tenant has given to its own users.
    if (url === '/mcp/v1/users/:id/data') return [];
    const body = method === 'GET' || method === 'DELETE' ? {} : { json: BODIES[`${method} ${url}`] ?? {} };
    const path = url.replace(':scope', 'key').replace(':user', theirs.get('/mcp/v1/users/') ?? '');
    return [
      {
        name: `${method} ${url}`,
        id,
        ask: (which: string) => call<Json>(server, path.replace(':id', which), { method, headers: thief, ...body }),
      },
    ];
  });
}

const VARY = new Set(['date', 'keep-alive']);
const shape = ({ status, headers, text }: Answer<Json>, id: string) => ({
  status,
  text: text.replaceAll(id, 'ID'),
  headers: [...headers]
    .filter(([name]) => !VARY.has(name))
    .map(([name, value]) => `${name}: ${name === 'content-length' ? '' : value}`),
});

test('an id of another tenant is answered as one that nobody has', { timeout: 60_000 }, async () => {
  const all = guesses();
  assert.ok(all.length >= 25, `${all.length} routes have an id`);
  for (const { name, id, ask } of all) {
    const [foreign, none] = [await ask(id), await ask(nobodys(id))];
    assert.deepEqual(shape(foreign, id), shape(none, nobodys(id)), name);
    assert.ok(foreign.status === 404 || foreign.status === 403, `${name}: ${foreign.status}`);
    assert.ok(!/secret of acme|ada@example/.test(foreign.text), name);
  }
});

test('the same of what is no id at all', { timeout: 60_000 }, async () => {
  for (const { name, ask } of guesses()) {
    for (const odd of [
      'x',
      '%00',
      '..%2f',
      "' or 1=1--",
      '%F0%9F%92%A5',
      'a'.repeat(2000),
      '__proto__',
      '-1',
      '%ud800',
    ]) {
      const { status, text } = await ask(odd);
      assert.ok([400, 403, 404].includes(status), `${name} of ${odd.slice(0, 20)}: ${status} ${text}`);
      assert.doesNotMatch(text, /syntax|invalid input|uuid|node_modules|\.ts:/i, `${name} of ${odd.slice(0, 20)}`);
    }
  }
});

test('a stream over a WebSocket: the same refusal', async () => {
  const refused = (id: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = new WebSocket(`${server.address.replace('http', 'ws')}/mcp/v1/stream/${id}`, { headers: thief });
      socket.on('unexpected-response', (_request, response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(`${response.statusCode} ${text.replaceAll(id, 'ID')}`));
      });
      socket.on('close', (code, reason) => resolve(`closed ${code} ${String(reason).replaceAll(id, 'ID')}`));
      socket.on('message', (data) => reject(new Error(`a frame: ${String(data)}`)));
      socket.on('error', () => {});
    });
  const id = theirs.get('/mcp/v1/stream/') ?? '';
  assert.equal(await refused(id), await refused(nobodys(id)));
});

test('lists and filters show nothing of another tenant, however they ask', { timeout: 60_000 }, async () => {
  const ids = [...theirs.values()].filter((id) => id.length > 5);
  for (const { method, url, needs } of allRoutes()) {
    if (method !== 'GET' || url.includes(':') || url.includes('*') || needs === 'anybody') continue;
    const queries = [
      '',
      '?tenant=acme',
      '?tenant=ACME',
      '?tenant[]=acme',
      '?tenant=thieves&tenant=acme',
      `?request_id=${theirs.get('/mcp/v1/request/')}`,
      `?actor=${theirs.get('/mcp/v1/users/')}`,
      `?after=${theirs.get('/mcp/v1/request/')}`,
      '?group_by=key&tenant=acme',
    ];
    for (const query of queries) {
      const { status, text } = await call(server, url + query, { headers: thief });
      assert.ok(status < 500, `${url}${query}: ${status} ${text}`);
      if (status !== 200) continue;
      for (const id of ids) assert.ok(!text.includes(id), `${url}${query} shows ${id}`);
      assert.ok(!/secret of acme|ada@example/.test(text), `${url}${query}`);
    }
  }
});

/** A difference that is there shows in every round; one that a busy machine makes does not. */
const ROUNDS = 4;

const median = (list: number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

test('and it takes the same time', { timeout: 180_000 }, async () => {
  const EACH = 41;
  for (const { name, id, ask } of guesses()) {
    let [a, b, same] = [0, 0, false];
    for (let round = 0; round < ROUNDS && !same; round++) {
      const spent: Record<'theirs' | 'none', number[]> = { theirs: [], none: [] };
      for (let n = 0; n < EACH * 2; n++) {
        // In turn, so that whatever else the machine does befalls both.
        const which = n % 2 === 0 ? 'theirs' : 'none';
        const began = performance.now();
        await ask(which === 'theirs' ? id : nobodys(id));
        spent[which].push(performance.now() - began);
      }
      [a, b] = [median(spent.theirs), median(spent.none)];
      same = Math.abs(a - b) < Math.max(0.5 * Math.max(a, b), 1.5);
    }
    assert.ok(same, `${name}: another's ${a.toFixed(2)} ms, nobody's ${b.toFixed(2)} ms`);
  }
});

test('a key that is revoked, over, unknown or another’s: the same words and time', { timeout: 120_000 }, async () => {
  const revoked = await makeKey(server, { tenant: 'acme' });
  await post(server, `/mcp/v1/keys/${revoked.id}/revoke`, {}, bearer(server.token));
  const random = () =>
    `gob_${Array.from({ length: 43 }, () => 'abcdefghijkmnpqrstuvwxyz23456789'.charAt(Math.floor(Math.random() * 32))).join('')}`;
  const ask = (key: string) => call<Json>(server, '/mcp/v1/auth/me', { headers: bearer(key) });
  const first = await ask(random());
  assert.equal(first.status, 401);
  let [a, b, same] = [0, 0, false];
  for (let round = 0; round < ROUNDS && !same; round++) {
    const times: Record<'revoked' | 'unknown', number[]> = { revoked: [], unknown: [] };
    for (let n = 0; n < 120; n++) {
      const which = n % 2 === 0 ? 'revoked' : 'unknown';
      const began = performance.now();
      const answer = await ask(which === 'revoked' ? revoked.key : random());
      times[which].push(performance.now() - began);
      assert.deepEqual(shape(answer, ''), shape(first, ''));
    }
    [a, b] = [median(times.revoked), median(times.unknown)];
    // A known key may be remembered for a moment: what must not be is a difference that a network lets through.
    same = Math.abs(a - b) < Math.max(0.6 * Math.max(a, b), 2);
  }
  assert.ok(same, `revoked ${a.toFixed(2)} ms, unknown ${b.toFixed(2)} ms`);
});
