/** What is done about findings. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { actionsOf, activeRules, DEFAULT_ACTIONS, decide } from '../../../../src/guard/secrets/actions.ts';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import type { Finding } from '../../../../src/guard/secrets/rule.ts';
import { PII_RULES, SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';

const one = (rule: string, kind: Finding['kind']): Finding => ({
  rule,
  kind,
  start: 0,
  end: 1,
  value: 'x',
  via: 'plain',
});
const key = one('private_key', 'private_key');
const token = one('github_token', 'credential');
const mail = one('email', 'pii');

describe('the action for findings', () => {
  it('is allow for none, and the strongest of several', () => {
    const usual = actionsOf();
    assert.deepEqual(decide([], usual), { action: 'allow', findings: [] });
    assert.equal(decide([mail], usual).action, 'allow');
    assert.equal(decide([mail, token], usual).action, 'redact');
    const all = decide([mail, token, key], usual);
    assert.equal(all.action, 'block');
    assert.deepEqual(
      all.findings.map((decided) => decided.action),
      ['allow', 'redact', 'block'],
    );
  });

  it('is set by rule before kind before the default', () => {
    assert.equal(actionsOf()(token, null), DEFAULT_ACTIONS.credential);
    assert.equal(actionsOf({ kinds: { credential: 'block' } })(token, null), 'block');
    assert.equal(actionsOf({ kinds: { credential: 'block' }, rules: { github_token: 'flag' } })(token, null), 'flag');
    assert.equal(actionsOf({ rules: { email: 'redact' } })(mail, null), 'redact');
    assert.equal(actionsOf({ rules: {} })(one('constructor', 'credential'), null), 'redact');
  });

  it('is set for a task before it is set for all', () => {
    const of = actionsOf({
      kinds: { pii: 'flag' },
      rules: { github_token: 'block' },
      tasks: { code: { kinds: { credential: 'flag' } }, translate: { rules: { email: 'redact' } } },
    });
    const table: [Finding, string | null, string][] = [
      [mail, null, 'flag'],
      [mail, 'chat', 'flag'],
      [mail, 'translate', 'redact'],
      [token, null, 'block'],
      [token, 'code', 'flag'],
      [token, 'translate', 'block'],
      [mail, 'constructor', 'flag'],
    ];
    for (const [finding, task, action] of table) assert.equal(of(finding, task), action, `${finding.rule} ${task}`);
    assert.equal(decide([token], of, 'code').action, 'flag');
  });

  it('is what the tenant says, but never weaker than what the house says', () => {
    const house = { kinds: { pii: 'redact' as const }, tasks: { code: { rules: { jwt: 'flag' as const } } } };
    const table: [Finding, string | null, Parameters<typeof actionsOf>[1], string][] = [
      // The house says nothing: the tenant is free.
      [token, null, { rules: { github_token: 'allow' } }, 'allow'],
      [key, null, { kinds: { private_key: 'redact' } }, 'redact'],
      // It does: the tenant can only be stricter.
      [mail, null, { rules: { email: 'allow' } }, 'redact'],
      [mail, null, { kinds: { pii: 'block' } }, 'block'],
      [mail, 'chat', { tasks: { chat: { kinds: { pii: 'flag' } } } }, 'redact'],
      [one('jwt', 'credential'), 'code', {}, 'flag'],
      [one('jwt', 'credential'), 'code', { rules: { jwt: 'allow' } }, 'flag'],
      [one('jwt', 'credential'), 'chat', { rules: { jwt: 'allow' } }, 'allow'],
      [one('jwt', 'credential'), 'code', { kinds: { credential: 'block' } }, 'block'],
    ];
    for (const [finding, task, own, action] of table)
      assert.equal(actionsOf(house, own)(finding, task), action, JSON.stringify([finding.rule, task, own]));
  });

  it('leaves out of a scanner what would be allowed anyway', () => {
    const all = [...SECRET_RULES, ...PII_RULES];
    assert.deepEqual(activeRules(all, actionsOf()), SECRET_RULES);
    const mails = activeRules(all, actionsOf({ rules: { email: 'redact' } }));
    assert.deepEqual(
      mails.filter((rule) => rule.kind === 'pii').map((rule) => rule.id),
      ['email'],
    );
    const settings = {
      kinds: { credential: 'allow', private_key: 'allow' },
      rules: { github_token: 'block' },
      tasks: { code: { rules: { email: 'flag' } } },
    } as const;
    const none = activeRules(all, actionsOf(settings));
    assert.deepEqual(createScanner(none).scan('a@example.org').length, 0);
    assert.ok(none.some((rule) => rule.id === 'github_token'));
    assert.ok(none.length < 10);
    // What one task looks for is looked for.
    assert.equal(createScanner(activeRules(all, actionsOf(settings), ['code'])).scan('a@example.org').length, 1);
  });
});
