/** What is done about findings. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { actionOf, activeRules, DEFAULT_ACTIONS, decide } from '../../../../src/guard/secrets/actions.ts';
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
    assert.deepEqual(decide([]), { action: 'allow', findings: [] });
    assert.equal(decide([mail]).action, 'allow');
    assert.equal(decide([mail, token]).action, 'redact');
    const all = decide([mail, token, key]);
    assert.equal(all.action, 'block');
    assert.deepEqual(
      all.findings.map((decided) => decided.action),
      ['allow', 'redact', 'block'],
    );
  });

  it('is set by rule before kind before the default', () => {
    assert.equal(actionOf(token, {}), DEFAULT_ACTIONS.credential);
    assert.equal(actionOf(token, { kinds: { credential: 'block' } }), 'block');
    assert.equal(actionOf(token, { kinds: { credential: 'block' }, rules: { github_token: 'flag' } }), 'flag');
    assert.equal(actionOf(mail, { rules: { email: 'redact' } }), 'redact');
    assert.equal(actionOf(one('constructor', 'credential'), { rules: {} }), 'redact');
  });

  it('leaves out of a scanner what would be allowed anyway', () => {
    const all = [...SECRET_RULES, ...PII_RULES];
    assert.deepEqual(activeRules(all), SECRET_RULES);
    const mails = activeRules(all, { rules: { email: 'redact' } });
    assert.deepEqual(
      mails.filter((rule) => rule.kind === 'pii').map((rule) => rule.id),
      ['email'],
    );
    const none = activeRules(all, {
      kinds: { credential: 'allow', private_key: 'allow' },
      rules: { github_token: 'block' },
    });
    assert.deepEqual(createScanner(none).scan('a@example.org').length, 0);
    assert.ok(none.some((rule) => rule.id === 'github_token'));
    assert.ok(none.length < 10);
  });
});
