/** Secrets as names of fields: found, replaced and given back as those in values are. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import type { AnswerCall } from '../../../../src/contract/call.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { restoreDeep } from '../../../../src/execution/placeholders.ts';
import { type ActionSettings, actionsOf } from '../../../../src/guard/secrets/actions.ts';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { fromFields, scanName } from '../../../../src/guard/secrets/fields.ts';
import { SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { compileTenantRule } from '../../../../src/guard/secrets/tenant.ts';
import { createShield, type Shielded } from '../../../../src/guard/shield.ts';

const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
const digest = (tenant: string, value: string): string => createHmac('sha256', tenant).update(value).digest('hex');
const scanner = createScanner(SECRET_RULES);
const call = (more: Partial<AnswerCall>): AnswerCall => ({ kind: 'answer', messages: [], ...more });

function protect(of: AnswerCall, settings: ActionSettings = {}, more = {}, by = scanner): Shielded {
  const shield = createShield(by, actionsOf(settings), digest);
  return shield.protect('t', { call: of, metadata: null, labels: null, ...more });
}
const rules = (action: 'block' | 'flag' | 'redact'): ActionSettings => ({ kinds: { credential: action } });
const bodyWith = (name: string): AnswerCall =>
  call({ native: { dialect: 'openai', body: { weird: { deep: [{ before: 1, [name]: { in: AWS }, after: 2 }] } } } });

describe('secrets as names', () => {
  it('are replaced in bodies, schemas, metadata and labels, in their place, and given back', () => {
    const schema = { type: 'object', properties: { [AWS]: { type: 'string' } }, required: [AWS] };
    const of = { ...bodyWith(AWS), tools: [{ name: 'f', parameters: schema }] };
    const own = { metadata: { [AWS]: 1 }, labels: { [`x ${AWS}`]: 'y' } };
    const safe = protect(of, rules('redact'), own);
    assert.ok(!JSON.stringify([safe.call, safe.metadata, safe.labels, safe.found]).includes(AWS));
    const text = JSON.stringify(safe.call.native);
    assert.match(text, /"before":1,"\[\[secret:\w+:\w+\]\]":\{"in":"\[\[secret:\w+:\w+\]\]"\},"after":2/);
    assert.deepEqual(restoreDeep(safe.call, safe.mapping), of);
    assert.deepEqual(restoreDeep(safe.metadata, safe.mapping), own.metadata);
    assert.deepEqual(restoreDeep(safe.labels, safe.mapping), own.labels);
  });

  it('are refused with a place that does not show them', () => {
    assert.throws(
      () => protect(bodyWith(AWS), rules('block')),
      (error) => {
        assert.ok(error instanceof GoblinError && error.code === 'secret_blocked');
        assert.ok(!JSON.stringify([error.detail, error.errors]).includes(AWS));
        assert.deepEqual(
          error.errors?.map(({ path }) => path),
          ['native.body.weird.deep.0.[name 1]'],
        );
        return true;
      },
    );
  });

  it('are noted where they are flagged, and nothing is copied', () => {
    const of = bodyWith(AWS);
    const safe = protect(of, rules('flag'));
    assert.equal(safe.call, of);
    assert.deepEqual(
      safe.found.map(({ place }) => place),
      ['native.body.weird.deep.0.[name 1]'],
    );
  });

  it('leave the names alone that are ours, whatever a tenant looks for', () => {
    const by = createScanner([compileTenantRule({ id: 'word', literals: ['messages', 'content', 'text'] })]);
    const of = call({ messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }] });
    const safe = protect(of, rules('redact'), { metadata: { content: 1 } }, by);
    assert.deepEqual(Object.keys(safe.call), Object.keys(of));
    assert.deepEqual(Object.keys(safe.call.messages[0]?.content[0] ?? {}), ['type', 'text']);
    assert.match(Object.keys(safe.metadata ?? {})[0] ?? '', /^\[\[secret:word:/);
  });

  it('are kept both where two become the same', () => {
    const [mark] = [...protect(bodyWith(AWS), rules('redact')).mapping.keys()];
    const safe = protect(call({}), rules('redact'), { metadata: { a: 0, [AWS]: 1, [mark as string]: 2, z: 3 } });
    assert.deepEqual(Object.entries(safe.metadata ?? {}), [
      ['a', 0],
      [mark, 1],
      [`${mark} (2)`, 2],
      ['z', 3],
    ]);
    const fields = fromFields([
      ['a', 1],
      ['a', 2],
      ['a (2)', 3],
      ['__proto__', 4],
    ]);
    assert.deepEqual(Object.entries(fields), [
      ['a', 1],
      ['a (3)', 2],
      ['a (2)', 3],
      ['__proto__', 4],
    ]);
  });
});

it('asks once for a name without findings, and every time for one with some', () => {
  let asked = 0;
  const counting = {
    ...scanner,
    scan(text: string) {
      asked++;
      return scanner.scan(text);
    },
  };
  for (const name of ['plain', 'plain', AWS, AWS]) scanName(counting, name);
  assert.equal(asked, 3);
});
