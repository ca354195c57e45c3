/**
 * Every kind of request passes the policies, and says which version let it in and why; what they forbid is not sent, not
 * from the queue, not by a retry, and not out of the cache.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { bearer, makeKey } from '../support/accounts.ts';
import { type Answer, call, type Json, post, submit, view } from '../support/api.ts';
import { embedderAt } from '../support/embeddings.ts';
import { eventually, type Server, startServer } from '../support/server.ts';
import { OPENAI_KEY, PATIENT } from '../support/vendors.ts';
import { type Embedder, startEmbedder } from '../vendors/embedder.ts';

const PATH = '/mcp/v1/admin/policies';
const MODEL = 'first/gpt-4o-mini';

let vendor: Simulator;
let embedder: Embedder;
let server: Server;
let admin: Record<string, string>;
let member: Record<string, string>;

before(async () => {
  [vendor, embedder] = await Promise.all([startSimulator({ journal: true, key: OPENAI_KEY }), startEmbedder()]);
  const at = (more: Json) => ({ base_url: vendor.url, key_env: 'OPENAI_API_KEY', models: ['gpt-4o-mini'], ...more });
  server = await startServer({
    env: { OPENAI_API_KEY: OPENAI_KEY, MCP_AUTH: 'required' },
    settings: {
      ...PATIENT,
      cache: { enabled: true },
      running_per_worker: 1,
      providers: {
        first: at({ raw_price_usd: 0.01 }),
        second: at({ free: true }),
        vectors: { ...embedderAt(embedder, 'openai-one', 'openai', 'shared-embed'), free: true },
      },
      prices: { [MODEL]: { input: 1, output: 2 } },
      aliases: { duo: [MODEL, 'second/gpt-4o-mini'] },
    },
  });
  const [one, two] = await Promise.all(['admin', 'member'].map((role) => makeKey(server, { tenant: 'acme', role })));
  [admin, member] = [bearer(one?.key ?? ''), bearer(two?.key ?? '')];
});
after(async () => {
  await server?.stop();
  await vendor?.close();
  await embedder?.close();
});

/** Answers the version. */
async function set(...texts: string[]): Promise<number> {
  const policies = texts.map((cedar, n) => ({ id: `p${n}`, cedar }));
  const saved = await call<{ version: number }>(server, PATH, { method: 'PUT', json: { policies }, headers: admin });
  assert.equal(saved.status, 200, saved.text);
  return saved.body.version;
}

interface Plan {
  targets: { provider: string }[];
  dropped: { provider: string; reason: string }[];
  policy?: { versions: string[]; by: string[]; reason?: string; redact?: boolean };
}
const planOf = async (id: string): Promise<Plan | null> =>
  ((await view(server, id, admin)) as unknown as { plan: Plan | null }).plan;
const idOf = (answer: Answer<unknown>): string => answer.headers.get('x-mcp-request-id') ?? '';
const asked = (mark: string): number =>
  vendor.journal().filter(({ body }) => JSON.stringify(body ?? '').includes(mark)).length;
const chat = (content: string, more: Json = {}, headers: Record<string, string> = {}) =>
  post<Json>(
    server,
    '/v1/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content }], ...more },
    { ...member, ...headers },
  );
const ALLOWS = '@reason("all is well") permit (principal, action, resource);';
const FORBIDS = (what: string) => `@reason("closed today") forbid (principal, action, resource) when { ${what} };`;
const NOT_FIRST = '@reason("closed today") forbid (principal, action, resource in Provider::"first");';

const ways: Record<string, (mark: string) => Promise<Answer<unknown>>> = {
  'attached, whole': (mark) => chat(mark),
  'attached, streamed': (mark) => chat(mark, { stream: true }),
  detached: async (mark) => {
    const answer = await post<{ request_id?: string }>(
      server,
      '/mcp/v1/request',
      { prompt: mark, model: MODEL },
      member,
    );
    const headers = new Headers({ 'x-mcp-request-id': answer.body.request_id ?? '' });
    return { ...answer, headers };
  },
  messages: (mark) =>
    post(
      server,
      '/v1/messages',
      { model: MODEL, max_tokens: 50, messages: [{ role: 'user', content: mark }] },
      { ...member, 'anthropic-version': '2023-06-01' },
    ),
  responses: (mark) => post(server, '/v1/responses', { model: MODEL, input: mark }, member),
  'responses in the background': async (mark) => {
    const answer = await post<{ id?: string }>(
      server,
      '/v1/responses',
      { model: MODEL, input: mark, background: true, store: true },
      member,
    );
    return answer;
  },
  embeddings: (mark) => post(server, '/v1/embeddings', { model: 'vectors/shared-embed', input: mark }, member),
  raw: (mark) =>
    post(
      server,
      '/mcp/v1/raw/first/chat/completions',
      { model: 'gpt-4o-mini', messages: [{ role: 'user', content: mark }] },
      member,
    ),
};

for (const [name, ask] of Object.entries(ways)) {
  test(`${name}: let in with its version and reason, or not sent at all`, async () => {
    const mark = `kind-${name.replaceAll(/\W/g, '-')}`;
    const version = await set(ALLOWS);
    const answer = await ask(`${mark} let in`);
    assert.ok(answer.status === 200 || answer.status === 202, answer.text);
    const id = idOf(answer);
    assert.match(id, /^[0-9a-f-]{36}$/, answer.text);
    const plan = await eventually(() => planOf(id), 'the plan');
    assert.deepEqual(plan.policy, { versions: [`tenant ${version}`], by: ['p0'], reason: 'all is well' });
    const receipt = await eventually(async () => {
      const made = await call<{ plan: Plan }>(server, `/mcp/v1/request/${id}/receipt`, { headers: admin });
      return made.status === 200 && made.body;
    }, 'the receipt');
    assert.deepEqual(receipt.plan.policy, plan.policy);

    const closed = await set(FORBIDS('true'));
    const before = embedder.heard.length;
    const denied = await ask(`${mark} kept out`);
    assert.equal(denied.status, 403, denied.text);
    assert.match(denied.text, /policy_denied|permission_error|closed today/);
    assert.match(denied.text, new RegExp(`The policy p0 does not allow it \\(tenant ${closed}\\): closed today`));
    assert.equal(asked(`${mark} kept out`), 0);
    assert.equal(embedder.heard.length, before);
    const told = await eventually(async () => {
      const trail = await call<{ items: { payload: { code: string; reason?: string } }[] }>(
        server,
        '/mcp/v1/admin/audit?type=request.refused',
        { headers: admin },
      );
      return trail.body.items.find(({ payload }) => payload.reason?.includes(`(tenant ${closed})`));
    }, 'the event of the refusal');
    assert.equal(told.payload.code, 'policy_denied');
  });
}

test('a request that waits is judged by the policies of the moment at which it begins', async () => {
  await set(ALLOWS);
  // One after the other: the first holds the only place.
  const first = await submit(server, { prompt: 'queue-first [[sim tokens=40 rate=6]]', model: MODEL }, member);
  await eventually(() => asked('queue-first') > 0, 'the first one');
  const denied = await submit(server, { prompt: 'queue-denied', model: MODEL }, member);
  const moved = await submit(server, { prompt: 'queue-moved', model: 'duo' }, member);
  const closed = await set(NOT_FIRST);
  const ended = async (id: string) =>
    await eventually(
      async () => {
        const told = await view(server, id, member);
        return ['succeeded', 'failed', 'blocked'].includes(told.status) && told;
      },
      'the end',
      30_000,
    );
  assert.equal((await ended(first.request_id)).status, 'succeeded', 'what runs is not stopped');
  const { status, error } = await ended(denied.request_id);
  assert.equal(status, 'failed');
  assert.equal(error?.code, 'policy_denied');
  assert.match(error?.message ?? '', new RegExp(`\\(tenant ${closed}\\): closed today`));
  assert.equal(asked('queue-denied'), 0);
  assert.equal((await ended(moved.request_id)).status, 'succeeded');
  const plan = await planOf(moved.request_id);
  assert.deepEqual(plan?.policy?.versions, [`tenant ${closed}`]);
  assert.match(plan?.dropped.find(({ provider }) => provider === 'first')?.reason ?? '', /closed today/);
  // What must be redacted since it was let in cannot be any more.
  await set(ALLOWS);
  const busy = await submit(server, { prompt: 'queue-busy [[sim tokens=40 rate=6]]', model: MODEL }, member);
  await eventually(() => asked('queue-busy') > 0, 'the busy one');
  const person = await submit(server, { prompt: 'queue-person jane.doe@example.com', model: MODEL }, member);
  await set('@require("redaction") permit (principal, action, resource);');
  await ended(busy.request_id);
  assert.equal((await ended(person.request_id)).error?.code, 'policy_denied');
  assert.equal(asked('queue-person'), 0);
});

test('a kept answer, and one that is being given, is for those whom the policies let in', async () => {
  const { key } = await makeKey(server, { tenant: 'acme', role: 'member' });
  const other = bearer(key);
  const one = await set(ALLOWS);
  const cacheOf = (answer: Answer<unknown>) => answer.headers.get('x-mcp-cache');
  assert.equal(cacheOf(await chat('kept answer')), 'miss');
  assert.equal(cacheOf(await chat('kept answer')), 'hit');
  assert.equal(cacheOf(await chat('kept answer', {}, other)), 'hit', 'another key of the tenant');
  await set(NOT_FIRST);
  isProblemOfDoor(await chat('kept answer'));
  const two = await set(
    `@reason("closed today") forbid (principal in Role::"member", action, resource) when { context.data_class == "top" };`,
  );
  assert.notEqual(one, two);
  assert.equal(cacheOf(await chat('kept answer')), 'miss', 'it passed other policies');
  assert.equal(cacheOf(await chat('kept answer')), 'hit');
  isProblemOfDoor(await chat('kept answer', {}, { 'x-mcp-labels': 'data_class=top' }));

  // A call that runs is shared by those who may make it, and by nobody else.
  const lead = chat('shared answer [[sim tokens=60 rate=12]]', { stream: true });
  await eventually(() => asked('shared answer') > 0, 'the call');
  const follows = chat('shared answer [[sim tokens=60 rate=12]]', {}, other);
  isProblemOfDoor(
    await chat('shared answer [[sim tokens=60 rate=12]]', {}, { ...other, 'x-mcp-labels': 'data_class=top' }),
  );
  assert.equal((await lead).status, 200);
  assert.equal((await follows).status, 200);
  assert.equal(asked('shared answer'), 1);
});

function isProblemOfDoor(answer: Answer<unknown>): void {
  assert.equal(answer.status, 403, answer.text);
  assert.match(answer.text, /closed today/);
}

test('what was spent counts, for the key and for the tenant', async () => {
  const rules = 'context has spent.key_day && context.spent.key_day.greaterThan(decimal("0.0"))';
  await set();
  const { key } = await makeKey(server, { tenant: 'spender', role: 'member' });
  const own = bearer(key);
  const put = await call(server, PATH, {
    method: 'PUT',
    json: { tenant: 'spender', policies: [{ id: 's', cedar: FORBIDS(rules) }] },
    headers: bearer(server.token),
  });
  assert.equal(put.status, 200, put.text);
  const first = await chat('spending one', {}, own);
  assert.equal(first.status, 200, first.text);
  // Figures are some seconds old at most.
  const denied = await eventually(
    async () => {
      const answer = await chat('spending again', {}, own);
      return answer.status === 403 && answer;
    },
    'the refusal',
    15_000,
  );
  assert.match(denied.text, /closed today/);
  const { key: fresh } = await makeKey(server, { tenant: 'spender', role: 'member' });
  assert.equal((await chat('spending anew', {}, bearer(fresh))).status, 200, 'another key has spent nothing');
});
