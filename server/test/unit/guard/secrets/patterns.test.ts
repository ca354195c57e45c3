/** No pattern is super-linear: by its structure, and by the clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import {
  cutOff,
  firstChars,
  longest,
  type Node,
  PatternError,
  parsePattern,
  shortest,
} from '../../../../src/guard/secrets/pattern.ts';
import type { Rule } from '../../../../src/guard/secrets/rule.ts';
import { PII_RULES, SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';

const RULES = [...SECRET_RULES, ...PII_RULES];
const EXPRESSIONS = RULES.filter((rule): rule is Rule & { pattern: RegExp } => rule.pattern instanceof RegExp);

/**
 * An upper bound of the ways in which an expression can be tried at one place. A repeat whose next character cannot
 * be one of its own has a single way, and so has what nothing follows; any other has one for each number of rounds.
 * Alternatives add, sequences multiply.
 */
function ways(node: Node, flags: string, next: Uint8Array | null = null): number {
  switch (node.type) {
    case 'set':
    case 'look':
      return 1;
    case 'group':
      return ways(node.body, flags, next);
    case 'any':
      return node.branches.reduce((sum, branch) => sum + ways(branch, flags, next), 0);
    case 'seq':
      return node.items.reduce((product, item, at) => {
        const rest: Node = { type: 'seq', items: node.items.slice(at + 1) };
        const after = shortest(rest) > 0 ? firstChars(rest, flags) : next;
        return product * ways(item, flags, after);
      }, 1);
    case 'repeat': {
      const body = ways(node.body, flags, firstChars(node.body, flags));
      const own = firstChars(node.body, flags);
      const clear = next === null || !own.some((set, code) => set === 1 && next[code] === 1);
      const rounds = node.min === node.max || clear ? 1 : node.max - node.min + 1;
      // Ways within a round multiply with every round.
      return rounds * (body === 1 ? 1 : body ** node.max);
    }
  }
}

describe('the structure of patterns', () => {
  it('is bounded, and can be tried in a bounded number of ways at each place', (test) => {
    let worst: readonly [number, string] = [0, ''];
    for (const { id, pattern, maxLength } of EXPRESSIONS) {
      const tree = parsePattern(pattern.source);
      assert.ok(longest(tree) < 20_000, `${id}: ${longest(tree)} characters`);
      assert.equal(maxLength, undefined, id);
      const count = ways(tree, pattern.flags);
      if (count > worst[0]) worst = [count, id];
      assert.ok(count <= 10_000, `${id}: ${count} ways`);
    }
    test.diagnostic(`${EXPRESSIONS.length} expressions, at most ${worst[0]} ways (${worst[1]})`);
  });

  it('every rule has a prefilter, so that clean text costs nothing for it', () => {
    for (const { id, literals, at } of RULES) {
      assert.ok(at !== undefined || (literals?.length ?? 0) > 0, id);
      for (const literal of literals ?? []) assert.ok(literal.length >= (id === 'email' ? 1 : 2), `${id}: ${literal}`);
    }
  });
});

describe('the reader of patterns', () => {
  it('knows the longest and shortest match and what comes first', () => {
    const tree = parsePattern('(?:ab|c[d-f]{2,4})x?(?=y)');
    assert.equal(longest(tree), 6);
    assert.equal(shortest(tree), 2);
    const first = firstChars(tree, '');
    assert.deepEqual(
      [...first.entries()].filter(([, set]) => set === 1).map(([code]) => String.fromCharCode(code)),
      ['a', 'c'],
    );
    assert.equal(longest(parsePattern('a+')), Infinity);
  });

  it('says where a pattern is wrong', () => {
    for (const [source, at] of [
      ['a(b', 3],
      ['a)b', 1],
      ['[a', 2],
      ['*a', 0],
      ['(a)\\1', 3],
      ['a{3,1}', 6],
      ['a\\', 1],
      ['(?<=a)*', 6],
      ['a{2}{3}', 4],
    ] as const) {
      assert.throws(
        () => parsePattern(source),
        (error) => error instanceof PatternError && error.at === at,
        source,
      );
    }
  });

  it('makes of a pattern one that matches all its beginnings, to the end of the text', () => {
    const sources = [
      'ab{2,3}c',
      '(?:ab|cd){2}e?f',
      'x[0-9]{1,3}(?:-[a-f]{2})*y',
      'k=(?:"[a-z]{2,5}"|[a-z]{2,5})(?![a-z])',
      '(?<![a-z])q{2}r',
    ];
    const samples = ['abbc', 'abbbc', 'abcdef', 'cdabf', 'x12-af-cdy', 'x1y', 'k="abc"', 'k=abcd', 'qqr'];
    for (const source of sources) {
      const whole = new RegExp(source, 'y');
      const partial = new RegExp(cutOff(parsePattern(source)), 'y');
      for (const sample of samples) {
        whole.lastIndex = 0;
        if (!whole.test(sample)) continue;
        for (let length = 1; length < sample.length; length++) {
          partial.lastIndex = 0;
          assert.ok(partial.test(sample.slice(0, length)), `${source} on ${sample.slice(0, length)}`);
        }
        partial.lastIndex = 0;
        assert.ok(!partial.test(`${sample}!!`) || /\*/.test(source), `${source} on ${sample}!!`);
      }
    }
  });
});

describe('the clock', () => {
  const scanner = createScanner(RULES);
  const literals = [...new Set(RULES.flatMap((rule) => rule.literals ?? []))];
  const bodies = ['', 'aA1', 'aA1_'.repeat(20), '='.repeat(3), ' '];
  const others = [
    'a',
    '1',
    'A=',
    '/',
    '\n',
    '\\',
    '%',
    '&',
    '"',
    '1-',
    '1 ',
    '+1 ',
    'AB12',
    'key = "',
    'password: ',
    '://a:b@',
    'a@a.',
    'eyJa.',
    '[[',
    '\\u00',
    '%41',
    '&#65;',
    '\u200b',
    '\uff21',
    'VVVV-',
    'dGhl',
    `${'dGhl'.repeat(19)}\n`,
    '-----BEGIN RSA PRIVATE KEY-----\nabc',
    'PuTTY-User-Key-File-2: a\n',
    '4111 ',
  ];
  const seeds = [...others, ...literals.map((literal, at) => literal + (bodies[at % bodies.length] ?? ''))];
  const spent = (text: string): number => {
    let best = Infinity;
    for (let turn = 0; turn < 2; turn++) {
      const before = process.cpuUsage();
      scanner.scan(text);
      const { user, system } = process.cpuUsage(before);
      best = Math.min(best, user + system);
    }
    return best / 1000;
  };
  const repeated = (seed: string, size: number): string => seed.repeat(Math.ceil(size / seed.length)).slice(0, size);

  it('eight times the text takes no more than eight times as long, with slack, whatever is repeated', (test) => {
    let worst = 0;
    let worstSeed = '';
    for (const seed of seeds) {
      const small = repeated(seed, 5_000);
      const large = repeated(seed, 40_000);
      scanner.scan(small);
      const one = spent(small);
      const eight = spent(large);
      // Below some milliseconds the clock says nothing; a quadratic step would take 64 times as long.
      assert.ok(eight < 20 || eight < one * 30, `${JSON.stringify(seed.slice(0, 40))}: ${one} ms, then ${eight} ms`);
      if (eight > worst) [worst, worstSeed] = [eight, seed];
    }
    test.diagnostic(
      `${seeds.length} texts; the slowest takes ${((worst * 1e6) / 40_000).toFixed(0)} ns a character: ${JSON.stringify(worstSeed.slice(0, 30))}`,
    );
    assert.ok(worst < 1000);
  });
});
