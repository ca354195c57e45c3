/** Policies that ship: each does what its description says, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readyPolicies } from '../../../../src/app/ready-policies.ts';
import { loadCedar } from '../../../../src/guard/policy/cedar.ts';
import { readPolicies } from '../../../../src/guard/policy/check.ts';
import type { Facts, Target } from '../../../../src/guard/policy/facts.ts';
import { createPolicySet } from '../../../../src/guard/policy/set.ts';

const cedar = await loadCedar();
const HOUR = 3_600_000;
const MONDAY = Date.UTC(2026, 0, 5);

const facts = (more: Partial<Facts> = {}): Facts => ({
  ...{ tenant: 'acme', key: 'key_1', user: 'user_1', roles: ['member'], action: 'ask', task: 'chat' },
  ...{ dataClass: '', findings: [], tools: [], at: MONDAY + 12 * HOUR, spent: { day: 0, month: 0 } },
  ...more,
});
const cloud = (more: Partial<Target> = {}): Target => ({
  ...{ provider: 'openai', model: 'gpt-4o', local: false, region: '', costPico: () => 1e9 },
  ...more,
});
const local = cloud({ provider: 'ollama', model: 'llama3', local: true, costPico: () => 0 });
const at = (hour: number) => ({ at: MONDAY + hour * HOUR });
const inRegion = (region: string) => cloud({ region });
const priced = (usd: number | null) => cloud({ costPico: () => (usd === null ? null : usd * 1e12) });
const spent = (usd: number) => ({ spent: { day: 0, month: usd * 1e12 } });

type Row = [Partial<Facts>, Target, 'allow' | 'deny' | 'redact'];
const TABLE: Readonly<Record<string, readonly Row[]>> = {
  'local-at-night': [
    [at(19), cloud(), 'allow'],
    [at(20), cloud(), 'deny'],
    [at(23), local, 'allow'],
    [at(0), cloud(), 'deny'],
    [at(5), cloud(), 'deny'],
    [at(6), cloud(), 'allow'],
    [{ ...at(2), action: 'embed' }, cloud(), 'deny'],
    [{ ...at(2), action: 'raw' }, cloud(), 'deny'],
  ],
  'eu-regions': [
    [{}, inRegion('eu-central-1'), 'allow'],
    [{}, inRegion('europe-west4'), 'allow'],
    [{}, inRegion('eu-west-2'), 'deny'],
    [{}, inRegion('europe-west6'), 'deny'],
    [{}, inRegion('us-east-1'), 'deny'],
    [{}, inRegion('global'), 'deny'],
    [{}, cloud(), 'deny'],
    [{}, local, 'allow'],
    [{ action: 'raw' }, cloud(), 'deny'],
  ],
  'no-tools-for-viewers': [
    [{ roles: ['viewer'], tools: ['shell'] }, cloud(), 'deny'],
    [{ roles: ['viewer'] }, cloud(), 'allow'],
    [{ roles: ['member', 'viewer'], tools: ['shell'] }, cloud(), 'deny'],
    [{ roles: ['member'], tools: ['shell'] }, cloud(), 'allow'],
    [{ roles: ['viewer'], tools: ['shell'] }, local, 'deny'],
  ],
  'people-redacted': [
    [{ findings: ['pii'] }, cloud(), 'redact'],
    [{ findings: ['pii'] }, local, 'allow'],
    [{ findings: ['credential'] }, cloud(), 'allow'],
    [{}, cloud(), 'allow'],
    [{ action: 'embed', findings: ['credential', 'pii'] }, cloud(), 'redact'],
    [{ action: 'raw' }, cloud(), 'deny'],
    [{ action: 'raw' }, local, 'allow'],
  ],
  'price-ceiling': [
    [{}, priced(0.5), 'allow'],
    [{}, priced(0.5001), 'deny'],
    [{}, priced(20), 'deny'],
    [{}, priced(null), 'deny'],
    [{}, local, 'allow'],
  ],
  'local-when-spent': [
    [spent(99.99), cloud(), 'allow'],
    [spent(100), cloud(), 'deny'],
    [spent(5000), local, 'allow'],
    [spent(5000), cloud(), 'deny'],
  ],
  'no-raw-calls': [
    [{ action: 'raw' }, cloud(), 'deny'],
    [{ action: 'raw' }, local, 'deny'],
    [{}, cloud(), 'allow'],
    [{ action: 'embed' }, cloud(), 'allow'],
  ],
};

for (const { name, description, cedar: text } of readyPolicies()) {
  test(`${name}: ${description}`, () => {
    assert.match(description, /^[A-Z].*\.$/);
    const { policies, errors } = readPolicies(cedar, [{ id: name, cedar: text }]);
    assert.deepEqual(errors, []);
    const set = createPolicySet(cedar, `ready ${name}`, 'tenant 1', policies);
    const rows = TABLE[name];
    assert.ok(rows, 'a policy without a table');
    for (const [more, target, expected] of rows) {
      const { allow, redact, reason } = set.decide(facts(more), target);
      const told = !allow ? 'deny' : redact ? 'redact' : 'allow';
      assert.equal(told, expected, JSON.stringify([more, target]));
      assert.equal(reason !== null, expected !== 'allow', 'who is denied is told why');
    }
  });
}

test('there are no tables for policies that are gone, and all of them together make sense', () => {
  const all = readyPolicies();
  assert.deepEqual(Object.keys(TABLE).sort(), all.map(({ name }) => name).sort());
  assert.deepEqual(
    readPolicies(
      cedar,
      all.map(({ name: id, cedar: text }) => ({ id, cedar: text })),
    ).errors,
    [],
  );
});
