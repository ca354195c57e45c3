/** Repeatable random strings: fakes are put together when a test runs, so that none stands in a file. */

export const LOWER = 'abcdefghijklmnopqrstuvwxyz';
export const UPPER = LOWER.toUpperCase();
export const DIGITS = '0123456789';
export const ALNUM = UPPER + LOWER + DIGITS;
export const HEX = `${DIGITS}abcdef`;
export const URLSAFE = `${ALNUM}-_`;
export const BASE64 = `${ALNUM}+/`;

export interface Random {
  /** A whole number below `limit`. */
  below(limit: number): number;
  /** `length` characters, the first and last of them never a sign. */
  text(length: number, alphabet?: string): string;
  pick<T>(items: readonly T[]): T;
}

/** mulberry32, a public-domain generator of 32 bits. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    text(length, alphabet = ALNUM) {
      const inner = [...alphabet];
      const edge = inner.filter((char) => /[A-Za-z0-9]/.test(char));
      return Array.from({ length }, (_, at) => {
        const from = at === 0 || at === length - 1 ? edge : inner;
        return from[below(from.length)] ?? '';
      }).join('');
    },
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
  };
}
