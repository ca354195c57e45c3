import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFastText } from '../../../src/dialects/fast-text.ts';
import { parseJson } from '../../../src/dialects/json.ts';
import { createTextMender } from '../../../src/dialects/text.ts';

function mend(pieces: readonly string[]): string {
  const mender = createTextMender();
  return pieces.map((piece) => mender.push(piece)).join('') + mender.end();
}

test('surrogates that were torn apart meet again; lone ones and U+0000 are replaced', () => {
  assert.equal(mend(['a\ud83d', '\ude00b']), 'a😀b');
  assert.equal(mend(['a\ud83d', 'b']), 'a\ufffdb');
  assert.equal(mend(['\ude00']), '\ufffd');
  assert.equal(mend(['a\ud83d']), 'a\ufffd');
  assert.equal(mend(['\ud83d', '', '\ude00']), '😀');
  assert.equal(mend(['x\0y']), 'x\ufffdy');
});

test('whatever the pieces, each result is well-formed and the whole is that of the whole', () => {
  const unit = fc.constantFrom('a', '\ud83d', '\ude00', '\0', 'é', '中');
  fc.assert(
    fc.property(fc.array(fc.string({ unit, maxLength: 4 })), (pieces) => {
      const mender = createTextMender();
      for (const piece of pieces) assert.ok(mender.push(piece).isWellFormed());
      assert.equal(mend(pieces), pieces.join('').toWellFormed().replaceAll('\0', '\ufffd'));
    }),
  );
});

const event = (text: string, more = '') => `{"id":"1","delta":{"content":${JSON.stringify(text)}}${more}}`;

test('the fast text takes what has the same shape, and nothing else', () => {
  const fast = createFastText();
  assert.equal(fast.take(event('a')), null);
  fast.arm(event('first "quoted"'), 'content', 'first "quoted"');
  assert.equal(fast.take(event('b')), 'b');
  assert.equal(fast.take(event('')), '');
  assert.equal(fast.take(event('line\nbreak é 中 \u2028')), 'line\nbreak é 中 \u2028');
  assert.equal(fast.take(event('x'.repeat(500))), 'x'.repeat(500));
  assert.equal(fast.take(event('a "quote"')), 'a "quote"');
  assert.equal(fast.take(event('ends in a backslash \\')), 'ends in a backslash \\');
  assert.equal(fast.take(event('b', ',"usage":1')), null);
  assert.equal(fast.take('{"id":"1","delta":{"content":"tab\there"}}'), null);
  assert.equal(fast.take('{"id":"1","delta":{"content":"\\x"}}'), null);
  assert.equal(fast.take('{"id":"1","delta":{"content":"a","content":"b"}}'), null);
  fast.disarm();
  assert.equal(fast.take(event('b')), null);
});

test('the fast text is not armed where the place of the text is not certain', () => {
  for (const data of [
    '{"content":"a","delta":{"content":"a"}}',
    '{"delta":{"content":null}}',
    '{"delta":{"content": ["a"]}}',
    '{"x\\"content":"a"}',
    '{"delta":{"text":"a"}}',
  ]) {
    const fast = createFastText();
    fast.arm(data, 'content', 'a');
    assert.equal(fast.take(data), null, data);
  }
});

test("OpenAI's padding of random length does not disturb", () => {
  const fast = createFastText();
  fast.arm(event('a', ',"obfuscation":"Xy7"'), 'content', 'a');
  assert.equal(fast.take(event('b', ',"obfuscation":"qwerty123"')), 'b');
  assert.equal(fast.take(event('b', ',"obfuscation":""')), 'b');
  assert.equal(fast.take(event('b', ',"obfuscation":"a","usage":{}')), null);
  assert.equal(fast.take(event('b', ',"obfuscation":"a\\n"')), null);
  assert.equal(fast.take(event('b')), null);
});

test('JSON that was cut is told from text that never was JSON', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (value, at) => {
      const text = JSON.stringify(value);
      const cut = text.slice(0, 1 + (at % Math.max(text.length - 1, 1)));
      if (cut === text) return;
      const parsed = parseJson(cut);
      assert.ok(!parsed.ok && parsed.cut, cut);
    }),
    { numRuns: 2000 },
  );
  for (const text of ['<html>', 'nope', '{a:1}', '{"a":1}}', '{"a":1} trailing', '']) {
    const parsed = parseJson(text);
    assert.ok(!parsed.ok && !parsed.cut, text);
  }
});
