/** Policies and guardrails in a real process: what they refuse never reaches the vendor, and what they decide is told. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { bearer, makeKey } from '../support/accounts.ts';
import { call, events, isProblem, type Json, post, submit, view } from '../support/api.ts';
import { eventually, runGoblin, type Server, startServer } from '../support/server.ts';
import { callsWith, MODEL, OPENAI_KEY, openaiEnv } from '../support/vendors.ts';

const PATH = '/mcp/v1/admin/policies';

interface Asked {
  stage: string;
  request: Json;
  messages?: { role: string; content: { type: string; text?: string }[] }[];
  text?: string;
}

let vendor: Simulator;
let server: Server;
let guarded: Server;
let key: string;
let keyId: string;
const heard: Asked[] = [];
/** What the hook says; by default it allows. */
let say: (asked: Asked) => unknown = () => ({ action: 'allow' });

const hook = createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => {
    text += chunk;
  });
  request.on('end', () => {
    const asked = JSON.parse(text) as Asked;
    heard.push(asked);
    const said = say(asked);
    if (said === undefined) return;
    response.setHeader('content-type', 'application/json');
    response.end(typeof said === 'string' ? said : JSON.stringify(said));
  });
});

before(async () => {
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/check`;
  vendor = await startSimulator({ journal: true, key: OPENAI_KEY });
  [server, guarded] = await Promise.all([
    startServer({
      env: { ...openaiEnv(vendor), MCP_AUTH: 'required' },
      settings: {
        providers: { second: { base_url: vendor.url, models: ['gpt-4o-mini'], free: true, key_env: 'OPENAI_API_KEY' } },
        aliases: { duo: ['openai/gpt-4o-mini', 'second/gpt-4o-mini'] },
        policies: [
          {
            id: 'house',
            cedar:
              '@reason("no top secrets") forbid (principal, action, resource) when { context.data_class == "top" };',
          },
        ],
      },
    }),
    startServer({
      env: openaiEnv(vendor),
      settings: {
        guardrails: {
          before: { url, timeout_ms: 2500 },
          after: { url, timeout_ms: 2500, buffer: true },
        },
      },
    }),
  ]);
  ({ id: keyId, key } = await makeKey(server, { tenant: 'acme', role: 'member' }));
});
after(async () => {
  await Promise.all([server?.stop(), guarded?.stop()]);
  await vendor.close();
  hook.closeAllConnections();
  hook.close();
});

const put = (policies: Json[], more: Json = {}) =>
  call<{ version: number }>(server, PATH, {
    method: 'PUT',
    json: { tenant: 'acme', policies, ...more },
    headers: bearer(server.token),
  });
const chat = (to: Server, content: string, more: Json = {}, headers: Record<string, string> = {}) =>
  post<Json>(to, '/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content }], ...more }, headers);
const mine = () => bearer(key);

test('a policy of the installation holds for every tenant, and says why', async () => {
  const refused = await post<Json>(
    server,
    '/mcp/v1/request',
    { prompt: 'the launch codes', model: MODEL, labels: { data_class: 'top' } },
    mine(),
  );
  const problem = isProblem(refused, 403, 'policy_denied');
  assert.match(problem.detail, /house.*no top secrets/);
  assert.equal(callsWith(vendor, 'the launch codes').length, 0);
  assert.equal((await chat(server, 'plain words', {}, mine())).status, 200);
});

test('a tenant narrows it further: kept versions, targets left out, decisions on the record', async () => {
  const bad = await put([{ id: 'a', cedar: 'forbid (principal, action, resource) when { context.houre == 1 };' }]);
  assert.equal(bad.status, 400);
  assert.match(bad.text, /policies\.0\.cedar.*did you mean/);
  assert.equal((await put([], { version: 7 })).status, 400);

  const rules = `@reason("only the second") forbid (principal == Key::"${keyId}", action == Action::"ask", resource in Provider::"openai");`;
  assert.equal((await put([{ id: 'a', cedar: rules }])).body.version, 1);
  const denied = await chat(server, 'to the first', {}, mine());
  assert.equal(denied.status, 403, denied.text);
  assert.match(denied.text, /policy_denied/);
  assert.match(denied.text, /only the second/);
  assert.equal(callsWith(vendor, 'to the first').length, 0);

  const { request_id: id } = await submit(server, { prompt: 'to either', model: 'duo' }, mine());
  await eventually(async () => (await view(server, id, mine())).status === 'succeeded', 'the end');
  const told = (await view(server, id, mine())) as unknown as {
    attempts: { provider: string }[];
    plan: { dropped: { provider: string; reason: string }[]; policy: { versions: string[] } };
  };
  assert.deepEqual(
    told.attempts.map(({ provider }) => provider),
    ['second'],
  );
  assert.match(told.plan.dropped.find(({ provider }) => provider === 'openai')?.reason ?? '', /only the second/);
  assert.equal(told.plan.policy.versions.at(-1), 'tenant 1');

  // The old version stays readable, and each change is in the trail.
  assert.equal((await put([])).body.version, 2);
  const first = await call<{ version: number; policies: Json[] }>(server, `${PATH}?tenant=acme&version=1`, {
    headers: bearer(server.token),
  });
  assert.deepEqual(first.body.policies, [{ id: 'a', cedar: rules }]);
  assert.equal((await chat(server, 'to the first again', {}, mine())).status, 200);
  const trail = await call<{ items: { type: string; payload: Json }[] }>(
    server,
    '/mcp/v1/admin/audit?type=policy.changed',
    { headers: bearer((await makeKey(server, { tenant: 'acme', role: 'admin' })).key) },
  );
  assert.equal(trail.body.items.length, 2, trail.text);
});

test('members neither read nor change policies', async () => {
  assert.equal((await call(server, PATH, { headers: mine() })).status, 403);
  assert.equal((await call(server, PATH, { method: 'PUT', json: { policies: [] }, headers: mine() })).status, 403);
});

test('what must be redacted is, and comes back to its caller only', async () => {
  const rules = '@require("redaction") permit (principal, action, resource) when { context.findings.contains("pii") };';
  assert.equal((await put([{ id: 'r', cedar: rules }])).status, 200);
  const answer = await chat(server, 'redact-me: write to jane.doe@example.com', {}, mine());
  assert.equal(answer.status, 200, answer.text);
  const [asked] = callsWith(vendor, 'redact-me');
  assert.ok(asked);
  assert.doesNotMatch(JSON.stringify(asked), /jane\.doe/);
  assert.equal((await put([])).status, 200);
});

test('goblin policy test says what new policies would change', async () => {
  const file = join(server.folder, 'new.cedar');
  writeFileSync(file, '@reason("trial") forbid (principal, action, resource in Provider::"second");');
  const run = await runGoblin(['policy', 'test', '--tenant', 'acme', '--since', '1h', '--file', file], server);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /second\/gpt-4o-mini.*allow → deny.*trial/);
  assert.match(run.stderr, /\d+ requests, 1 decided in another way/);
  const wrong = await runGoblin(['policy', 'test', '--since', 'soon'], server);
  assert.equal(wrong.code, 1);
});

test('a guardrail blocks, changes what is sent, and closes the door when it is silent', async () => {
  say = ({ stage }) => (stage === 'before' ? { action: 'block', reason: 'not here' } : { action: 'allow' });
  const blocked = await chat(guarded, 'guard-block');
  assert.equal(blocked.status, 403);
  assert.match(blocked.text, /guardrail_blocked/);
  assert.match(blocked.text, /not here/);
  assert.equal(callsWith(vendor, 'guard-block').length, 0);

  say = ({ stage, messages }) =>
    stage === 'before'
      ? { action: 'replace', messages: messages?.map(({ role }) => ({ role, content: 'guard-swapped' })) }
      : { action: 'allow' };
  assert.equal((await chat(guarded, 'guard-original')).status, 200);
  assert.equal(callsWith(vendor, 'guard-original').length, 0);
  assert.equal(callsWith(vendor, 'guard-swapped').length, 1);

  for (const nonsense of ['nonsense', { action: 'replace', messages: [] }, { action: 'maybe' }, undefined]) {
    say = ({ stage }) => (stage === 'before' ? nonsense : { action: 'allow' });
    const answer = await chat(guarded, 'guard-silent');
    assert.equal(answer.status, 503, answer.text);
  }
  assert.equal(callsWith(vendor, 'guard-silent').length, 0);
});

test('a guardrail sees the answer before its caller does, whole and in a stream', async () => {
  for (const stream of [false, true]) {
    heard.length = 0;
    say = () => ({ action: 'allow' });
    const allowed = await chat(guarded, 'after-allow', { stream });
    assert.equal(allowed.status, 200);
    const seen = heard.find(({ stage }) => stage === 'after');
    assert.ok(seen?.text);
    if (!stream) assert.ok(allowed.text.includes(JSON.stringify(seen.text).slice(1, -1)));

    say = ({ stage }) => (stage === 'after' ? { action: 'replace', text: 'other words' } : { action: 'allow' });
    const replaced = await chat(guarded, 'after-replace', { stream });
    assert.equal(replaced.status, 200, replaced.text);
    assert.match(replaced.text, /other words/);
    assert.ok(!replaced.text.includes(seen.text.slice(0, 12)), replaced.text);

    say = ({ stage }) => (stage === 'after' ? { action: 'block', reason: 'bad answer' } : { action: 'allow' });
    const blocked = await chat(guarded, 'after-block', { stream });
    assert.match(blocked.text, /guardrail_blocked/);
    assert.ok(!blocked.text.includes(seen.text.slice(0, 12)), blocked.text);
    if (!stream) assert.equal(blocked.status, 403, blocked.text);

    say = ({ stage }) => (stage === 'after' ? undefined : { action: 'allow' });
    const silent = await chat(guarded, 'after-silent', { stream });
    assert.match(silent.text, /unavailable/);
  }
  say = ({ stage }) => (stage === 'after' ? { action: 'block', reason: 'bad answer' } : { action: 'allow' });
  const { request_id: id } = await submit(guarded, { prompt: 'after-detached', model: MODEL });
  await eventually(async () => (await view(guarded, id)).status === 'blocked', 'the end');
  assert.ok((await events(guarded, id)).length > 0);
  say = () => ({ action: 'allow' });
});
