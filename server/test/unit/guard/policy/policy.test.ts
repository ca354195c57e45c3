/** Policies: what is refused at save, what they decide, what a decision is kept under. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { loadCedar, type PolicyJson } from '../../../../src/guard/policy/cedar.ts';
import { readPolicies } from '../../../../src/guard/policy/check.ts';
import { type Facts, type Target, usdOf } from '../../../../src/guard/policy/facts.ts';
import { createJudge } from '../../../../src/guard/policy/judge.ts';
import { openPolicies, PolicyFault } from '../../../../src/guard/policy/policies.ts';
import { createPolicySet } from '../../../../src/guard/policy/set.ts';
import { sightOf } from '../../../../src/guard/policy/sight.ts';

const cedar = await loadCedar();
let slot = 0;

const read = (...texts: string[]) =>
  readPolicies(
    cedar,
    texts.map((text, n) => ({ id: `p${n}`, cedar: text })),
  );
function setOf(...texts: string[]) {
  const { policies, errors } = read(...texts);
  assert.deepEqual(errors, []);
  return createPolicySet(cedar, `test ${++slot}`, 'tenant 1', policies);
}

const facts = (more: Partial<Facts> = {}): Facts => ({
  tenant: 'acme',
  key: 'key_1',
  user: 'user_1',
  roles: ['member'],
  action: 'ask',
  task: 'chat',
  dataClass: '',
  findings: [],
  tools: [],
  at: Date.UTC(2026, 0, 5, 14),
  spent: null,
  ...more,
});
const target = (provider: string, model: string, more: Partial<Target> = {}): Target => ({
  provider,
  model,
  local: false,
  region: '',
  costPico: () => 1e9,
  ...more,
});
const gpt = target('openai', 'gpt-4o');

test('a set without a permit of its own permits the rest; one with a permit permits nothing else', () => {
  const forbids = setOf('@reason("not that one") forbid (principal, action, resource in Provider::"openai");');
  assert.deepEqual(forbids.decide(facts(), gpt), { allow: false, redact: false, by: ['p0'], reason: 'not that one' });
  assert.equal(forbids.decide(facts(), target('ollama', 'llama3')).allow, true);
  const permits = setOf('permit (principal, action, resource in Provider::"ollama");');
  assert.deepEqual(permits.decide(facts(), gpt), { allow: false, redact: false, by: [], reason: null });
  assert.equal(permits.decide(facts(), target('ollama', 'llama3')).allow, true);
});

test('every principal, action, resource and attribute of the context can decide', () => {
  const cases: [string, Partial<Facts>, Target?][] = [
    ['principal == Key::"key_9"', { key: 'key_9' }],
    ['principal in User::"user_9"', { user: 'user_9' }],
    ['principal == User::"user_9"', { user: 'user_9', key: null }],
    ['principal in Team::"team_9"', { team: 'team_9' }],
    ['principal in Tenant::"other"', { tenant: 'other' }],
    ['principal in Role::"viewer"', { roles: ['member', 'viewer'] }],
    ['principal is User', { key: null }],
    ['action == Action::"embed"', { action: 'embed' }],
    ['action == Action::"raw"', { action: 'raw' }],
    ['resource == Model::"openai/gpt-9"', {}, target('openai', 'gpt-9')],
    ['resource in Provider::"groq"', {}, target('groq', 'gpt-4o')],
    ['resource in Task::"code"', { task: 'code' }],
    ['resource.name like "claude*"', {}, target('openai', 'claude-9')],
    ['resource.provider == "groq"', {}, target('groq', 'gpt-4o')],
    ['resource.local', {}, target('openai', 'gpt-4o', { local: true })],
    ['context.hour >= 18', { at: Date.UTC(2026, 0, 5, 18) }],
    ['context.weekday == "sun"', { at: Date.UTC(2026, 0, 4, 14) }],
    ['context.data_class == "pii"', { dataClass: 'pii' }],
    ['context.findings.contains("credential")', { findings: ['credential'] }],
    ['context.tools.contains("shell")', { tools: ['shell'] }],
    [
      'context has cost_usd && context.cost_usd.greaterThan(decimal("1.0"))',
      {},
      target('openai', 'gpt-4o', { costPico: () => 2e12 }),
    ],
    ['!(context has cost_usd)', {}, target('openai', 'gpt-4o', { costPico: () => null })],
    ['context.spent_usd.greaterThanOrEqual(decimal("5.0"))', { spent: { day: 0, month: 5e12 } }],
    ['context.spent.month.greaterThan(decimal("5.0"))', { spent: { day: 0, month: 6e12 } }],
    ['context.spent.day.greaterThan(decimal("5.0"))', { spent: { day: 6e12, month: 0 } }],
    [
      'context.spent has key_day && context.spent.key_day.greaterThan(decimal("5.0"))',
      { spent: { day: 9e12, month: 9e12, key: { day: 6e12, month: 0 } } },
    ],
    [
      'context has spent.key_month && context.spent.key_month.greaterThan(decimal("5.0"))',
      { spent: { day: 9e12, month: 9e12, key: { day: 0, month: 6e12 } } },
    ],
    ['context.region like "us-*"', {}, target('openai', 'gpt-4o', { region: 'us-east-1' })],
  ];
  for (const [when, more, to] of cases) {
    const set = setOf(`forbid (principal, action, resource) when { ${when} };`);
    // The one that is allowed comes first: a decision kept under too little would be found again.
    assert.equal(set.decide(facts(), gpt).allow, true, `allows: ${when}`);
    assert.equal(set.decide(facts(more), to ?? gpt).allow, false, `forbids: ${when}`);
    assert.equal(set.decide(facts(), gpt).allow, true, `allows again: ${when}`);
  }
});

test('a kept decision is the one that the engine would make anew', () => {
  const texts = [
    'forbid (principal in Role::"viewer", action, resource in Task::"code");',
    'forbid (principal, action == Action::"embed", resource) when { context.hour < 6 };',
    '@require("redaction") permit (principal, action, resource) when { context.data_class == "pii" };',
    'permit (principal, action, resource) when { resource.local || context.tools.contains("shell") };',
    'permit (principal == Key::"key_1", action, resource in Provider::"openai");',
  ];
  const kept = setOf(...texts);
  const anyFacts = fc.record({
    key: fc.constantFrom('key_1', 'key_2', null),
    roles: fc.constantFrom(['viewer'], ['member']) as fc.Arbitrary<Facts['roles']>,
    action: fc.constantFrom('ask', 'embed') as fc.Arbitrary<Facts['action']>,
    task: fc.constantFrom('chat', 'code'),
    dataClass: fc.constantFrom('', 'pii'),
    tools: fc.constantFrom([], ['shell']),
    hour: fc.integer({ min: 0, max: 23 }),
  });
  const anyTarget = fc.record({ provider: fc.constantFrom('openai', 'groq'), local: fc.boolean() });
  const { policies } = read(...texts);
  const anew = `test ${++slot}`;
  fc.assert(
    fc.property(anyFacts, anyTarget, ({ hour, ...some }, { provider, local }) => {
      const asked = facts({ ...(some as Partial<Facts>), at: Date.UTC(2026, 0, 5, hour) });
      const to = target(provider, 'm', { local });
      assert.deepEqual(kept.decide(asked, to), createPolicySet(cedar, anew, 'x', policies).decide(asked, to));
    }),
    { numRuns: 60 },
  );
});

test('redaction is asked for by a permit, and only where it holds', () => {
  const set = setOf(
    '@require("redaction") @reason("people") permit (principal, action, resource) when { context.data_class == "pii" };',
  );
  assert.deepEqual(set.decide(facts({ dataClass: 'pii' }), gpt), {
    allow: true,
    redact: true,
    by: ['p0'],
    reason: 'people',
  });
  assert.equal(set.decide(facts(), gpt).redact, false);
  assert.equal(set.decide(facts(), gpt).allow, true);
});

test('what makes no sense is refused with the place and the reason', () => {
  const fault = (text: string) => {
    const { errors } = read('permit (principal, action, resource);', text);
    assert.equal(errors.length, 1, text);
    assert.match(errors[0]?.path ?? '', /^policies\.1\.(cedar|id)$/);
    return errors[0]?.message ?? '';
  };
  assert.match(fault('forbid (principal, action, resource)\n  wen { true };'), /wen.*line 2, column 3/);
  assert.match(fault('forbid (principal, action, resource) when { context.houre == 3 };'), /houre.*did you mean/);
  assert.match(fault('forbid (principal, action == Action::"fly", resource);'), /fly/);
  assert.match(fault('forbid (principal, action, resource) when { context.hour == "3" };'), /compar|type/);
  assert.match(fault('forbid (principal in Role::"king", action, resource);'), /king/);
  assert.match(
    fault('forbid (principal, action, resource) when { context.cost_usd.lessThan(decimal("1.0")) };'),
    /cost_usd/,
  );
  assert.match(fault('@requires("redaction") permit (principal, action, resource);'), /@requires means nothing/);
  assert.match(fault('@require("redact") permit (principal, action, resource);'), /takes "redaction"/);
  assert.match(fault('@require("redaction") forbid (principal, action, resource);'), /belongs to a permit/);
  assert.match(fault('permit (principal == ?principal, action, resource);'), /template/);
  assert.match(fault('// nothing'), /no policy/);
});

test('what a set can see is read from its text', () => {
  const seen = (text: string) => sightOf(read(text).policies.map(({ json }) => json as PolicyJson));
  const one = seen(
    'forbid (principal in Role::"viewer", action, resource is Model in Provider::"x") when { context.hour > 1 && resource.name == "a" };',
  );
  assert.deepEqual([...one.types].sort(), ['Model', 'Provider', 'Role']);
  assert.deepEqual([...(one.context ?? [])], ['hour']);
  assert.deepEqual([...one.resource], ['name']);
  assert.deepEqual(
    [...(seen('permit (principal, action, resource) unless { context has cost_usd };').context ?? [])],
    ['cost_usd'],
  );
});

test('a policy that cannot be worked out lets nothing in', () => {
  const set = setOf('forbid (principal, action, resource) when { context.hour * 9223372036854775807 > 5 };');
  assert.throws(
    () => set.decide(facts(), gpt),
    (error: unknown) => error instanceof GoblinError && error.code === 'unavailable',
  );
});

test('both the installation and the tenant must allow', () => {
  const question = {
    ...facts(),
    findings: () => [],
    spent: () => assert.fail('no policy looks at it'),
    target: (provider: string, model: string) => target(provider, model),
  };
  const judge = createJudge(
    [
      setOf('@reason("house rule") forbid (principal, action, resource in Provider::"openai");'),
      setOf('permit (principal, action, resource);'),
    ],
    question,
  );
  assert.match(judge.forbids('openai', 'gpt-4o') ?? '', /the policy p0 does not allow it \(tenant 1\): house rule/);
  assert.equal(judge.forbids('groq', 'x'), null);
  const refusal = judge.refusal(new GoblinError('forbidden', ''));
  assert.ok(refusal instanceof GoblinError && refusal.code === 'policy_denied' && /house rule/.test(refusal.detail));
  const other = new GoblinError('unknown_model', '');
  assert.equal(judge.refusal(other), other);
});

test('an engine that does not load, and policies of the record that cannot be read, close the door', async () => {
  const telemetry = { count() {}, time() {}, log() {} };
  const file = [{ id: 'a', cedar: 'permit (principal, action, resource);' }];
  const load = () => Promise.reject(new GoblinError('unavailable', 'no engine'));
  await assert.rejects(openPolicies({ sql: null, telemetry, file, load }), /no engine/);
  await assert.rejects(openPolicies({ sql: null, telemetry, file: [{ id: 'a', cedar: 'nonsense' }] }), PolicyFault);
  const rows = {
    newest: [{ tenant: 'acme', version: 1 }],
    one: { version: 1, document: [{ id: 'a', cedar: 'nonsense' }] },
  };
  const sql = {
    query: async (text: string) => (text.includes('group by') ? rows.newest : [rows.one]) as never,
    lostFor: () => null,
  };
  const policies = await openPolicies({ sql, telemetry, file: [] });
  const question = () => assert.fail('nothing is worked out for who has no policies');
  assert.equal(policies.judge('other', question), null);
  assert.throws(
    () => policies.judge('acme', question),
    (error: unknown) => error instanceof GoblinError && error.code === 'unavailable',
  );
  policies.close();
});

test('dollars are rounded up, and bounded', () => {
  assert.equal(usdOf(1), '0.0001');
  assert.equal(usdOf(0), '0.0000');
  assert.equal(usdOf(1.5e12), '1.5000');
  assert.equal(usdOf(1e40), '900000000000000.0000');
});
