/**
 * Passwords: Argon2id in the form of PHC strings, made off the event loop and few at a time. Parameters as the OWASP
 * Password Storage Cheat Sheet has them (19 MiB, 2 passes, 1 lane): 35 ms here.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { GoblinError } from '../contract/errors.ts';

const MEMORY = 19_456;
const PASSES = 2;
const LANES = 1;
const TAG = 32;
const SALT = 16;

const LEAST = 12;
/** Bytes. */
const MOST = 1024;

/** Two take two threads of the pool's four: file and name look-ups must go on. */
const AT_ONCE = 2;
const MOST_WAITING = 64;

interface Parameters {
  memory: number;
  passes: number;
  lanes: number;
  salt: Buffer;
  tag: Buffer;
}

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Against null it takes as long, and is false. */
  verify(password: string, stored: string | null): Promise<boolean>;
}

/** What is wrong with a new password; null when it may be one. */
export function badPassword(password: unknown, email: string | null): string | null {
  if (typeof password !== 'string') return 'must be a text';
  if (!password.isWellFormed() || Buffer.byteLength(password) > MOST) return `must be at most ${MOST} bytes of text`;
  if ([...password].length < LEAST) return `must have at least ${LEAST} characters`;
  if (new Set(password).size < 5) return 'must have at least 5 different characters';
  if (email !== null && password.toLowerCase().includes(email.toLowerCase())) return 'must not hold the e-mail address';
  return null;
}

export function createPasswords(): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) {
      if (waiting.length >= MOST_WAITING) {
        throw new GoblinError('unavailable', 'Too many sign in at once; try again in a moment.', {
          retryAfterMs: 2000,
        });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  }

  const make = (password: string, salt: Buffer, memory: number, passes: number, lanes: number, length: number) =>
    inTurn(
      () =>
        new Promise<Buffer>((resolve, reject) => {
          const parameters = { nonce: salt, memory, passes, parallelism: lanes, tagLength: length };
          argon2('argon2id', { message: Buffer.from(password), ...parameters }, (error, tag) =>
            error ? reject(error) : resolve(tag),
          );
        }),
    );

  /** Of no password: who is not known is checked against it. */
  const nobody: Parameters = {
    memory: MEMORY,
    passes: PASSES,
    lanes: LANES,
    salt: randomBytes(SALT),
    tag: randomBytes(TAG),
  };

  return {
    async hash(password) {
      const salt = randomBytes(SALT);
      const tag = await make(password, salt, MEMORY, PASSES, LANES, TAG);
      return `$argon2id$v=19$m=${MEMORY},t=${PASSES},p=${LANES}$${plain(salt)}$${plain(tag)}`;
    },
    async verify(password, stored) {
      const known = stored === null ? null : parse(stored);
      const { memory, passes, lanes, salt, tag } = known ?? nobody;
      // A longer one cannot have been accepted, and would only cost time.
      const made = await make(password.slice(0, MOST), salt, memory, passes, lanes, tag.length);
      return timingSafeEqual(made, tag) && known !== null && password.length <= MOST;
    },
  };
}

const plain = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Null for what is no such hash: nobody gets in by it. */
function parse(stored: string): Parameters | null {
  const match = PHC.exec(stored);
  if (!match) return null;
  const [, memory, passes, lanes, salt = '', tag = ''] = match;
  return {
    memory: Number(memory),
    passes: Number(passes),
    lanes: Number(lanes),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  };
}
