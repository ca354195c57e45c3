/** Where an answer goes on at another target: no word twice, none lost, whatever the slicing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createJoin } from '../../../src/execution/join.ts';

function joined(shown: string, pieces: readonly string[], sent = shown, repeats = false): string {
  const join = createJoin(shown, sent, repeats);
  return shown + pieces.map((piece) => join.push(piece)).join('') + join.end();
}

const slices = (text: string, at: readonly number[]): string[] => {
  const cuts = [0, ...at.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  return cuts.slice(1).map((to, n) => text.slice(cuts[n], to));
};

const SHOWN = 'The goblin counts its coins, one by one, and';

test('what goes on right after the last character is taken as it is', () => {
  assert.equal(joined(SHOWN, [' puts', ' them away.']), `${SHOWN} puts them away.`);
  assert.equal(joined('The gob', ['lin']), 'The goblin');
  assert.equal(joined('ha ha ', ['ha ha!']), 'ha ha ha ha!');
  assert.equal(joined('', ['The goblin']), 'The goblin');
  assert.equal(joined('I', ['I']), 'II');
});

test('a target that says the whole beginning first is not heard twice', () => {
  assert.equal(joined(SHOWN, [SHOWN, ' sleeps.']), `${SHOWN} sleeps.`);
  assert.equal(joined('Gold', ['Gold is', ' heavy'], 'Gold', true), 'Gold is heavy');
  assert.equal(joined('ha ha ', ['ha ha ', 'ha!'], 'ha ha ', true), 'ha ha ha!');
});

test('a target that begins again a few words before the break is not heard twice', () => {
  assert.equal(joined(SHOWN, [' one by one, and sleeps.']), `${SHOWN} sleeps.`);
  assert.equal(joined(SHOWN, ['coins, one by one, and sleeps.']), `${SHOWN} sleeps.`);
});

test('blanks that the target was not given are not doubled, and not lost', () => {
  assert.equal(joined('First line.\n\n', ['\n\nSecond'], 'First line.'), 'First line.\n\nSecond');
  assert.equal(joined('First line. ', [' Second'], 'First line.'), 'First line. Second');
  assert.equal(joined('First line. ', ['Second'], 'First line.'), 'First line. Second');
  assert.equal(joined('A list:\n', ['\n\n- one'], 'A list:'), 'A list:\n\n- one');
  assert.equal(joined('First line. ', ['First line. Second'], 'First line.', true), 'First line. Second');
});

test('what goes on as it was loses nothing', () => {
  for (const unit of [
    'ha ',
    '0, ',
    '|---|---|\n',
    '    ',
    '1,2,3,4,5,6,7,8,9\n',
    'the same long line of a song again\n',
  ]) {
    // One long line, said again: whoever begins anew says that too.
    for (const shown of unit.length < 16 ? [1, 2, 3, 5, 9] : [2, 3, 5, 9]) {
      for (const rest of [1, 2, 7]) {
        assert.equal(
          joined(unit.repeat(shown), [...unit.repeat(rest)]),
          unit.repeat(shown + rest),
          `${unit} ${shown} ${rest}`,
        );
      }
    }
  }
});

test('any slicing gives the same, and an answer that repeats nothing loses nothing', () => {
  const word = fc.constantFrom('coin', 'goblin', 'and', 'the', ' ', ', ', 'ha ', '\n', 'x');
  const text = fc.array(word, { maxLength: 30 }).map((words) => words.join(''));
  fc.assert(
    fc.property(text, text, fc.array(fc.nat(200), { maxLength: 8 }), (shown, rest, at) => {
      assert.equal(joined(shown, slices(rest, at)), joined(shown, [rest]));
      assert.equal(joined(shown, slices(shown + rest, at), shown, true), shown + rest);
      const marked = `|${rest}`;
      assert.equal(joined(shown, slices(marked, at)), shown + marked);
    }),
    { numRuns: 2000 },
  );
});
