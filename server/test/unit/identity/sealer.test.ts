/** What rests encrypted: opened by its secret, in its place, and by nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ringOf } from '../../../src/identity/ring.ts';
import { createSealer } from '../../../src/identity/sealer.ts';
import { createTokens } from '../../../src/identity/tokens.ts';

const [OLD, NEW] = ['o'.repeat(40), 'n'.repeat(40)];
const old = createSealer(ringOf(OLD));
const both = createSealer(ringOf(NEW, [OLD, NEW]));
const fresh = createSealer(ringOf(NEW));

test('it opens as what it was, where it was sealed', () => {
  for (const text of ['', 'a key', 'x'.repeat(1_000_000)]) {
    const sealed = old.seal('use', 'scope', 'place', text);
    assert.equal(old.open(old.keyId, 'use', 'scope', 'place', sealed)?.toString(), text);
    for (const [use, scope, place] of [
      ['other', 'scope', 'place'],
      ['use', 'other', 'place'],
      ['use', 'scope', 'other'],
    ] as const) {
      assert.equal(old.open(old.keyId, use, scope, place, sealed), null);
    }
  }
});

test('no byte can be changed, taken away or added', () => {
  const sealed = old.seal('use', 'scope', 'place', 'a key');
  for (let at = 0; at < sealed.length; at++) {
    const wrong = Buffer.from(sealed);
    wrong[at] = (wrong[at] as number) ^ 1;
    assert.equal(old.open(old.keyId, 'use', 'scope', 'place', wrong), null);
    assert.equal(old.open(old.keyId, 'use', 'scope', 'place', sealed.subarray(0, at)), null);
  }
  assert.equal(old.open(old.keyId, 'use', 'scope', 'place', Buffer.concat([sealed, Buffer.alloc(1)])), null);
});

test('the same is never sealed alike', () => {
  const texts = new Set(Array.from({ length: 100 }, () => old.seal('u', 's', 'p', 'same').toString('hex')));
  assert.equal(texts.size, 100);
});

test('a secret of before opens what it sealed; the new one seals; without it nothing opens', () => {
  const sealed = old.seal('use', 'scope', 'place', 'of before');
  assert.equal(both.open(old.keyId, 'use', 'scope', 'place', sealed)?.toString(), 'of before');
  assert.equal(fresh.open(old.keyId, 'use', 'scope', 'place', sealed), null);
  assert.equal(both.open(fresh.keyId, 'use', 'scope', 'place', sealed), null);
  assert.equal(both.keyId, fresh.keyId);
  assert.deepEqual([both.knows(old.keyId), fresh.knows(old.keyId)], [true, false]);
});

test('tokens of a secret of before hold, and those of a stranger do not', async () => {
  const tokens = createTokens(NEW, [OLD]);
  const before = await createTokens(OLD).session('ses_1', 'acc_1', 60);
  assert.equal((await tokens.readSession(before))?.session, 'ses_1');
  assert.equal(await createTokens(NEW).readSession(before), null);
  assert.equal(await tokens.readSession(await createTokens('s'.repeat(40)).session('ses_1', 'acc_1', 60)), null);
  assert.ok(await createTokens(NEW).readSession(await tokens.session('ses_2', 'acc_1', 60)));
});
