/** `limits` and `budgets` of goblin.yaml: read, or refused with the place and the reason. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSettings, SettingsError, settle } from '../../../src/settings/settings.ts';

const read = (text: string) => settle(parseSettings(text, 'goblin.yaml'));

describe('limits and budgets of the file', () => {
  it('are read', () => {
    const { limits, budgets, unknownPrice } = read(`
limits:
  - { scope: key, requests_per_minute: 600, concurrent: 20 }
  - { scope: model, match: [openai/gpt-5*, anthropic/*], tokens_per_minute: 1000000 }
budgets:
  unknown_price: { usd_per_million: 50 }
  webhook_url: https://ops.example.com/hook
  list:
    - { scope: tenant, match: acme, period: month, hard_usd: 100, soft_usd: 80.5 }
    - { name: per project, scope: label, match: project, period: day, soft_usd: 0.1, webhook_url: https://other.example.com }
`);
    assert.deepEqual(limits, [
      { scope: 'key', match: null, requestsPerMinute: 600, concurrent: 20 },
      { scope: 'model', match: ['openai/gpt-5*', 'anthropic/*'], tokensPerMinute: 1_000_000 },
    ]);
    assert.deepEqual(unknownPrice, { usdPerMillion: 50 });
    const [one, other] = budgets;
    assert.deepEqual(
      { ...one, id: '' },
      {
        ...{ id: '', name: null, tenant: 'acme', scope: 'tenant', match: 'acme', period: 'month' },
        ...{ hardPico: 100e12, softPico: 80.5e12, webhookUrl: 'https://ops.example.com/hook', source: 'file' },
      },
    );
    assert.deepEqual([other?.hardPico, other?.softPico, other?.webhookUrl], [null, 1e11, 'https://other.example.com']);
    assert.notEqual(one?.id, other?.id);
  });

  it('have ids that stay while limits change', () => {
    const id = (hard: number, period = 'day') =>
      read(`budgets: { list: [{ scope: key, period: ${period}, hard_usd: ${hard} }] }`).budgets[0]?.id;
    assert.equal(id(1), id(2));
    assert.notEqual(id(1), id(1, 'month'));
  });

  it('are none by default, and an unknown price is refused', () => {
    const { limits, budgets, unknownPrice } = read('');
    assert.deepEqual([limits, budgets, unknownPrice], [[], [], 'refuse']);
  });

  const wrong: [string, RegExp][] = [
    ['limits: [{ scope: key }]', /limits\.0 limits nothing/],
    [
      'budgets: { webhook_url: "http://169.254.169.254/", list: [{ scope: key, period: day, hard_usd: 1 }] }',
      /budgets\.list\.0\.webhook_url is never called/,
    ],
    ['limits: [{ scope: galaxy, concurrent: 1 }]', /limits\.0\.scope: takes key, user, team, tenant, model, global/],
    ['limits: [{ scope: key, concurrent: 0 }]', /limits\.0\.concurrent/],
    ['limits: [{ scope: key, per_day: 5 }]', /limits\.0\.per_day is not a setting/],
    ['limits: [{ scope: global, match: all, concurrent: 1 }]', /limits\.0\.match: the scope global has only one/],
    ['limits: [{ scope: user, match: "a*", concurrent: 1 }]', /limits\.0\.match: a user is named in full/],
    [
      'limits: [{ scope: key, concurrent: 1 }, { scope: key, requests_per_minute: 2 }]',
      /limits\.1 is there twice: scope key\. Keep one/,
    ],
    [
      'limits: [{ scope: model, match: [a, b], concurrent: 1 }, { scope: model, match: b, concurrent: 2 }]',
      /limits\.1 is there twice: scope model, match b/,
    ],
    ['budgets: { list: [{ scope: key, period: day }] }', /budgets\.list\.0\.hard_usd or soft_usd is needed/],
    [
      'budgets: { list: [{ scope: key, period: day, hard_usd: 1, soft_usd: 3 }] }',
      /budgets\.list\.0\.soft_usd \(3\) must not be above/,
    ],
    [
      'budgets: { list: [{ scope: key, period: week, hard_usd: 1 }] }',
      /budgets\.list\.0\.period: takes day, month, total/,
    ],
    [
      'budgets: { list: [{ scope: label, period: day, hard_usd: 1 }] }',
      /budgets\.list\.0\.match must be the name of a label/,
    ],
    [
      'budgets: { list: [{ scope: key, period: day, hard_usd: 1, webhook_url: "https://u:p@example.com" }] }',
      /budgets\.list\.0\.webhook_url must be .* without user and password/,
    ],
    [
      'budgets: { list: [{ scope: key, period: day, hard_usd: 1, webhook_url: nowhere }] }',
      /budgets\.list\.0\.webhook_url must be an http/,
    ],
    [
      'budgets: { webhook_url: nowhere, list: [{ scope: key, period: day, hard_usd: 1 }] }',
      /webhook_url must be an http/,
    ],
    [
      'budgets: { list: [{ scope: tenant, tenant: a, match: a, period: day, hard_usd: 1 }] }',
      /budgets\.list\.0\.tenant: the scope tenant is named by match/,
    ],
    [
      'budgets: { list: [{ scope: key, period: day, hard_usd: 1 }, { scope: key, period: day, soft_usd: 1 }] }',
      /budgets\.list\.1 is there twice: budget of key \(each\) by day/,
    ],
    ['budgets: { unknown_price: free }', /budgets\.unknown_price/],
    ['budgets: { unknown_price: { usd_per_million: 0 } }', /budgets\.unknown_price/],
  ];
  for (const [text, says] of wrong) {
    it(`refuses ${text}`, () => {
      assert.throws(
        () => read(text),
        (error: unknown) => {
          assert.ok(error instanceof SettingsError);
          assert.match(error.message, /^goblin\.yaml: /);
          assert.match(error.message, says);
          return true;
        },
      );
    });
  }
});
