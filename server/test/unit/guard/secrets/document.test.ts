/** What a tenant sets for the scanner: refused as a whole with every fault and its place, or in force. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { faultsOf, MOST_RULES, type RulesDocument } from '../../../../src/guard/secrets/document.ts';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { createMeter } from '../../../../src/guard/secrets/meter.ts';
import { compileTenantRule } from '../../../../src/guard/secrets/tenant.ts';
import { openShields, type ShieldsDeps } from '../../../../src/guard/shields.ts';

const TASKS = ['chat', 'code'];
const NOTHING = { rules: [], actions: {} };
const told = (document: RulesDocument, house = {}) =>
  faultsOf(document, house, TASKS).map(({ path, message }) => `${path}: ${message}`);

describe('faults of a document', () => {
  it('are none for what makes sense', () => {
    assert.deepEqual(told(NOTHING), []);
    const actions = { rules: { jwt: 'flag', ticket: 'block' }, kinds: { pii: 'redact' }, tasks: { code: {} } } as const;
    const rules = [
      { id: 'ticket', pattern: 'ACME-[0-9]{6}', description: 'Tickets', action: 'redact' as const },
      { id: 'names', literals: ['Falcon', 'Projekt Adler'], ignore_case: true, kind: 'pii' as const },
    ];
    assert.deepEqual(told({ rules, actions }), []);
  });

  const rows: [string, RulesDocument, RegExp, object?][] = [
    ['a pattern', { ...NOTHING, rules: [{ id: 'a', pattern: 'abc.*' }] }, /^rules\.0\.pattern: at 3: .*without an end/],
    ['neither pattern nor literals', { ...NOTHING, rules: [{ id: 'a' }] }, /^rules\.0\.pattern: it needs a pattern/],
    [
      'a short literal',
      { ...NOTHING, rules: [{ id: 'a', literals: ['abcd', 'ab'] }] },
      /^rules\.0\.literals\.1: .* 3 to/,
    ],
    ['an id of ours', { ...NOTHING, rules: [{ id: 'jwt', pattern: 'abcdef' }] }, /^rules\.0\.id: "jwt" is taken/],
    [
      'an id twice',
      { ...NOTHING, rules: ['abcdef', 'ghijkl'].map((pattern) => ({ id: 'a', pattern })) },
      /^rules\.1\.id: "a" is taken/,
    ],
    ['an action of no rule', { rules: [], actions: { rules: { jwtt: 'flag' } } }, /^actions\.rules\.jwtt: is no rule/],
    [
      'an action of a task for no rule',
      { rules: [], actions: { tasks: { code: { rules: { jwtt: 'flag' } } } } },
      /^actions\.tasks\.code\.rules\.jwtt: is no rule/,
    ],
    [
      'no task',
      { rules: [], actions: { tasks: { cod: {} } } },
      /^actions\.tasks\.cod: is no task type; there are chat, code/,
    ],
    [
      'a weaker kind than the house has',
      { rules: [], actions: { kinds: { pii: 'flag' } } },
      /^actions\.kinds\.pii: goblin\.yaml says redact; a tenant can only be stricter/,
      { kinds: { pii: 'redact' } },
    ],
    [
      'a weaker rule than the house has for its kind',
      { rules: [], actions: { rules: { email: 'allow' } } },
      /^actions\.rules\.email: goblin\.yaml says redact/,
      { kinds: { pii: 'redact' } },
    ],
    [
      'a rule of its own that is weaker',
      { ...NOTHING, rules: [{ id: 'mine', kind: 'pii', pattern: 'abcdef', action: 'flag' }] },
      /^rules\.0\.action: goblin\.yaml says redact/,
      { kinds: { pii: 'redact' } },
    ],
    [
      'a weaker one for a task',
      { rules: [], actions: { tasks: { code: { rules: { jwt: 'allow' } } } } },
      /^actions\.tasks\.code\.rules\.jwt: goblin\.yaml says block/,
      { tasks: { code: { kinds: { credential: 'block' } } } },
    ],
    [
      'too many rules',
      { ...NOTHING, rules: Array.from({ length: MOST_RULES + 1 }, (_, n) => ({ id: `r${n}`, pattern: 'abcdef' })) },
      /^rules: there are 101, 100 are allowed/,
    ],
    [
      'too many that begin with anything',
      { ...NOTHING, rules: Array.from({ length: 11 }, (_, n) => ({ id: `r${n}`, pattern: '[A-Z]{2}[0-9]{5}Q' })) },
      /^rules: 11 patterns begin with anything/,
    ],
  ];
  for (const [name, document, expected, house] of rows) {
    it(`name ${name}`, () => {
      const faults = told(document, house);
      assert.equal(faults.length, 1, faults.join('\n'));
      assert.match(faults[0] ?? '', expected);
    });
  }
});

describe('literals without a pattern', () => {
  const scan = (text: string, more = {}) =>
    createScanner([compileTenantRule({ id: 'names', literals: ['Falcon', 'Falcon Nine', 'a.b|c('], ...more })])
      .scan(text)
      .map(({ value, start }) => [value, start]);
  it('are found themselves, the longest first, with their case unless said otherwise', () => {
    assert.deepEqual(scan('Falcon Nine, a Falcon, falcon; axb|c( and a.b|c('), [
      ['Falcon Nine', 0],
      ['Falcon', 15],
      ['a.b|c(', 42],
    ]);
    assert.deepEqual(scan('a FALCON', { ignoreCase: true }), [['FALCON', 2]]);
    assert.deepEqual(scan(Buffer.from('about Falcon Nine').toString('base64')).length, 1);
  });
});

test('a pattern that begins with anything finds the same in whatever pieces it searches', () => {
  const rule = compileTenantRule({ id: 'badge', pattern: '\\b[A-Z]{2}[0-9]{1,40}[A-Z]\\b' });
  for (const at of [4050, 4090, 4095, 4096, 4097, 8150, 8180, 8189, 8190, 8191, 8192, 8193, 8200, 16_383]) {
    const text = `${'x '.repeat(at / 2)}${at % 2 === 0 ? '' : ' '}AB${'1'.repeat(40)}C and AB1C`;
    const found = createScanner([rule]).scan(text);
    assert.deepEqual(
      found.map(({ start, value }) => [start, value.length]),
      [
        [at, 43],
        [at + 48, 4],
      ],
    );
  }
});

test('a rule that takes too long lets the text not in, and the next one has its turn', async () => {
  let clock = 0;
  const meter = createMeter(100, () => clock);
  const spend = (ms: number) => () => {
    clock += ms;
    return ms;
  };
  assert.equal(meter.time('a', spend(60)), 60);
  assert.throws(
    () => meter.time('b', spend(60)),
    (error) =>
      error instanceof GoblinError && error.code === 'unavailable' && /rule b of the tenant/.test(error.detail),
  );
  assert.throws(() => meter.time('c', spend(1)), GoblinError);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(meter.time('c', spend(60)), 60);
  // What costs most: every second place could begin a match, and none does before 900 more were read.
  const slow = compileTenantRule({ id: 'slow', pattern: 'abab[ab]{1,900}Z' }, createMeter(50));
  const began = performance.now();
  assert.throws(() => createScanner([slow]).scan('ab'.repeat(500_000)), /takes too long/);
  assert.ok(performance.now() - began < 5000, 'it is given up long before its end');
});

function house(rows: Map<string, RulesDocument[]>, more: Partial<ShieldsDeps> = {}) {
  const sql = {
    async query(text: string, values: readonly unknown[] = []) {
      if (text.includes('group by'))
        return [...rows].map(([tenant, all]) => ({ tenant, version: all.length })) as never;
      const [tenant = '', version] = values as readonly [string, number];
      return [{ tenant, version, document: rows.get(tenant)?.[version - 1] }] as never;
    },
    lostFor: () => null,
  };
  const digest = (tenant: string, value: string) => Buffer.from(`${tenant}${value}`.repeat(8)).toString('hex');
  return openShields({ sql, telemetry: { log() {} }, house: { enabled: true }, tasks: TASKS, digest, ...more });
}
const content = (text: string, task = 'chat') => ({
  call: { kind: 'answer' as const, messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text }] }] },
  metadata: null,
  labels: null,
  task,
});

test('each tenant has its own rules and actions, by version, and nobody has those of another', async () => {
  const ticket = { id: 'ticket', pattern: 'ACME-[0-9]{6}' };
  const rows = new Map<string, RulesDocument[]>([
    ['acme', [{ rules: [ticket], actions: { kinds: { pii: 'block' }, tasks: { code: { kinds: { pii: 'allow' } } } } }]],
    ['broken', [{ rules: [{ id: 'x', pattern: 'a*' }], actions: {} }]],
  ]);
  const shields = await house(rows, { most: 2 });
  try {
    const found = (tenant: string, text: string, task?: string) =>
      shields.any?.protect(tenant, content(text, task)).found.map(({ rule }) => rule);
    assert.deepEqual(found('acme', 'see ACME-123456'), ['ticket']);
    assert.deepEqual(found('other', 'see ACME-123456'), []);
    assert.throws(() => found('acme', 'ask jane@example.com'), /secret that must not be sent/);
    assert.deepEqual(found('acme', 'ask jane@example.com', 'code'), []);
    assert.deepEqual(found('other', 'ask jane@example.com'), []);
    assert.deepEqual(
      [shields.mark('acme', 'chat'), shields.mark('acme', 'code'), shields.mark('other', 'code')],
      ['1', '1 code', '0'],
    );
    assert.throws(() => found('broken', 'hello'), /rules cannot be read right now/);
    assert.ok(
      shields.all('acme').scan('ACME-123456').length === 1 && shields.all('x').scan('ACME-123456').length === 0,
    );
    assert.equal(shields.strict.protect('acme', content('ACME-123456 or jane@example.com')).found.length, 2);
    // The next version holds when it is seen.
    rows.get('acme')?.push(NOTHING);
    shields.looked(2);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(found('acme', 'see ACME-123456'), []);
    assert.equal(shields.mark('acme', 'code'), '2');
  } finally {
    shields.close();
  }
});

test('what is switched off for the house is looked for by nobody, but a policy that asks', async () => {
  const rows = new Map([['acme', [{ rules: [{ id: 'ticket', pattern: 'ACME-[0-9]{6}' }], actions: {} }]]]);
  const shields = await house(rows, { house: { enabled: false } });
  try {
    assert.equal(shields.any, null);
    assert.equal(shields.of('acme'), null);
    assert.equal(shields.all('acme').scan('ACME-123456').length, 1);
  } finally {
    shields.close();
  }
});
