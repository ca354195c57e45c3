/** Which pieces of calls this process has stored (bodies.ts). */
import { hash } from 'node:crypto';

/** Makes one piece of two tenants, or of two days, two things. */
export const saltOf = (tenant: string, day: string): Buffer => hash('sha256', `${day}\n${tenant}`, 'buffer');

/** Places in which one piece may stand: with one alone, two pieces of an agent could push each other out at every turn. */
const WAYS = 4;

/**
 * What this process has stored: a table of fixed size in which later pieces take the place of earlier ones (a `Map` of
 * what comes and goes would cost collections: see contract/bag.ts). One that is forgotten is sent once more.
 */
export function createKnown(slots: number) {
  const sets = Math.ceil(slots / WAYS);
  const tags = new Uint32Array(sets * WAYS * 4);
  const word = (salt: Buffer, digest: Buffer, n: number) =>
    (salt.readUInt32LE(n * 4) ^ digest.readUInt32LE(n * 4)) >>> 0;
  const placeOf = (salt: Buffer, digest: Buffer) => (word(salt, digest, 0) % sets) * WAYS * 4;
  const isAt = (place: number, salt: Buffer, digest: Buffer): boolean => {
    for (let n = 0; n < 4; n++) if (tags[place + n] !== word(salt, digest, n)) return false;
    return true;
  };
  const has = (salt: Buffer, digest: Buffer): boolean => {
    const first = placeOf(salt, digest);
    for (let way = 0; way < WAYS; way++) if (isAt(first + way * 4, salt, digest)) return true;
    return false;
  };
  return {
    has,
    add(salt: Buffer, digest: Buffer): void {
      if (has(salt, digest)) return;
      const first = placeOf(salt, digest);
      tags.copyWithin(first + 4, first, first + (WAYS - 1) * 4);
      for (let n = 0; n < 4; n++) tags[first + n] = word(salt, digest, n);
    },
    forget(): void {
      tags.fill(0);
    },
  };
}
