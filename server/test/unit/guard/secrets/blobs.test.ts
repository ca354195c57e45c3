/** Fields that may hold pictures: only what is no text is passed over, whatever the field is called. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { AnswerCall } from '../../../../src/contract/call.ts';
import { isBinary } from '../../../../src/guard/secrets/blobs.ts';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { createShield } from '../../../../src/guard/shield.ts';

const KEY = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
const PROSE = 'The committee met on Tuesday and agreed that the garden party should go ahead. ';
const PNG = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), randomBytes(60_000)]);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const TEXTS: Readonly<Record<string, string>> = {
  'a long document': PROSE.repeat(300) + KEY,
  'a short one that begins like a URL': `data: ${KEY}`,
  'a data URL in clear': `data:text/plain,${KEY}`,
  'a data URL of text': `data:text/plain;base64,${base64(`the key is ${KEY} today`)}`,
  'a long one': `data:text/plain;base64,${base64(PROSE.repeat(300) + KEY)}`,
  'one that says that it is a picture': `data:image/png;base64,${base64(`the key is ${KEY} today`)}`,
  'UTF-16': Buffer.from(`${PROSE.repeat(300)} ${KEY}`, 'utf16le').toString('base64'),
  'a picture with words behind it': `${PNG.toString('base64')} ${KEY}`,
  'words before a picture': `${KEY} ${PNG.toString('base64')}`,
};

const shield = createShield(
  createScanner(SECRET_RULES),
  () => 'redact',
  (_, value) => Buffer.from(value).toString('hex').padEnd(32, '0'),
);

test('text is looked at in every field, whatever it begins with and however long it is', async () => {
  for (const [what, text] of Object.entries(TEXTS)) {
    assert.ok(!isBinary(text), what);
    for (const field of ['data', 'file_data', 'b64_json', 'url', 'image_url', 'other']) {
      const content = {
        call: { kind: 'answer', messages: [], native: { dialect: 'openai', body: { deep: [{ [field]: text }] } } },
        metadata: { [field]: text },
        labels: null,
      } as unknown as { call: AnswerCall; metadata: Record<string, unknown>; labels: null };
      const { found, call, metadata } = await shield.protectInTurns('t', content);
      assert.equal(found[0]?.rule, 'aws_access_key', `${what} in ${field}`);
      const left = JSON.stringify([call, metadata]);
      assert.ok(!left.includes(KEY) && !left.includes(text), `${what} in ${field}`);
      if (text.length < 1000) assert.deepEqual(shield.protect('t', content).found, found);
    }
  }
});

test('megabytes of one character are told apart too', () => {
  for (const char of ['x', '/', '=', '\n', ' ']) isBinary(char.repeat(8_000_000));
  assert.ok(isBinary('/'.repeat(8_000_000)));
});

test('pictures and the like stay as they are, byte for byte', async () => {
  for (const picture of [PNG, PNG.subarray(0, 900), randomBytes(20_000)]) {
    const text = picture.toString('base64');
    for (const written of [text, `data:image/png;base64,${text}`, text.replace(/.{76}/g, '$&\n')]) {
      assert.ok(isBinary(written));
      const call = {
        kind: 'answer',
        messages: [{ role: 'user', content: [{ type: 'image', data: written, mediaType: 'image/png' }] }],
      } as unknown as AnswerCall;
      const content = { call, metadata: null, labels: null };
      assert.equal((await shield.protectInTurns('t', content)).call, call);
    }
  }
});
