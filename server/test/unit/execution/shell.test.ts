/** What stands around the words of events: looked at once, and again whenever it is another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decoder, WireEvent } from '../../../src/contract/dialect.ts';
import { createAnthropicDecoder } from '../../../src/dialects/anthropic/decoder.ts';
import { createOpenaiDecoder } from '../../../src/dialects/openai/decoder.ts';
import { createShells } from '../../../src/execution/shell.ts';

const SECRET = 'hush';

/** Events through a decoder: whether each may pass, how many were told to be alike, and what was searched. */
function passed(decoder: Decoder, events: readonly string[]) {
  const searched: string[] = [];
  const mayPass = createShells({
    outside(text) {
      searched.push(text);
      return text.includes(SECRET);
    },
  });
  let alike = 0;
  const may = events.map((data) => {
    const event: WireEvent = { name: '', data };
    const parts = decoder.push(event);
    if (event.alike) alike++;
    return mayPass(parts, data, event.alike);
  });
  return { may, alike, searched };
}

const chunk = (delta: unknown, more: Record<string, unknown> = {}): string =>
  JSON.stringify({ id: 'one', choices: [{ index: 0, delta, finish_reason: null }], ...more });
const say = (content: string, more: Record<string, unknown> = {}): string => chunk({ content }, more);
const openai = (events: readonly string[]) => passed(createOpenaiDecoder({}), events);

test('events that differ by their words alone are searched once', () => {
  const { may, alike, searched } = openai(['What', ' is', ' it', ' "so"', ' called'].map((word) => say(word)));
  assert.deepEqual(may, [true, true, true, true, true]);
  assert.equal(alike, 4);
  assert.equal(searched.length, 2);
  assert.ok(!searched.join().includes('What'), 'words are looked at elsewhere');
});

test('a shell with a secret lets none of its events pass, and a clean one after it does again', () => {
  const bad = { system_fingerprint: SECRET };
  const { may } = openai([say('a'), say('b'), say('c', bad), say('d', bad), say('e', bad), say('f'), say('g')]);
  assert.deepEqual(may, [true, true, false, false, false, true, true]);
});

test('what pads an event may differ, so it is looked at each time', () => {
  const padded = (word: string, obfuscation: string) => say(word, { obfuscation });
  const { may, alike } = openai([padded('a', 'xyz'), padded('b', 'xy'), padded('c', `x${SECRET}x`), padded('d', 'x')]);
  assert.deepEqual(may, [true, true, false, true]);
  assert.equal(alike, 0);
});

test('an event without words between does not make the next one alike to something else', () => {
  const silent = chunk({}, { note: SECRET });
  const { may } = openai([say('a'), silent, silent, say('b'), chunk({ content: 'c', note: SECRET }), say('d')]);
  assert.deepEqual(may, [true, false, false, true, false, true]);
});

test('words that are not told as they came are looked at with all that is around them', () => {
  const half = say('\ud83d');
  const { may, alike } = openai([say('a'), half, say('\ude00'), say(` ${SECRET}`), say('b')]);
  assert.equal(alike, 2);
  assert.equal(may[3], true, 'words are the business of the screen');
  assert.equal(may[4], true);
});

test('in the dialect of messages too', () => {
  const delta = (text: string, more: Record<string, unknown> = {}) =>
    JSON.stringify({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text }, ...more });
  const begin = [
    JSON.stringify({ type: 'message_start', message: { id: 'm', role: 'assistant', content: [], usage: {} } }),
    JSON.stringify({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
  ];
  const events = [
    ...begin,
    delta('a'),
    delta('b'),
    delta('c', { note: SECRET }),
    delta('d', { note: SECRET }),
    delta('e'),
  ];
  const { may, alike } = passed(createAnthropicDecoder(), events);
  assert.deepEqual(may, [true, true, true, true, false, false, true]);
  assert.equal(alike, 2);
});
