import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall, Message } from '../../../../src/contract/call.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { acrossTexts } from '../../../../src/guard/secrets/joints.ts';
import { ALL_RULES, SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { createShield } from '../../../../src/guard/shield.ts';
import { message } from './prose.ts';
import { createRandom } from './random.ts';

const scanner = createScanner(ALL_RULES);
const random = createRandom(7);
const PROSE = Array.from({ length: 3 }, () => message(random))
  .join('\n')
  .trim();
// Shaped like the real ones, and made up.
const KEY = 'AKIA2OGYBAH6STMQR4XN';
const LONG = `sk-proj-${'k3JqLz8WmVx2RtYbNc7PdQsF5hG1uA0EiOyT'.repeat(4)}`;

test('a value is found wherever it is cut, and each part is in its own text', () => {
  for (const value of [KEY, LONG]) {
    for (let cut = 1; cut < value.length; cut++) {
      const texts = [`Use ${value.slice(0, cut)}`, `${value.slice(cut)} please.`];
      const found = acrossTexts(scanner.scan, texts);
      const parts = [0, 1].map((n) => {
        const [finding] = found.get(n) ?? [];
        return finding ? (texts[n] as string).slice(finding.start, finding.end) : '';
      });
      assert.equal(parts.join(''), value, `cut at ${cut}`);
    }
  }
});

test('also when every character is a text of its own, and when long texts surround it', () => {
  const letters = acrossTexts(scanner.scan, ['Key: ', ...KEY]);
  assert.deepEqual(
    [...letters.keys()],
    Array.from(KEY, (_, n) => n + 1),
  );
  const far = [`${PROSE} ${KEY.slice(0, 9)}`, `${KEY.slice(9)} ${PROSE}`];
  const found = acrossTexts(scanner.scan, far);
  assert.equal(
    [0, 1].map((n) => (found.get(n) ?? []).map((f) => (far[n] as string).slice(f.start, f.end))).join(''),
    KEY.slice(0, 9) + KEY.slice(9),
  );
});

test('nothing is read again where nothing can go on', () => {
  let scanned = 0;
  const counting = {
    scan(text: string) {
      scanned += text.length;
      return scanner.scan(text);
    },
  };
  const talk = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? PROSE : 'Thank you. And now?'));
  assert.equal(acrossTexts(counting.scan, talk).size, 0);
  assert.ok(scanned < talk.join('').length / 10, `${scanned} characters`);
});

const shield = createShield(
  createScanner(SECRET_RULES),
  (finding) => (finding.kind === 'private_key' ? 'block' : 'redact'),
  (_, value) => Buffer.from(value).toString('hex').padEnd(32, '0'),
);
const callOf = (messages: Message[]): AnswerCall => ({ kind: 'answer', messages });
const user = (...texts: string[]): Message => ({
  role: 'user',
  content: texts.map((text) => ({ type: 'text', text })),
});

test('the shield replaces both parts, and gives both back', () => {
  const [first, second] = [KEY.slice(0, 11), KEY.slice(11)];
  const messages = [
    user(`The first half is ${first}`),
    { role: 'assistant' as const, content: [{ type: 'text' as const, text: 'And the second?' }] },
    user(`${second}`),
  ];
  const { call, mapping, found } = shield.protect('acme', { call: callOf(messages), metadata: null, labels: null });
  const sent = JSON.stringify(call);
  assert.ok(!sent.includes(first) && !sent.includes(second), sent);
  assert.deepEqual(new Set(mapping.values()), new Set([first, second]));
  assert.deepEqual(new Set(found.map(({ rule }) => rule)), new Set(['aws_access_key']));
});

test('a private key that is cut is blocked', () => {
  const body = Array.from(
    { length: 6 },
    (_, n) => `MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cK${n}`,
  );
  const pem = ['-----BEGIN PRIVATE KEY-----', ...body, '-----END PRIVATE KEY-----'];
  const cut = [`${pem.slice(0, 2).join('\n')}\n`, pem.slice(2).join('\n')];
  assert.throws(
    () => shield.protect('acme', { call: callOf([user(...cut)]), metadata: null, labels: null }),
    (error: unknown) => error instanceof GoblinError && error.code === 'secret_blocked',
  );
});
