/** Seals of what goes into Redis: whose they are, where they hold, and what is encrypted. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createSeal } from '../../../src/drivers/redis-seal.ts';

const [one, two] = [randomBytes(32), randomBytes(32)];
const TEXT = 'what nobody else may read: äöü';

for (const secret of [false, true]) {
  const how = secret ? 'encrypted' : 'in clear';
  test(`${how}: come back as they were, by whoever has the secret, at their place alone`, () => {
    const [a, b] = [createSeal([one], 'a'), createSeal([one], 'b')];
    for (const text of [TEXT, '', 'x'.repeat(100_000)]) {
      const sealed = a.close('topic', text, secret);
      const read = b.open('topic', sealed, 1000);
      assert.ok('content' in read && read.content.toString() === text && !read.own);
      const self = a.open('topic', sealed, 1000);
      assert.ok('own' in self && self.own);
      assert.deepEqual(b.open('another', sealed, 1000), { ignored: 'forged' });
      assert.deepEqual(createSeal([two], 'c').open('topic', sealed, 1000), { ignored: 'forged' });
    }
    assert.equal(a.close('topic', TEXT, secret).includes('nobody else'), !secret);
  });

  test(`${how}: any bit that is changed makes them forged or foreign`, () => {
    const seal = createSeal([one], 'a');
    const sealed = seal.close('topic', 'short', secret);
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const wrong = Buffer.from(sealed);
      wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.ok('ignored' in seal.open('topic', wrong, null), `bit ${bit}`);
    }
    for (let end = 0; end < sealed.length; end++)
      assert.ok('ignored' in seal.open('topic', sealed.subarray(0, end), null));
  });

  test(`${how}: a secret of before reads, and does not seal`, () => {
    const [old, both, fresh] = [createSeal([one], 'a'), createSeal([two, one], 'b'), createSeal([two], 'c')];
    assert.ok('content' in both.open('t', old.close('t', TEXT, secret), 1000));
    assert.ok('content' in fresh.open('t', both.close('t', TEXT, secret), 1000));
    assert.deepEqual(old.open('t', both.close('t', TEXT, secret), 1000), { ignored: 'forged' });
  });
}
