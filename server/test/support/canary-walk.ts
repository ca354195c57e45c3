/** One walk through all doors, verbs and faults with a secret in every place that takes one. */
import assert from 'node:assert/strict';
import type { LeakyVendor } from '../vendors/leaky.ts';
import { type Answer, type CallOptions, call, type Json } from './api.ts';
import type { Canaries } from './canary.ts';
import { eventually } from './server.ts';

/** Models of the vendor that repeats everything; each is a provider of its own, so that no breaker hides the next. */
export const FAULTS = [
  'status-400',
  'status-401',
  'status-403',
  'status-404',
  'status-429',
  'status-500',
  'html',
  'garbage',
  'redirect',
  'midway',
  'cut',
];
export const GOOD = 'leaky/plain';

export interface Walked {
  server: { address: string; token: string };
  canaries: Canaries;
}

/** Names of what the callers themselves sent, or were given: only for what they are answered. */
const OWN = ['secret in a prompt', 'secret in base64', 'secret in a tool result', 'secret in metadata', 'answer'];

export const leakySettings = (vendor: LeakyVendor): Record<string, unknown> => ({
  clocks: { headers_ms: 3000, first_token_ms: 3000, idle_ms: 3000 },
  callbacks: { allow_private: true },
  providers: Object.fromEntries(
    ['leaky', ...FAULTS].map((name) => [
      name,
      {
        base_url: vendor.url,
        key_env: 'LEAKY_KEY',
        models: name === 'leaky' ? ['plain', 'embed'] : [name],
        free: true,
      },
    ]),
  ),
});

export async function walk({ server, canaries }: Walked, setupToken: string, oddPassword: string): Promise<string[]> {
  const secret = (name: string): string => canaries.make(name);
  const aws = canaries.plant(
    'secret in a prompt',
    `AKIA${Array.from({ length: 16 }, () => 'ABCDEFGHJKLMNPQRSTUVWXYZ234567'[Math.floor(Math.random() * 30)]).join('')}`,
  );
  const hidden = canaries.plant('secret in base64', `ghp_${secretText(36)}`);
  const tool = canaries.plant('secret in a tool result', `npm_${secretText(36)}`);
  const noted = canaries.plant('secret in metadata', `xkeysib-${hex(64)}-${secretText(16)}`);

  /** Every answer is searched; `given` are the secrets that it is for. */
  async function ask(path: string, options: CallOptions = {}, given: readonly string[] = []): Promise<Answer<Json>> {
    const answer = await call<Json>(server, path, options).catch((error: unknown) => {
      throw new Error(`${path} ${JSON.stringify(options).slice(0, 300)}`, { cause: error });
    });
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    const own = [...OWN, ...given];
    canaries.look(`answer to ${options.method ?? 'GET or POST'} ${path.slice(0, 40)}`, headers + answer.text, own);
    return answer;
  }
  const as = (token: string) => ({ authorization: `Bearer ${token}` });

  // Accounts: the first owner, a wrong password, sessions that are renewed and stolen, a change of the password.
  const password = secret('password');
  const owner = { email: 'ada@example.com', password };
  const first = await ask('/mcp/v1/auth/setup', { json: { token: setupToken, ...owner } }, ['access token']);
  assert.equal(first.status, 201, first.text);
  await ask('/mcp/v1/auth/setup', { json: { token: setupToken, ...owner } });
  await ask('/mcp/v1/auth/setup', { json: { token: secret('wrong set-up token'), ...owner } });
  await ask('/mcp/v1/auth/login', { json: { ...owner, password: secret('wrong password') } });
  await ask('/mcp/v1/auth/login', { json: { email: 'ada@example.com', password: oddPassword } });
  const session = await call<{ access_token: string; refresh_token: string }>(server, '/mcp/v1/auth/login', {
    json: owner,
  });
  assert.equal(session.status, 200, session.text);
  const access = canaries.plant('access token', session.body.access_token);
  const refresh = canaries.plant('refresh token', session.body.refresh_token);
  const renewed = await call<{ refresh_token: string; access_token: string }>(server, '/mcp/v1/auth/refresh', {
    json: { refresh_token: refresh },
  });
  assert.equal(renewed.status, 200, renewed.text);
  canaries.plant('second refresh token', renewed.body.refresh_token);
  canaries.plant('second access token', renewed.body.access_token);
  const changed = await ask('/mcp/v1/auth/password', {
    json: { old: password, new: secret('new password') },
    headers: as(renewed.body.access_token),
  });
  assert.ok(changed.status < 400, changed.text);
  await ask('/mcp/v1/auth/refresh', { json: { refresh_token: refresh } });
  await ask('/mcp/v1/auth/me', { headers: as(access) });
  const cookie = await ask('/mcp/v1/auth/login', {
    json: { ...owner, cookie: true },
    headers: { cookie: `a=${secret('cookie')}`, origin: 'https://evil.example' },
  });
  assert.ok(cookie.status !== 500, cookie.text);

  const made = await call<{ key: string; id: string }>(server, '/mcp/v1/keys', {
    json: { tenant: 'acme', role: 'admin', name: 'canary' },
    headers: as(server.token),
  });
  assert.equal(made.status, 201, made.text);
  const key = canaries.plant('API key', made.body.key);
  // What a vendor refuses for a while would be waited for.
  const mine = { ...as(key), 'x-mcp-deadline-ms': '2500' };
  await call(server, '/mcp/v1/users', {
    json: { tenant: 'acme', email: 'bob@example.com', role: 'operator', password: secret('password of another') },
    headers: as(server.token),
  });
  // A body that is refused for another reason, with a secret in it.
  for (const [path, json] of [
    ['/mcp/v1/users', { tenant: 'acme', email: 'x', password: secret('password in a refused body') }],
    ['/mcp/v1/keys', { tenant: 'acme', secret: secret('field in a refused body') }],
    ['/mcp/v1/keys/import', { tenant: 'acme', scheme: 'sha256', keys: [{ key: secret('import in a refused body') }] }],
  ] as const) {
    const refused = await ask(path, { json, headers: as(server.token) });
    assert.ok(refused.status >= 400 && refused.status < 500, `${path}: ${refused.status}`);
  }

  // Credentials that are none, in every place that takes one.
  const strangers: Record<string, string>[] = [
    as(secret('unknown bearer')),
    as(`gob_${secretText(43)}`),
    { authorization: `Basic ${Buffer.from(`ada:${secret('basic')}`).toString('base64')}` },
    { 'x-api-key': secret('unknown x-api-key') },
    { cookie: `__Host-goblin=${secret('cookie of a session')}; goblin_session=${secret('other cookie')}` },
    { 'x-goog-api-key': secret('x-goog-api-key') },
    { 'proxy-authorization': `Basic ${secret('proxy credentials')}` },
  ];
  for (const headers of strangers) assert.equal((await ask('/mcp/v1/request', { headers })).status, 401);
  for (const name of ['api_key', 'access_token', 'key', 'token', 'code']) {
    await ask(`/mcp/v1/request?${name}=${secret(`${name} in a query`)}`, { headers: mine });
    await ask(`/nowhere/at/all?${name}=${secret(`${name} in a query of nothing`)}`);
  }
  await ask(`/mcp/v1/auth/oidc/none/callback?code=${secret('code of a sign-in')}&state=${secret('state')}`);
  await ask(`/no/${secret('path of nothing')}`);

  // Prompts, at every door, whole and streamed.
  const prompt = `Use ${aws} and ${Buffer.from(`token=${hidden}`).toString('base64')} please.`;
  const messages = [{ role: 'user', content: prompt }];
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object', properties: {} } } }];
  const toolTurn = [
    ...messages,
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: `It says ${tool}.` },
  ];
  const ids: string[] = [];
  const keep = (answer: Answer<Json>) => {
    const id = answer.headers.get('x-mcp-request-id') ?? answer.body.request_id;
    if (typeof id === 'string') ids.push(id);
  };
  for (const model of [GOOD, ...FAULTS.map((name) => `${name}/${name}`)]) {
    for (const stream of [false, true]) {
      keep(await ask('/v1/chat/completions', { json: { model, messages: toolTurn, tools, stream }, headers: mine }));
      keep(await ask('/v1/messages', { json: { model, messages, stream, max_tokens: 50 }, headers: mine }));
      keep(await ask('/v1/responses', { json: { model, input: prompt, stream }, headers: mine }));
    }
    keep(await ask('/v1/embeddings', { json: { model, input: prompt }, headers: mine }));
    const body = { prompt, model, metadata: { note: noted }, labels: { team: 'x' }, user_id: 'u-1', deadline_ms: 2500 };
    keep(await ask('/mcp/v1/request', { json: body, headers: mine }));
  }
  keep(await ask('/v1/messages/count_tokens', { json: { model: GOOD, messages }, headers: mine }));
  for (const path of ['files', 'status-401?x=1']) {
    keep(await ask(`/mcp/v1/raw/leaky/${path}`, { headers: { ...mine, 'x-own': secret(`raw header ${path}`) } }));
  }
  // Broken bodies: nothing of them may be told to anybody but the one who sent them.
  for (const raw of [`{"prompt":"${secret('malformed')}`, `{"model":5,"prompt":"${secret('wrong type')}"}`]) {
    const answer = await ask('/mcp/v1/request', { raw, headers: mine });
    assert.equal(answer.status, 400);
  }
  const good = await ask('/v1/chat/completions', { json: { model: GOOD, messages }, headers: as(key) });
  assert.equal(good.status, 200, good.text);
  assert.match(good.text, /Here you are/);
  // With the same key twice: the second is told the first one's answer.
  const headers = { ...mine, 'idempotency-key': 'canary-1' };
  for (let n = 0; n < 2; n++) keep(await ask('/v1/chat/completions', { json: { model: GOOD, messages }, headers }));
  keep(
    await ask('/mcp/v1/request', {
      json: { prompt, model: GOOD, callback_url: 'http://127.0.0.1:9/hook' },
      headers: mine,
    }),
  );

  for (const id of ids) {
    for (const part of ['', '/result', '/events', '/receipt', '/content']) {
      await eventually(async () => {
        const { status } = await call(server, `/mcp/v1/request/${id}/result`, { headers: mine });
        return status !== 202;
      }, `the end of ${id}`);
      await ask(`/mcp/v1/request/${id}${part}`, { headers: mine });
    }
    await ask(`/mcp/v1/stream/${id}`, { headers: { ...mine, accept: 'text/event-stream' } });
  }
  await ask(`/mcp/v1/keys/${made.body.id}/revoke`, { method: 'POST', json: {}, headers: as(server.token) });
  await ask('/mcp/v1/request', { headers: mine });
  return ids;
}

/** Every address without an id that can be read, as the operator: nothing that was planted is there. */
export async function readAll({ server, canaries }: Walked): Promise<number> {
  const paths = await call<{ paths: Record<string, Json> }>(server, '/openapi.json');
  const list = Object.entries(paths.body.paths).flatMap(([path, methods]) => ('get' in methods ? [path] : []));
  const more = [
    '/docs',
    '/docs/',
    '/openapi.json',
    '/mcp/v1/admin/audit?format=ndjson&limit=1000',
    '/healthz',
    '/readyz',
  ];
  let read = 0;
  for (const path of [...list.filter((one) => !one.includes('{') && !one.includes('*')), ...more]) {
    for (const query of ['', path.includes('?') ? '&tenant=acme' : '?tenant=acme']) {
      const answer = await call(server, path + query, { headers: { authorization: `Bearer ${server.token}` } });
      if (answer.status === 200) read++;
      canaries.look(`GET ${path}`, answer.text);
    }
  }
  return read;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const secretText = (length: number): string =>
  Array.from({ length }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]).join('');
const hex = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join('');
