/** Rules of the scanner that a tenant sets: what is refused, what holds, for whom, and what the trail says of it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { bearer, makeKey } from '../support/accounts.ts';
import { call, isProblem, type Json, post } from '../support/api.ts';
import { runGoblin, type Server, startServer } from '../support/server.ts';
import { callsWith, MODEL, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

const PATH = '/mcp/v1/admin/secret-rules';
const TICKET = { id: 'ticket', description: 'Tickets', pattern: 'ACME-[0-9]{6}' };

interface Listed {
  version: number;
  rules: Json[];
  actions: Json;
  in_force: { id: string; action: string; own: boolean }[];
}

let vendor: Simulator;
let server: Server;
const keys: Record<string, string> = {};

before(async () => {
  vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  server = await startServer({
    env: { ...openaiEnv(vendor), MCP_AUTH: 'required' },
    settings: { secrets: { rules: { jwt: 'block' }, tasks: { translate: { kinds: { pii: 'redact' } } } } },
  });
  for (const [tenant, role] of [
    ['acme', 'member'],
    ['acme', 'admin'],
    ['other', 'member'],
  ] as const)
    keys[`${tenant} ${role}`] = (await makeKey(server, { tenant, role })).key;
});
after(async () => {
  await server?.stop();
  await vendor?.close();
});

const as = (who: string) => bearer(keys[who] ?? '');
const put = (json: Json, headers = as('acme admin')) =>
  call<{ version: number }>(server, PATH, { method: 'PUT', json, headers });
const chat = (content: string, who = 'acme member', headers: Record<string, string> = {}) =>
  post<Json>(
    server,
    '/v1/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content }] },
    { ...as(who), ...headers },
  );
const sent = (mark: string) => JSON.stringify(callsWith(vendor, mark).at(-1)?.body ?? null);

test('what is unsafe, unknown or weaker than the house is refused with every place', async () => {
  const problem = isProblem(
    await put({
      rules: [
        { id: 'a', pattern: 'token=.*' },
        { id: 'b', pattern: '(x+x+)+y' },
        { id: 'jwt', pattern: 'abcdef' },
      ],
      actions: {
        rules: { nobody: 'flag', jwt: 'flag' },
        tasks: { nothing: {}, translate: { kinds: { pii: 'flag' } } },
      },
    }),
    400,
    'invalid_request',
  );
  assert.deepEqual(
    problem.errors?.map(({ path }) => path),
    [
      'rules.0.pattern',
      'rules.1.pattern',
      'rules.2.id',
      'actions.rules.nobody',
      'actions.rules.jwt',
      'actions.tasks.nothing',
      'actions.tasks.translate.kinds.pii',
    ],
  );
  assert.match(problem.errors?.[0]?.message ?? '', /^at 6: "\.\*" repeats without an end.*\(rule a\)$/);
  assert.match(problem.errors?.[1]?.message ?? '', /^at 0: "\(x\+x\+\)\+" repeats without an end.*\(rule b\)$/);
  const shape = isProblem(await put({ rules: [{ id: 'A b', pattern: 7 }], more: 1 }), 400, 'invalid_request');
  assert.deepEqual(shape.errors?.map(({ path }) => path).sort(), ['more', 'rules.0.id', 'rules.0.pattern']);
  const both = isProblem(
    await put({
      rules: [{ id: 'a', pattern: 'token=.*' }, { id: 'B', pattern: 'x(y' }, null, { id: 'c', action: 'no' }],
    }),
    400,
    'invalid_request',
  );
  const told = new Map(both.errors?.map(({ path, message }) => [path, message]));
  assert.match(told.get('rules.0.pattern') ?? '', /\(rule a\)$/, 'faults of patterns beside those of form');
  assert.match(told.get('rules.1.pattern') ?? '', /^at 3: /);
  assert.deepEqual([told.has('rules.1.id'), told.has('rules.2'), told.has('rules.3.action')], [true, true, true]);
  const none = await call<Listed>(server, PATH, { headers: as('acme admin') });
  assert.equal(none.body.version, 0, 'nothing of it was saved');
});

test('what a tenant sets holds for its requests, at every door and for nobody else', async () => {
  assert.equal((await put({ version: 0, rules: [TICKET], actions: { kinds: { pii: 'flag' } } })).body.version, 1);
  const answer = await chat('mark-one: look at ACME-123456 please');
  assert.equal(answer.status, 200, answer.text);
  assert.match(sent('mark-one'), /\[\[secret:ticket:[0-9a-f]{10,}\]\]/);
  assert.doesNotMatch(sent('mark-one'), /ACME-123456/);
  const detached = await post<{ request_id: string }>(
    server,
    '/mcp/v1/request',
    { prompt: 'mark-two: look at ACME-123456', model: MODEL },
    as('acme member'),
  );
  assert.equal(detached.status, 202);
  const { request_id: id } = detached.body;
  const whole = await call<{ text: string }>(server, `/mcp/v1/request/${id}/result?wait=20`, {
    headers: as('acme member'),
  });
  assert.equal(whole.status, 200, whole.text);
  assert.doesNotMatch(sent('mark-two'), /ACME-123456/);

  assert.equal((await chat('mark-three: look at ACME-123456', 'other member')).status, 200);
  assert.match(sent('mark-three'), /ACME-123456/);

  // What one task is told comes first: of the house, then of the tenant.
  await chat('mark-four: write to jane.doe@example.com');
  assert.match(sent('mark-four'), /jane\.doe@example\.com/);
  await chat('mark-five: write to jane.doe@example.com', 'acme member', { 'x-mcp-task': 'translate' });
  assert.match(sent('mark-five'), /\[\[pii:email:/);
  await chat('mark-six: write to jane.doe@example.com', 'other member', { 'x-mcp-task': 'translate' });
  assert.match(sent('mark-six'), /\[\[pii:email:/);
  const code = { tasks: { code: { rules: { ticket: 'block' } } } };
  assert.equal((await put({ version: 1, rules: [TICKET], actions: code })).body.version, 2);
  const blocked = isProblem(
    await post(
      server,
      '/mcp/v1/request',
      { prompt: 'mark-seven: ACME-123456', model: MODEL, task_type: 'code' },
      as('acme member'),
    ),
    400,
    'secret_blocked',
  );
  assert.match(JSON.stringify(blocked.errors), /holds a secret \(ticket\)/);
  assert.equal(callsWith(vendor, 'mark-seven').length, 0);
  assert.equal((await chat('mark-eight: ACME-123456')).status, 200);
});

test('versions stay, one that was changed meanwhile is refused, and the trail does not say what is looked for', async () => {
  const late = isProblem(await put({ version: 1, rules: [] }), 400, 'invalid_request');
  assert.match(late.errors?.[0]?.message ?? '', /they are at version 2/);
  const first = await call<Listed>(server, `${PATH}?version=1`, { headers: as('acme admin') });
  assert.deepEqual(first.body.rules, [TICKET]);
  assert.equal(
    isProblem(await call(server, `${PATH}?version=9`, { headers: as('acme admin') }), 404, 'not_found').status,
    404,
  );
  const { in_force: now } = (await call<Listed>(server, PATH, { headers: as('acme admin') })).body;
  assert.deepEqual(
    now.filter(({ own }) => own).map(({ id, action }) => [id, action]),
    [['ticket', 'redact']],
  );
  assert.equal(now.find(({ id }) => id === 'jwt')?.action, 'block');
  const trail = await call<{ items: { payload: Json }[] }>(server, '/mcp/v1/admin/audit?type=secret_rules.changed', {
    headers: as('acme admin'),
  });
  assert.equal(trail.body.items.length, 2, trail.text);
  assert.doesNotMatch(trail.text, /\[0-9\]/);
  assert.match(trail.text, /"ticket"/);
});

test('who may not, does not: members, other tenants', async () => {
  isProblem(await put({ rules: [] }, as('acme member')), 403, 'forbidden');
  isProblem(await call(server, PATH, { headers: as('acme member') }), 403, 'forbidden');
  isProblem(await put({ tenant: 'other', rules: [] }), 404, 'not_found');
  isProblem(await call(server, `${PATH}?tenant=other`, { headers: as('acme admin') }), 404, 'not_found');
});

test('a policy that asks for findings sees those of the own rules', async () => {
  const policies = [
    { id: 'p', cedar: 'forbid (principal, action, resource) when { context.findings.contains("pii") };' },
  ];
  const rules = [{ id: 'staff', kind: 'pii', literals: ['Falcon Nine'] }];
  assert.equal((await put({ rules, actions: {} })).status, 200);
  const set = (of: Json[]) =>
    call(server, '/mcp/v1/admin/policies', { method: 'PUT', json: { policies: of }, headers: as('acme admin') });
  assert.equal((await set(policies)).status, 200);
  isProblem(
    await post(server, '/mcp/v1/request', { prompt: 'about Falcon Nine', model: MODEL }, as('acme member')),
    403,
    'policy_denied',
  );
  assert.equal((await set([])).status, 200);
});

test('goblin rules shows, sets and lists them', async () => {
  const file = join(server.folder, 'rules.yaml');
  writeFileSync(file, 'rules:\n  - id: badge\n    literals: [Badge-]\n    pattern: "[A-Z]{2}[0-9]{5}Q"\n');
  const set = await runGoblin(['rules', 'set', file, '--tenant', 'acme'], server);
  assert.equal(set.code, 0, set.stderr);
  assert.match(set.stderr, /The rules of acme are version 4 now/);
  const show = await runGoblin(['rules', 'show', '--tenant', 'acme'], server);
  assert.deepEqual(JSON.parse(show.stdout), {
    rules: [{ id: 'badge', literals: ['Badge-'], pattern: '[A-Z]{2}[0-9]{5}Q' }],
    actions: {},
  });
  const list = await runGoblin(['rules', 'list', '--tenant', 'acme'], server);
  assert.match(list.stdout, /badge +credential +redact +own/);
  assert.match(list.stdout, /jwt +credential +block/);
  writeFileSync(file, 'rules:\n  - id: badge\n   x: 1\n');
  const wrong = await runGoblin(['rules', 'set', file], server);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /rules\.yaml:3/);
  const old = await runGoblin(['rules', 'set', file.replace('rules.yaml', 'none.yaml')], server);
  assert.equal(old.code, 1);
});
