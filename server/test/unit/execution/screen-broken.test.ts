/** Answers that break off, go on or begin anew: a secret that the break cut in two is not told either. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AWS, assembled, openai, say, stage, TOKEN, text } from './screen-kit.ts';

describe('an answer that breaks off', () => {
  it('tells what was held back, unless it is long enough to be half a secret', () => {
    const short = stage();
    short.screen.push([text('He said gh')], 'a', openai);
    short.screen.look();
    assert.equal(short.told.length, 0);
    short.screen.rest();
    assert.deepEqual(assembled(short.told), [text('He said gh')]);
    for (let cut = 1; cut <= TOKEN.length; cut++) {
      const long = stage();
      long.screen.push([text(`The token is ${TOKEN.slice(0, cut)}`)], 'a', openai);
      long.screen.rest();
      const rows = JSON.stringify(assembled(long.told));
      assert.ok(rows.includes('The token is '));
      assert.ok(cut <= 16 || !rows.includes(TOKEN.slice(0, 17)), rows);
      if (cut === TOKEN.length) assert.match(rows, /\[\[secret:/);
    }
  });

  it('goes on from what was shown: a secret that the break cut in two is still found, and nothing is lost', () => {
    for (let cut = 0; cut <= TOKEN.length; cut++) {
      const at = stage();
      const first = `Take this: ${TOKEN.slice(0, cut)}`;
      for (const piece of first.match(/[\s\S]{1,5}/g) ?? []) {
        at.screen.push([text(piece)], piece, openai);
        at.screen.look();
      }
      at.screen.carry();
      const shown = (assembled(at.told)[0] as { text: string } | undefined)?.text ?? '';
      say(at, [text(`Take this: ${TOKEN} and go.`.slice(shown.length))]);
      const rows = JSON.stringify(assembled(at.told));
      // What was told before the break says nothing.
      assert.match(
        rows,
        /^\[\{"type":"text","text":"Take this: .{0,16}\[\[secret:[a-z_]+:[0-9a-f]{10}\]\] and go."\}\]$/,
      );
      assert.equal(at.notes.length, 1);
    }
  });

  it('begins anew when what was said is void', () => {
    const at = stage();
    at.screen.push([text(`Use ${AWS.slice(0, 8)}`)], 'a', openai);
    at.screen.look();
    at.screen.clear();
    say(at, [text(`${AWS.slice(8)} is`), text(' no key.')]);
    assert.deepEqual(assembled(at.told), [text(`${AWS.slice(8)} is no key.`)]);
  });
});
