/** Long content is searched in turns: the same is found as at once, and others get their turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerCall } from '../../../../src/contract/call.ts';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { inTurns, searched } from '../../../../src/guard/secrets/turns.ts';
import { createShield } from '../../../../src/guard/shield.ts';

const scanner = createScanner(SECRET_RULES);
const KEY = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
const SETTING = `DB_PASSWORD=${['q7Hx92', 'kLpZ3v'].join('')}\n`;
const PEM = `-----BEGIN ${'PRIVATE KEY'}-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC'.repeat(40)}\n-----END ${'PRIVATE KEY'}-----\n`;
const PROSE = 'The committee met on Tuesday and agreed that the garden party should go ahead. ';
const TURN = 64 * 1024;

/** A secret over the end of each turn, at another place of it each time. */
function long(turns: number): string {
  let text = '';
  for (let turn = 1; turn <= turns; turn++) {
    const secret = [KEY, SETTING, PEM][turn % 3] as string;
    const until = turn * TURN - Math.floor((secret.length * turn) / turns);
    text += PROSE.repeat(Math.ceil(TURN / PROSE.length)).slice(0, until - text.length - 1);
    text += ` ${secret} `;
  }
  return text + PROSE;
}

test('a long text has the findings of the whole, wherever the turns end', async () => {
  const text = long(12);
  const whole = scanner.scan(text);
  assert.ok(whole.length >= 12, `${whole.length} findings`);
  assert.deepEqual(await searched(scanner, text), whole);
});

test('short content is looked at at once; long content in turns, and between them others are served', async () => {
  const shield = createShield(
    scanner,
    () => 'redact',
    (_, value) => Buffer.from(value).toString('hex').padEnd(32, '0'),
  );
  const content = (text: string, copies: number) => ({
    call: {
      kind: 'answer',
      messages: Array.from({ length: copies }, (_, n) => ({
        role: n % 2 === 0 ? 'user' : 'assistant',
        content: [{ type: 'text', text: `${n} ${text}` }],
      })),
      native: { dialect: 'openai', body: { messages: [{ content: `0 ${text}` }], [`x ${KEY} ${text.length}`]: 1 } },
    } as unknown as AnswerCall,
    metadata: { note: KEY },
    labels: null,
  });
  assert.ok(!(shield.protectInTurns('t', content(`Use ${KEY} now. `, 3)) instanceof Promise));
  for (const one of [content(long(5), 2), content(`${PROSE}${KEY} `, 3000), content('password=', 30_000)]) {
    const seen = shield.protectInTurns('t', one);
    assert.ok(seen instanceof Promise);
    let others = 0;
    const tick = (): void => {
      others++;
      timer = setImmediate(tick);
    };
    let timer = setImmediate(tick);
    const { call, metadata, labels, found, mapping } = await seen;
    clearImmediate(timer);
    assert.ok(others >= 3, `${others} turns of others`);
    const whole = shield.protect('t', one);
    assert.deepEqual({ call, metadata, labels, found, mapping }, whole);
    assert.ok(!JSON.stringify(call).includes(KEY));
  }
});

test('base64 that is longer than a turn is read as a whole, in lines too', async () => {
  const inside = Buffer.from(`${PROSE.repeat(1500)}the key is ${KEY}, ${PROSE.repeat(300)}`).toString('base64');
  for (const run of [inside, inside.replace(/.{76}/g, '$&\n'), inside.replace(/.{76}/g, '$&\r\n')]) {
    const text = `${PROSE}see ${run} and ${SETTING}${PROSE}`;
    const found = await searched(scanner, text);
    assert.deepEqual([found.length, found[0]?.rule], [2, 'aws_access_key']);
    const [one] = found;
    assert.ok(text.slice(one?.start, one?.end).startsWith(run.slice(0, 100)));
    assert.ok((one?.end ?? 0) - (one?.start ?? 0) >= run.trimEnd().length);
  }
});

test('megabytes of one character break nothing', { timeout: 60_000 }, async () => {
  for (const char of ['x', 'A', '=', '\n', '-', '%'])
    assert.deepEqual(await searched(scanner, char.repeat(4_000_000)), []);
});

test('what the work itself throws is thrown, in the first turn and in later ones', async () => {
  const refuse = (): never => {
    throw new Error('no');
  };
  assert.throws(() => inTurns(scanner, refuse), /no/);
  const later = inTurns(scanner, (look) => {
    look(PROSE.repeat(2000));
    return refuse();
  });
  await assert.rejects(async () => await later, /no/);
});
