/** Rules of tenants: linear, refused with place and reason. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { createMeter } from '../../../../src/guard/secrets/meter.ts';
import { compileTenantRule, MAX_PATTERN, type TenantRule } from '../../../../src/guard/secrets/tenant.ts';

const scan = (rule: TenantRule, text: string) =>
  createScanner([compileTenantRule(rule)])
    .scan(text)
    .map((one) => [one.rule, one.value, one.start]);

describe('a rule of a tenant', () => {
  it('finds what it says, from a fixed beginning', () => {
    const rule = { id: 'ticket', pattern: 'ACME-[0-9]{6}' };
    assert.deepEqual(scan(rule, 'see ACME-123456, ACME-12 and XACME-654321'), [
      ['ticket', 'ACME-123456', 4],
      ['ticket', 'ACME-654321', 30],
    ]);
    assert.deepEqual(
      scan({ ...rule, pattern: '\\bACME-[0-9]{6}\\b' }, 'see ACME-123456, ACME-1234567 and XACME-654321'),
      [['ticket', 'ACME-123456', 4]],
    );
    assert.deepEqual(scan({ ...rule, ignoreCase: true }, 'acme-123456'), [['ticket', 'acme-123456', 0]]);
    assert.deepEqual(scan(rule, 'acme-123456'), []);
  });

  it('finds what begins with anything, only in texts that have a literal if it names some', () => {
    const rule = { id: 'badge', pattern: '[A-Z]{2}[0-9]{5}[A-Z]' };
    assert.deepEqual(scan(rule, 'ZX12345Q, then AB54321C'), [
      ['badge', 'ZX12345Q', 0],
      ['badge', 'AB54321C', 15],
    ]);
    assert.deepEqual(scan({ ...rule, literals: ['badge'] }, 'ZX12345Q'), []);
    assert.deepEqual(scan({ ...rule, literals: ['badge'] }, 'ZX12345Q is a Badge'), [['badge', 'ZX12345Q', 0]]);
  });

  it('is found in encodings too, and takes the kind and action that it is given', () => {
    const rule = compileTenantRule({
      id: 'ticket',
      title: 'Ticket',
      kind: 'pii',
      pattern: 'ACME-[0-9]{6}',
      action: 'block',
    });
    assert.equal(rule.action, 'block');
    const [one] = createScanner([rule]).scan(Buffer.from('my ticket is ACME-123456').toString('base64'));
    assert.deepEqual([one?.kind, one?.via, one?.value], ['pii', 'base64', 'ACME-123456']);
  });

  const refused: readonly (readonly [string, Partial<TenantRule>, string, RegExp])[] = [
    ['a repeat without an end', { pattern: 'token=[a-z]+' }, 'pattern', /at 6: "\[a-z\]\+" repeats without an end/],
    [
      'one that is written in another way than it is read',
      { pattern: 'ab(x[0-9]{0,})?' },
      'pattern',
      /at 4: "\[0-9\]\{0,\}" r/,
    ],
    ['one in a group, lazy', { pattern: 'x(?P<n>(a|b)+?)' }, 'pattern', /at 7: "\(a\|b\)\+\?" r/],
    ['the second of two that read alike', { pattern: '[.*]{1,2}.*' }, 'pattern', /at 9: "\.\*" r/],
    ['a nested repeat without an end', { pattern: 'abc(?:x*){1,3}' }, 'pattern', /repeats without an end/],
    ['a back reference', { pattern: 'abc(d)\\1' }, 'pattern', /at 6: back references/],
    ['a look ahead, which RE2 has not', { pattern: 'abc(?=d)' }, 'pattern', /\(\?=/],
    ['a group without its end', { pattern: 'abc(d' }, 'pattern', /at 5/],
    ['repeats that multiply', { pattern: 'abc(?:[a-z]{1,90}[0-9]{1,90}){1,90}' }, 'pattern', /characters|steps|repeat/],
    ['a match that is too long', { pattern: 'abc[a-z]{999}' }, 'pattern', /1002 characters/],
    ['one that matches next to nothing', { pattern: 'a?b?c' }, 'pattern', /at least 3/],
    ['a pattern that is too long', { pattern: `a${'b'.repeat(MAX_PATTERN)}` }, 'pattern', /1001 characters/],
    ['syntax that reads differently elsewhere', { pattern: '(?i)abcd' }, 'pattern', /at 0/],
    ['an id that is none', { id: 'My Rule' }, 'id', /a-z/],
    ['a literal of one character', { literals: ['ab', 'x'] }, 'literals.1', /2 to 64/],
    ['too many literals', { literals: Array.from({ length: 33 }, (_, at) => `lit${at}`) }, 'literals', /32/],
  ];
  for (const [name, part, path, reason] of refused) {
    it(`is refused: ${name}`, () => {
      assert.throws(
        () => compileTenantRule({ id: 'x', pattern: 'abc[0-9]{2}', ...part }),
        (error) =>
          error instanceof GoblinError &&
          error.code === 'invalid_request' &&
          error.errors?.[0]?.path === path &&
          reason.test(error.errors[0].message),
      );
    });
  }

  it('takes linear time where an expression of JavaScript would not end', () => {
    const pattern = '(?:a{1,9}){2,9}bb|(?:a|aa|aaa){3,30}c|(?:x{1,20}y?){1,20}z{3}';
    const rule = compileTenantRule({ id: 'slow', pattern }, createMeter(Number.POSITIVE_INFINITY));
    const scanner = createScanner([rule]);
    const spent = (text: string): number => {
      const before = process.cpuUsage().user;
      scanner.scan(text);
      return (process.cpuUsage().user - before) / 1000;
    };
    const text = (size: number): string => 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!xxxxxxxxxxxxxxxxxxx!'.repeat(size / 50);
    spent(text(5000));
    const one = spent(text(10_000));
    const eight = spent(text(80_000));
    assert.ok(eight < 200 || eight < one * 40, `${one} ms, then ${eight} ms`);
  });
});
