import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { allows, allowsAllOf, isModelName } from '../../../src/identity/models.ts';
import { cpuOf } from '../../support/cpu.ts';

describe('models that a key may ask', () => {
  const cases: [string[] | undefined, string, boolean][] = [
    [undefined, 'openai/gpt-5', true],
    [[], 'openai/gpt-5', false],
    [['openai/gpt-5'], 'openai/gpt-5', true],
    [['openai/gpt-5'], 'openai/gpt-5-mini', false],
    [['openai/gpt-5'], 'azure/gpt-5', false],
    [['gpt-5'], 'azure/gpt-5', true],
    [['gpt-5'], 'azure/xgpt-5', false],
    [['openai/*'], 'openai/gpt-5', true],
    [['openai/*'], 'openai-eu/gpt-5', false],
    [['openai/gpt-5*'], 'openai/gpt-5-mini', true],
    [['gpt-5*'], 'azure/gpt-5-mini', true],
    [['*mini'], 'azure/gpt-5-mini', true],
    [['*mini'], 'azure/gpt-5-mini-2', false],
    [['groq/openai/gpt-oss-20b'], 'groq/openai/gpt-oss-20b', true],
    [['openai/gpt-oss-20b'], 'groq/openai/gpt-oss-20b', true],
    [['*'], 'any/thing', true],
    [['a*b*c'], 'x/abc', true],
    [['a*b*c'], 'x/ac', false],
    [['ab*ba'], 'x/aba', false],
  ];
  for (const [models, name, expected] of cases) {
    it(`${JSON.stringify(models)} and ${name}: ${expected}`, () => {
      const slash = name.indexOf('/');
      assert.equal(allows(models, name.slice(0, slash), name.slice(slash + 1)), expected);
    });
  }

  it('is what a pattern says, and no more', () => {
    const part = fc.stringMatching(/^[a-c]{0,4}$/);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), part, part, (parts, provider, model) => {
        const pattern = parts.join('*');
        const escaped = parts.join('.*');
        const expected =
          new RegExp(`^${escaped}$`).test(`${provider}/${model}`) || new RegExp(`^${escaped}$`).test(model);
        assert.equal(allows([pattern], provider, model), expected, pattern);
      }),
    );
  });

  it('takes a pattern of many stars no time', () => {
    const cpu = cpuOf(() => assert.equal(allows([`${'a*'.repeat(140)}b`], 'x', 'a'.repeat(300)), false));
    assert.ok(cpu < 200, `${cpu} ms`);
  });

  it('knows whether all of a provider is meant', () => {
    assert.ok(allowsAllOf(undefined, 'openai'));
    assert.ok(allowsAllOf(['x', 'openai/*'], 'openai'));
    assert.ok(allowsAllOf(['*'], 'openai'));
    assert.ok(!allowsAllOf(['openai/gpt*', 'azure/*', 'gpt-5'], 'openai'));
  });

  it('refuses what cannot be a name', () => {
    for (const name of ['', ' ', 'a b', 'a\n', '/x', '<x>', 'x'.repeat(301), 7, null])
      assert.equal(isModelName(name), false, String(name));
    for (const name of ['*', 'openai/*', 'meta-llama/Llama-3.3-70B@v1:free']) assert.ok(isModelName(name), name);
  });
});
