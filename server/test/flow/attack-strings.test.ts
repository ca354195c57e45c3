/**
 * Naughty strings and objects in every field of every route and every parameter: never an error of ours, never a crash,
 * never a changed prototype.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { seedOf } from '../chaos/seed.ts';
import { bearer, makeKey } from '../support/accounts.ts';
import { call, type Json } from '../support/api.ts';
import { addressOf } from '../support/attack.ts';
import { type Attacked, all, startAttacked } from '../support/attacked.ts';
import { filled, type Known, NAUGHTY, OTHER, places, type Schema, sample } from '../support/naughty.ts';

let attacked: Attacked;
let server: Attacked['server'];
before(async () => {
  attacked = await startAttacked();
  ({ server } = attacked);
});
after(() => attacked.close());

const MODEL = 'simulator/goblin-sim';
const KNOWN: Known = {
  tenant: 'acme',
  email: 'someone@example.com',
  password: 'long enough for anybody 1',
  old: 'long enough for anybody 1',
  new: 'long enough for anybody 2',
  role: 'viewer',
  model: MODEL,
  prompt: 'Hi [[sim tokens=1]]',
  messages: [{ role: 'user', content: 'Hi [[sim tokens=1]]' }],
  input: 'Hi [[sim tokens=1]]',
  max_tokens: 8,
  expires_at: '2099-01-01T00:00:00Z',
  not_before: '2020-01-01T00:00:00Z',
  deadline_ms: 5000,
  callback_url: 'http://127.0.0.1:9/x',
  models: ['*'],
  scheme: 'sha256',
  keys: [{ hash: 'ab'.repeat(32), name: 'x' }],
  policies: [{ id: 'x', text: 'permit (principal, action, resource);' }],
  since_ms: 60_000,
  stream: false,
  user: undefined,
  team: undefined,
  stop: ['x'],
  labels: { a: 'b' },
  metadata: { a: 'b' },
  scope: 'tenant',
  period: 'day',
  tools: undefined,
  tool_choice: undefined,
  retrieval: undefined,
  messages_or_prompt: undefined,
  provider_hint: undefined,
  response_format: undefined,
};

/** Slow on purpose: a password is looked at for 50 ms. */
const SLOW = /\/auth\/(?:login|setup|password)|\/users/;
/** Ends the caller's own session, or the data of all. */
const LEFT_OUT = /\/auth\/logout/;

interface Operation {
  method: string;
  path: string;
  body: unknown;
}

async function operations(): Promise<Operation[]> {
  const document = await call<{
    paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>;
  }>(server, '/openapi.json');
  return Object.entries(document.body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) => {
      const schema = requestBody?.content['application/json']?.schema;
      if (!schema || LEFT_OUT.test(path)) return [];
      const body = sample(schema, KNOWN) as Json;
      // One way to ask, not both.
      if ('prompt' in body && 'messages' in body) delete body.messages;
      return [
        {
          method: method.toUpperCase(),
          path: addressOf(path.replace(/\{(\w+)\}/g, ':$1')),
          body: JSON.parse(JSON.stringify(body)) as Json,
        },
      ];
    }),
  );
}

// Every field and every string in each run; of their pairs a third, another one for each commit. `GOBLIN_ATTACK=all`: all.
const SHARE = process.env.GOBLIN_ATTACK === 'all' ? 1 : 3;
const turn = seedOf();

test('in every field of every body', { timeout: 600_000 }, async (context) => {
  const list = await operations();
  assert.ok(list.length >= 25, `${list.length} routes with a body`);
  let tried = 0;
  for (const { method, path, body } of list) {
    const some = SLOW.test(path) ? NAUGHTY.filter((_, at) => at % 6 === 1 || (at > 1 && at < 5)) : NAUGHTY;
    const bodies = places(body).flatMap(({ json }, place) => [
      ...some.filter((_, at) => (at + place + turn) % SHARE === 0).map((text) => filled(json, text, true)),
      ...OTHER.map((other) => filled(json, other, false)),
    ]);
    await all(
      bodies.filter((one) => one !== null),
      async (raw) => {
        await attacked.isFine(method, path, { raw });
        tried++;
      },
    );
    attacked.isPure(`${method} ${path}`);
  }
  context.diagnostic(`${tried} bodies`);
  assert.ok(tried > 8000 / SHARE, `${tried} bodies`);
});

test('in every parameter of every address', { timeout: 300_000 }, async () => {
  const names =
    'tenant limit after before from to type actor request_id format state status model task_type user_id label wait group_by period version since order include token team key provider scope stream q constructor __proto__ tenant[] tenant[__proto__]'.split(
      ' ',
    );
  const values = [
    ...NAUGHTY.filter((text) => text.length < 1000).map((text) => {
      const plain = JSON.parse(`"${text}"`) as string;
      return plain.isWellFormed() ? encodeURIComponent(plain) : '%ED%A0%80';
    }),
    '%00',
    '%ff%fe',
    '%',
    '%u0000',
    '&&&===',
    '1&limit=2&limit=3',
  ];
  const document = await call<{ paths: Record<string, Json> }>(server, '/openapi.json');
  const paths = Object.entries(document.body.paths).flatMap(([path, methods]) =>
    'get' in methods ? [addressOf(path.replace(/\{(\w+)\}/g, ':$1'))] : [],
  );
  assert.ok(paths.length > 25);
  for (const path of paths) {
    if (path.includes('/stream/')) continue;
    const queries = names.flatMap((name) => values.map((value) => `${name}=${value}`));
    // Each with each would be hours: every value and every name is met, in another order on every route.
    const from = paths.indexOf(path) * 7;
    await all(
      queries.filter((_, at) => (at + from) % 8 === 0),
      (query) => attacked.isFine('GET', `${path}?${query}`),
    );
  }
});

test('nobody becomes more by a prototype', async () => {
  const bodies = [
    '{"tenant":"acme","__proto__":{"role":"owner","everywhere":true}}',
    '{"tenant":"acme","constructor":{"prototype":{"role":"owner"}}}',
    '{"tenant":"acme","role":"viewer","role":"owner"}',
    '{"tenant":"acme","role":"viewer","\\u0072ole":"owner"}',
  ];
  const viewer = await makeKey(server, { tenant: 'acme', role: 'admin' });
  for (const raw of bodies) {
    const answer = await call<{ key?: string }>(server, '/mcp/v1/keys', { raw, headers: bearer(viewer.key) });
    if (answer.status !== 201) {
      assert.ok(answer.status === 400 || answer.status === 403, answer.text);
      continue;
    }
    const who = await call<{ permissions: string[] }>(server, '/mcp/v1/auth/me', {
      headers: bearer(answer.body.key ?? ''),
    });
    assert.ok(!who.body.permissions.includes('tenant:write'), `${raw} made an owner`);
  }
});
