/** What is done about secrets in answers: as the house says, as the tenant says, and never weaker than either asks. */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { test } from 'node:test';
import { type AnswerSettings, createAnswerShields } from '../../../src/guard/answers.ts';
import type { ActionSettings } from '../../../src/guard/secrets/actions.ts';
import type { Action } from '../../../src/guard/secrets/rule.ts';
import { openShields } from '../../../src/guard/shields.ts';
import { createVault } from '../../../src/guard/vault.ts';

const MAIL = 'write to jane.doe@example.com please';
const digest = (_tenant: string, value: string) => Buffer.from(value.repeat(8)).toString('hex');
const vault = createVault(() => [createSecretKey(Buffer.alloc(32, 7))]);

async function opened(answers: Partial<AnswerSettings>, house: ActionSettings, own: ActionSettings) {
  const document = { rules: [], actions: own };
  const shields = await openShields({
    sql: {
      query: async (text) =>
        (text.includes('group by')
          ? [{ tenant: 'acme', version: 1 }]
          : [{ tenant: 'acme', version: 1, document }]) as never,
      lostFor: () => null,
    },
    telemetry: { log() {} },
    house: { enabled: true, ...house },
    tasks: ['chat'],
    digest,
  });
  const noted: unknown[] = [];
  const open = createAnswerShields({
    shields,
    settings: { enabled: true, reveal: true, ...answers },
    digest,
    vault,
    note: (_tenant, finding) => void noted.push(finding),
  });
  const answer = open({ tenant: 'acme', key: null, request: 'r', task: 'chat' }, new Map());
  shields.close();
  assert.ok(answer);
  return { answer, noted };
}

async function done(...settings: Parameters<typeof opened>): Promise<Action> {
  const { answer, noted } = await opened(...settings);
  const { findings } = answer.scanner().push(`${MAIL} `);
  const { replacements, block } = answer.judge(`${MAIL} `, findings, 'text');
  return block ? 'block' : replacements.length > 0 ? 'redact' : noted.length > 0 ? 'flag' : 'allow';
}

const rows: [string, Partial<AnswerSettings>, ActionSettings, ActionSettings, Action][] = [
  ['nobody says anything', {}, {}, {}, 'allow'],
  ['the house, of all', {}, { kinds: { pii: 'flag' } }, {}, 'flag'],
  ['the house, of answers', { kinds: { pii: 'block' } }, { kinds: { pii: 'flag' } }, {}, 'block'],
  [
    'the house, of answers, what it is stricter about in prompts',
    { kinds: { pii: 'allow' } },
    { kinds: { pii: 'redact' } },
    {},
    'allow',
  ],
  ['the tenant', {}, {}, { rules: { email: 'redact' } }, 'redact'],
  ['the tenant, who blocks: an answer is not lost for it', {}, {}, { kinds: { pii: 'block' } }, 'redact'],
  [
    'the tenant, stricter than the house is in answers',
    { kinds: { pii: 'allow' } },
    {},
    { kinds: { pii: 'redact' } },
    'redact',
  ],
  [
    'the tenant, weaker than the house is in answers',
    { kinds: { pii: 'redact' } },
    {},
    { kinds: { pii: 'flag' } },
    'redact',
  ],
];
for (const [name, answers, house, own, expected] of rows) {
  test(`${name}: ${expected}`, async () => assert.equal(await done(answers, house, own), expected));
}

test('names in a field of the vendor are searched as its values are', async () => {
  const fields = { seen: [{ a: 1, 'jane.doe@example.com': { b: 'jane.doe@example.com' }, z: 2 }] };
  const vendor = { dialect: 'openai' as const, fields };
  const redacted = (await opened({}, { kinds: { pii: 'redact' } }, {})).answer.field(vendor);
  assert.match(JSON.stringify(redacted), /\{"a":1,"\[\[pii:email:\w+\]\]":\{"b":"\[\[pii:email:\w+\]\]"\},"z":2\}/);
  const named = { ...vendor, fields: { 'jane.doe@example.com': 1 } };
  assert.deepEqual((await opened({ kinds: { pii: 'block' } }, {}, {})).answer.field(named), { rule: 'email' });
  const plain = { ...vendor, fields: { a: { b: 1 } } };
  assert.deepEqual((await opened({}, { kinds: { pii: 'redact' } }, {})).answer.field(plain), { vendor: plain });
});
