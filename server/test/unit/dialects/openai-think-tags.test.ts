/** Answers that begin with reasoning between tags, whatever the slicing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { createOpenaiDecoder } from '../../../src/dialects/openai/decoder.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { assemble, read } from './read.ts';

const TAGS: Quirks = { thinkTags: true };

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'x', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const stream = (pieces: readonly string[]) =>
  `${pieces.map((content) => chunk({ content })).join('')}${chunk({}, 'stop')}data: [DONE]\n\n`;
const whole = (content: string) =>
  JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] });

/** Cuts a text at these places. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, n) => text.slice(from, at[n] ?? text.length)).filter((piece) => piece !== '');
}

function heard(pieces: readonly string[], quirks: Quirks) {
  const fast = assemble(read(openai, stream(pieces), createOpenaiDecoder(quirks)));
  const slow = assemble(read(openai, stream(pieces), createOpenaiDecoder(quirks, { fast: false })));
  const one = assemble(openai.vendor.whole(whole(pieces.join('')), quirks));
  assert.deepEqual(slow, fast);
  assert.deepEqual([one.text, one.reasoning, one.end], [fast.text, fast.reasoning, fast.end]);
  return fast;
}

describe('reasoning between tags', () => {
  it('is told from the text, however it is sliced', () => {
    const safe = fc.string({ maxLength: 40 }).map((text) => text.replaceAll('<', '(').replace(/^[\r\n]+/, ''));
    fc.assert(
      fc.property(safe, safe, fc.array(fc.nat(200), { maxLength: 15 }), (thought, answer, places) => {
        const out = heard(cut(`<think>${thought}</think>\n\n${answer}`, places), TAGS);
        assert.deepEqual([out.reasoning, out.text, out.end], [thought, answer, 'stop']);
      }),
    );
  });

  it('is looked for at the beginning only, and text stays as it is', () => {
    const text = fc.string({ maxLength: 40 }).map((rest) => `A${rest}`);
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 15 }), (answer, places) => {
        const out = heard(cut(answer, places), TAGS);
        assert.deepEqual([out.reasoning, out.text], ['', answer]);
      }),
    );
    assert.deepEqual(heard(['a <think>b</think>'], TAGS).text, 'a <think>b</think>');
    assert.deepEqual(heard(['<thi'], TAGS).text, '<thi');
    assert.deepEqual(heard(['<thinking>x'], TAGS).text, '<thinking>x');
    assert.deepEqual(heard(['\n<think>x</think>    code'], TAGS).text, '    code');
    const open = heard(['<think>never', ' closed </thi'], TAGS);
    assert.deepEqual([open.reasoning, open.text], ['never closed </thi', '']);
    // Whoever does not think so keeps his tags.
    assert.equal(heard(['<think>x</think>y'], {}).text, '<think>x</think>y');
  });

  it('a cut stream is still a failure, with what was said before it', () => {
    const parts = read(openai, chunk({ content: '<think>x</think>half' }), openai.vendor.decoder(TAGS));
    const out = assemble(parts);
    assert.deepEqual([out.reasoning, out.text, out.end], ['x', 'half', 'upstream_truncated']);
  });
});
