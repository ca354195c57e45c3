/** Answers that go on from a prefix, or begin with reasoning between tags: whatever the slicing, no word twice. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { createOpenaiDecoder } from '../../../src/dialects/openai/decoder.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { assemble, read } from './read.ts';

const ECHOES: Quirks = { prefix: { mark: 'prefix', echoes: true } };
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

function heard(pieces: readonly string[], quirks: Quirks, prefix?: string) {
  const options = prefix === undefined ? {} : { prefix };
  const fast = assemble(read(openai, stream(pieces), createOpenaiDecoder(quirks, options)));
  const slow = assemble(read(openai, stream(pieces), createOpenaiDecoder(quirks, { ...options, fast: false })));
  const one = assemble(openai.vendor.whole(whole(pieces.join('')), quirks, prefix));
  assert.deepEqual(slow, fast);
  assert.deepEqual([one.text, one.reasoning, one.end], [fast.text, fast.reasoning, fast.end]);
  return fast;
}

describe('a prefix that comes back', () => {
  it('is not heard twice, however it is sliced', () => {
    const text = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' });
    fc.assert(
      fc.property(text, text, fc.array(fc.nat(200), { maxLength: 12 }), (prefix, rest, places) => {
        const { text: said, end } = heard(cut(prefix + rest, places), ECHOES, prefix);
        assert.deepEqual([said, end], [rest, 'stop']);
      }),
    );
  });

  it('nothing is lost when the vendor does not repeat it after all', () => {
    const text = fc.string({ minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(text, text, fc.array(fc.nat(200), { maxLength: 12 }), (prefix, rest, places) => {
        fc.pre(!prefix.startsWith(rest) && !rest.startsWith(prefix));
        assert.equal(heard(cut(rest, places), ECHOES, prefix).text, rest);
      }),
    );
  });

  it('is only looked for where a vendor repeats it, or where it is too long to be said by chance', () => {
    assert.equal(heard(['ha', 'ha'], {}, 'ha').text, 'haha');
    assert.equal(heard(['haha'], {}, '').text, 'haha');
    const long = 'It was the best of times, it was the worst of times, ';
    assert.equal(heard([long.slice(0, 20), long.slice(20), 'it was the age'], {}, long).text, 'it was the age');
    // An answer that ends before the repetition is over was none, unless the vendor always repeats.
    assert.equal(heard(['It was the best'], {}, long).text, 'It was the best');
    assert.equal(heard(['It was the best'], ECHOES, long).text, '');
  });
});

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
