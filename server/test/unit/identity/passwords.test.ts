import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GoblinError } from '../../../src/contract/errors.ts';
import { badPassword, createPasswords } from '../../../src/identity/passwords.ts';

const passwords = createPasswords();

describe('passwords', () => {
  it('are stored as Argon2id with parameters and salt, and hold', async () => {
    const stored = await passwords.hash('correct horse battery');
    assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.notEqual(stored, await passwords.hash('correct horse battery'));
    assert.ok(await passwords.verify('correct horse battery', stored));
    assert.ok(!(await passwords.verify('correct horse batterz', stored)));
    assert.ok(!(await passwords.verify('', stored)));
  });

  it('of other parameters hold too: a vector of the reference implementation', async () => {
    // `hashtest(version, 2, 16, 1, "password", "somesalt", …, Argon2_id)` in its `test.c`.
    const stored = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    assert.ok(await passwords.verify('password', stored));
    assert.ok(!(await passwords.verify('Password', stored)));
  });

  it('are never right for nobody, nor against what is no hash', async () => {
    for (const stored of [
      null,
      '',
      '$argon2id$',
      '$argon2d$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA',
      'plain',
    ]) {
      assert.equal(await passwords.verify('plain', stored), false, String(stored));
    }
  });

  it('take as long to refuse for nobody as for somebody', async () => {
    const stored = await passwords.hash('correct horse battery');
    const time = async (against: string | null) => {
      // Of the processor, in all threads: what others do meanwhile does not count.
      const before = process.cpuUsage();
      await passwords.verify('wrong horse battery', against);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    const median = (list: number[]) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
    const some: number[] = [];
    const none: number[] = [];
    for (let n = 0; n < 15; n++) {
      some.push(await time(stored));
      none.push(await time(null));
    }
    const ratio = median(some) / median(none);
    assert.ok(ratio > 0.6 && ratio < 1.7, `${ratio}`);
  });

  it('that are new must be long enough, and be something', () => {
    const bad: [unknown, RegExp][] = [
      ['short', /12 characters/],
      [undefined, /text/],
      ['a'.repeat(20), /different/],
      ['ada@example.com rocks', /e-mail/],
      ['x'.repeat(2000), /at most/],
      ['\ud800 broken surrogate', /text/],
    ];
    for (const [password, why] of bad) assert.match(badPassword(password, 'ada@example.com') ?? '', why);
    assert.equal(badPassword('correct horse battery', 'ada@example.com'), null);
    assert.equal(badPassword('contraseña segura ✓', null), null);
  });

  it('are made a few at a time; too many are told to come back', async () => {
    const all = await Promise.allSettled(Array.from({ length: 90 }, () => passwords.verify('x', null)));
    const refused = all.filter((one) => one.status === 'rejected');
    assert.ok(refused.length > 0 && refused.length < 40, String(refused.length));
    assert.ok(refused.every((one) => one.reason instanceof GoblinError && one.reason.code === 'unavailable'));
    assert.equal(await passwords.verify('x', null), false, 'and afterwards all is well');
  });
});
