import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countTokens as reference } from 'gpt-tokenizer/encoding/o200k_base';
import type { AnswerCall } from '../../../src/contract/call.ts';
import { countTokens, fitsWindow } from '../../../src/money/tokens.ts';
import { heldBy } from '../../support/cpu.ts';

const ask = (text: string): AnswerCall => ({
  kind: 'answer',
  messages: [{ role: 'user', content: [{ type: 'text', text }] }],
});

const ENGLISH = 'The quick brown fox jumps over the lazy dog, again and again. ';

/** A generator with a fixed seed, so that a slow text can be looked at again. */
function random(alphabet: readonly string[], length: number): string {
  let state = 42;
  let text = '';
  while (text.length < length) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    text += alphabet[state % alphabet.length];
  }
  return text;
}

test('short texts count as the tokenizer counts them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (text) => {
      assert.equal(await countTokens(text), reference(text, { disallowedSpecial: new Set() }));
    }),
  );
});

test('long prose is counted in slices, within a thousandth', async () => {
  const text = ENGLISH.repeat(2_000);
  const exact = reference(text);
  assert.ok(Math.abs((await countTokens(text)) - exact) <= exact / 1_000);
});

test('special tokens in a text are text', async () => {
  assert.ok((await countTokens('<|endoftext|><|im_start|>')) > 4);
});

test('half characters and empty texts do no harm', async () => {
  assert.equal(await countTokens(''), 0);
  assert.ok((await countTokens('\ud83d'.repeat(5_000))) > 0);
  assert.ok((await countTokens(`${'x'.repeat(256)}\ude00`)) > 0);
});

const letters = [...'abcdefghijklmnopqrstuvwxyz'];
const chinese = Array.from({ length: 3_000 }, (_, index) => String.fromCharCode(0x4e00 + index));
const LONG_RUNS: Record<string, string> = {
  a: 'a'.repeat(200_000),
  '=': '='.repeat(200_000),
  blanks: ' '.repeat(200_000),
  letters: random(letters, 200_000),
  'one Chinese character': '好'.repeat(200_000),
  'Chinese text': random(chinese, 200_000),
  emoji: random(['😀', '🎉', '🚀', '👍🏽', '🧨', '👨‍👩‍👧'], 200_000),
};

for (const [name, text] of Object.entries(LONG_RUNS)) {
  test(`200,000 characters without a boundary are counted within a second: ${name}`, async () => {
    await countTokens('warm');
    // How long others had to wait: the most that was done between two turns of the event loop.
    const { value: tokens, longest, all } = await heldBy(() => countTokens(text));
    assert.ok(tokens > 1_000 && tokens <= Buffer.byteLength(text), `${tokens}`);
    // Far above the promise, for slow machines that run other tests beside; without the cap it is a minute.
    assert.ok(all < 4_000, `${all} ms`);
    assert.ok(longest < 1_000, `${longest} ms`);
  });
}

test('a prompt is refused only when its tokens are more than the window', async () => {
  const text = ENGLISH.repeat(500);
  const tokens = await countTokens(text);
  assert.equal(await fitsWindow(ask(text), Buffer.byteLength(text)), true);
  assert.equal(await fitsWindow(ask(text), tokens), true);
  assert.equal(await fitsWindow(ask(text), tokens - 1), false);
});

test('far from the edge nothing is counted', async () => {
  const huge = ask('x'.repeat(10_000_000));
  const { all } = await heldBy(async () => {
    assert.equal(await fitsWindow(huge, 10_000_000), true);
    assert.equal(await fitsWindow(huge, 400_000), false);
  });
  assert.ok(all < 200, `${all} ms`);
});

test('counting stops once it is clear that the prompt is too long', async () => {
  const { value, all } = await heldBy(() => fitsWindow(ask(random(chinese, 2_000_000)), 300_000));
  assert.equal(value, false);
  assert.ok(all < 3_000, `${all} ms`);
});

test('tools count, images do not', async () => {
  const call: AnswerCall = {
    kind: 'answer',
    messages: [{ role: 'user', content: [{ type: 'image', data: 'A'.repeat(100_000), mediaType: 'image/png' }] }],
    tools: [{ name: 'find', description: ENGLISH.repeat(20), parameters: { type: 'object', properties: {} } }],
  };
  assert.equal(await fitsWindow(call, 1_000), true);
  assert.equal(await fitsWindow(call, 100), false);
});
