/** Which limits and budgets concern a request. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBudgetBook } from '../../../src/admission/budgets/book.ts';
import { createLimitBook, pattern } from '../../../src/admission/limits/book.ts';
import type { Budget, LimitRule, StoredLimits } from '../../../src/contract/limits.ts';
import { cpuOf } from '../../support/cpu.ts';

const hash = (tenant: string, user: string): string => `${tenant}/${user}`;
const who = { tenant: 'acme', key: 'key_1', team: 'team_1', account: 'usr_1', userHash: 'acme/ann' };

describe('limits', () => {
  const counts = (rules: LimitRule[], stored: StoredLimits[] = [], of = who) =>
    createLimitBook(rules, stored, hash)
      .countsOf(of)
      .map(({ id, limit }) => `${id}: ${limit}`);

  it('each scope has a count of its own for each kind', () => {
    const rules: LimitRule[] = [
      { scope: 'key', match: null, requestsPerMinute: 1, tokensPerMinute: 2, concurrent: 3 },
      { scope: 'user', match: null, requestsPerMinute: 4 },
      { scope: 'team', match: null, requestsPerMinute: 5 },
      { scope: 'tenant', match: null, requestsPerMinute: 6 },
      { scope: 'global', match: null, concurrent: 7 },
      { scope: 'model', match: null, requestsPerMinute: 8 },
    ];
    assert.deepEqual(counts(rules), [
      'requests key key_1: 1',
      'tokens key key_1: 2',
      'concurrent key key_1: 3',
      'requests user acme/ann: 4',
      'requests team team_1: 5',
      'requests tenant acme: 6',
      'concurrent global : 7',
    ]);
    const book = createLimitBook(rules, [], hash);
    assert.deepEqual(book.countsOfModel('p/m'), [
      { id: 'requests model p/m', kind: 'requests', scope: 'model', name: 'p/m', limit: 8 },
    ]);
    assert.ok(book.any && book.models);
  });

  it('whoever has no key, team or account is not counted there', () => {
    const rules: LimitRule[] = (['key', 'team', 'tenant'] as const).map((scope) => ({
      scope,
      match: null,
      concurrent: 1,
    }));
    const none = { ...who, key: null as never, team: null as never };
    assert.deepEqual(counts(rules, [], none), ['concurrent tenant acme: 1']);
  });

  it('the rule that says most about whom it is for wins, field by field', () => {
    const rules: LimitRule[] = [
      { scope: 'key', match: null, requestsPerMinute: 10, tokensPerMinute: 20, concurrent: 30 },
      { scope: 'key', match: ['key_9', 'key_1'], requestsPerMinute: 11 },
      { scope: 'key', match: ['key_*'], requestsPerMinute: 12, tokensPerMinute: 22 },
    ];
    const stored: StoredLimits[] = [{ scope: 'key', subject: 'key_1', concurrent: 33 }];
    assert.deepEqual(counts(rules, stored), [
      'requests key key_1: 11',
      'tokens key key_1: 22',
      'concurrent key key_1: 33',
    ]);
    assert.deepEqual(counts(rules, stored, { ...who, key: 'other' }), [
      'requests key other: 10',
      'tokens key other: 20',
      'concurrent key other: 30',
    ]);
  });

  it('those of the database hold without any of the file, for accounts too', () => {
    const stored: StoredLimits[] = [
      { scope: 'account', subject: 'usr_1', requestsPerMinute: 5 },
      { scope: 'team', subject: 'team_2', requestsPerMinute: 6 },
      { scope: 'tenant', subject: 'acme', concurrent: 7 },
    ];
    assert.deepEqual(counts([], stored), ['requests account usr_1: 5', 'concurrent tenant acme: 7']);
    assert.equal(createLimitBook([], [], hash).any, false);
  });

  it('users are known by their hashes', () => {
    const rules: LimitRule[] = [{ scope: 'user', match: ['ann'], requestsPerMinute: 1 }];
    assert.deepEqual(counts(rules), ['requests user acme/ann: 1']);
    assert.deepEqual(counts(rules, [], { ...who, userHash: 'acme/bob' }), []);
  });

  it('a star stands for any text, and looks at it once', () => {
    const fits = (match: string, name: string) => pattern(match)(name);
    assert.ok(fits('a', 'a') && !fits('a', 'ab') && !fits('a', ''));
    assert.ok(fits('*', '') && fits('*', 'x') && fits('a*', 'a') && fits('a*', 'abc') && !fits('a*', 'ba'));
    assert.ok(fits('*b', 'ab') && fits('a*c', 'abc') && !fits('a*c', 'acb') && !fits('aa*aa', 'aaa'));
    assert.ok(fits('openai/*-mini', 'openai/gpt-4o-mini') && !fits('openai/*-mini', 'openai/gpt-4o'));
    assert.ok(fits('*a*b*', 'xxaxxbxx') && !fits('*a*b*', 'xxbxxaxx'));
    const cpu = cpuOf(() => assert.equal(fits(`${'*a'.repeat(100)}*b`, 'a'.repeat(5000)), false));
    assert.ok(cpu < 200, `${cpu} ms`);
  });
});

describe('budgets', () => {
  const budget = (id: string, scope: Budget['scope'], more: Partial<Budget> = {}): Budget => ({
    ...{ id, name: null, tenant: null, scope, match: null, period: 'day', hardPico: 1, softPico: null },
    ...{ webhookUrl: null, source: 'api' },
    ...more,
  });
  const found = (budgets: Budget[], labels: Record<string, string> | null = null, of = who) =>
    createBudgetBook(budgets, hash)
      .of({ ...of, labels })
      .map(({ budget: { id }, subject }) => `${id} ${subject}`);

  it('of each one of a scope, or of one alone, in its tenant or in all', () => {
    const budgets = [
      budget('each', 'tenant'),
      budget('ours', 'tenant', { tenant: 'acme', match: 'acme' }),
      budget('theirs', 'tenant', { tenant: 'other', match: 'other' }),
      budget('keys', 'key', { tenant: 'acme' }),
      budget('key', 'key', { match: 'key_1' }),
      budget('other key', 'key', { match: 'key_2' }),
      budget('teams of others', 'team', { tenant: 'other' }),
      budget('user', 'user', { match: 'acme/ann' }),
      budget('user of file', 'user', { match: 'ann', source: 'file' }),
      budget('other of file', 'user', { match: 'bob', source: 'file' }),
    ];
    assert.deepEqual(found(budgets), [
      'each acme',
      'ours acme',
      'keys key_1',
      'key key_1',
      'user acme/ann',
      'user of file acme/ann',
    ]);
  });

  it('of a label by name or by value, and of none that is not there', () => {
    const budgets = [
      budget('any', 'label', { match: 'project' }),
      budget('one', 'label', { match: 'project=search' }),
      budget('equals', 'label', { match: 'project=a=b' }),
    ];
    assert.deepEqual(found(budgets), []);
    assert.deepEqual(found(budgets, { team: 'x' }), []);
    assert.deepEqual(found(budgets, { project: 'search' }), ['any project=search', 'one project=search']);
    assert.deepEqual(found(budgets, { project: 'a=b' }), ['any project=a=b', 'equals project=a=b']);
    assert.deepEqual(found([budget('proto', 'label', { match: 'constructor' })], {}), []);
  });
});
