/**
 * Text that is made to take the scanner's time: whatever its shape, twice as much takes twice as long, and no shape takes
 * more than a known multiple of prose. In processor time, as ratios: no machine is too slow for them.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { createScanner, type Scanner } from '../../../../src/guard/secrets/engine.ts';
import { SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { createStreamScanner } from '../../../../src/guard/secrets/stream.ts';

const CHARS = 240_000;
const RANDOM = randomBytes(CHARS);
const PROSE =
  'Dear Ms Harper, thank you for your letter of the 14th. The committee met on Tuesday and agreed that the garden party ' +
  'should go ahead even if it rains; please ask the caterer for a revised estimate, and tell the band to park behind. ';

type Shape = readonly [name: string, make: (chars: number) => string];
const of = (piece: string): Shape => [piece.slice(0, 24), (chars) => fill(piece, chars)];
const fill = (piece: string, chars: number): string => piece.repeat(Math.ceil(chars / piece.length)).slice(0, chars);

function nested(chars: number): string {
  let text = 'x';
  while (text.length < 3000) text = JSON.stringify({ a: text });
  return fill(text, chars);
}

function deepBase64(chars: number): string {
  let text = 'hello world, this is text ';
  while (text.length < chars) text = Buffer.from(text).toString('base64');
  return text.slice(0, chars);
}

/** Nothing to look at, or next to nothing. */
const IDLE: readonly Shape[] = [
  ...[
    '1234567890',
    '0',
    '"',
    "'",
    '{',
    '[',
    '{"a":',
    '-',
    '=',
    '@',
    '.',
    ' ',
    '\n',
    ',',
    '/',
    '_',
    '~Q~',
    '123456789:',
  ].map(of),
];
/** Encodings that are undone, and runs that could be one. */
const ENCODED: readonly Shape[] = [
  ['one run of base64', (chars) => RANDOM.toString('base64').slice(0, chars)],
  ['one run of URL-safe base64', (chars) => RANDOM.toString('base64url').slice(0, chars)],
  ['lines of base64', (chars) => RANDOM.toString('base64').replace(/.{76}/g, '$&\n').slice(0, chars)],
  ['base64 in base64', deepBase64],
  ['JSON in JSON', nested],
  ['hex', (chars) => RANDOM.toString('hex').slice(0, chars)],
  ...['a', 'A', '\\', '\\"', '\\u0041', '\\u005c', '%41', '%25', '&#65;', '&amp;', 'a\u200b', 'ａ'].map(of),
  ['an endless key', (chars) => `-----BEGIN ${'PRIVATE KEY-----'}\n${'A'.repeat(chars)}`.slice(0, chars)],
  ...['-----BEGIN ', '://', 'http://a:', 'a@b.', 'eyJ'].map(of),
];
/** A place to look at every few characters. */
const DENSE: readonly Shape[] = [
  ...['password=', 'password1=', 'password: "', 'token="a', 'Authorization: ', 'Bearer ', 'Basic ', 'AccountKey='].map(
    of,
  ),
  ...['Server=a;Password=', 'key,secret,token,password\n', 'export A="$(', 'sk-', 'sk-proj-', 'ghp_', 'AKIA'].map(of),
  ...['eyJhbGciOiJIUzI1NiJ9.', 'sk-AKIAghp_xoxb-eyJ-----BEGIN password= '].map(of),
  of(`${['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('')} `),
  of(`DB_PASSWORD=${['q7Hx92', 'kLpZ3v'].join('')}\n`),
];

/** Flat, as they come from a body. Milliseconds of processor time, the best of several. */
function spent(scanner: Scanner, text: string, turns = 3): number {
  const flat = Buffer.from(text).toString('utf8');
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < turns; turn++) {
    const before = process.cpuUsage();
    scanner.scan(flat);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

/** What else runs may take time away from a turn, and never adds to all of them. */
function atBest(turns: number, look: () => number): number {
  for (let left = turns - 1; ; left--) {
    try {
      return look();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

describe('text that is made to take time', () => {
  const scanner = createScanner(SECRET_RULES);
  spent(scanner, fill(PROSE, CHARS), 5);
  const prose = Math.max(0.5, spent(scanner, fill(PROSE, CHARS), 7));

  for (const [what, shapes, most] of [
    ['has nothing to look at', IDLE, 15],
    ['is encoded, or could be', ENCODED, 60],
    ['has a name or a beginning everywhere', DENSE, 150],
  ] as const) {
    it(`${what}: ${shapes.length} shapes, at most ${most} times as long as prose, and in step with their length`, (t) => {
      let worst: [number, string] = [0, ''];
      for (const [name, make] of shapes) {
        const times = atBest(4, () => {
          const whole = spent(scanner, make(CHARS));
          const half = Math.max(1.5, spent(scanner, make(CHARS / 2)));
          assert.ok(whole / prose <= most, `${name}: ${(whole / prose).toFixed(1)} times as long as prose`);
          // Squared it would be 4.
          assert.ok(whole <= 3.2 * half, `${name}: ${half.toFixed(1)} ms for half, ${whole.toFixed(1)} ms`);
          return whole / prose;
        });
        if (times > worst[0]) worst = [times, name];
      }
      t.diagnostic(`the slowest is ${JSON.stringify(worst[1])}, ${worst[0].toFixed(1)} times as long as prose`);
    });
  }

  it('comes in pieces: a stream takes it in step with its length too, and ends with the whole text', () => {
    for (const [name, make] of [...IDLE, ...ENCODED, ...DENSE].filter((_, at) => at % 5 === 0)) {
      atBest(4, () => {
        const [half = 0, whole = 0] = [3000, 6000].map((chars) => {
          const text = make(chars);
          const stream = createStreamScanner(scanner);
          const before = process.cpuUsage();
          let shown = 0;
          for (let at = 0; at < text.length; at += 7) shown += stream.push(text.slice(at, at + 7)).text.length;
          shown += stream.end().text.length;
          const { user, system } = process.cpuUsage(before);
          assert.equal(shown, text.length, name);
          return (user + system) / 1000;
        });
        assert.ok(whole <= 3.2 * Math.max(5, half), `${name}: ${half.toFixed(1)} ms for half, ${whole.toFixed(1)} ms`);
        return whole;
      });
    }
  });
});
