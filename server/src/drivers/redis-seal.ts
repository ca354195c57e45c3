/**
 * What goes into Redis is sealed, because others may write there too: nothing that is read back decides anything before
 * its seal was checked. Layout: `G1`, 16 bytes of seal, 8 of time, 8 of sender, content. The seal also covers the
 * purpose and the place, so that nothing can be moved from one topic to another.
 */
import { createHash, createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto';

export type Ignored = 'foreign' | 'malformed' | 'forged' | 'old';
export type Opened = { content: Buffer; own: boolean } | { ignored: Ignored };

export interface Seal {
  close(place: string, content: string): Buffer;
  /** `oldMs`: how far the time of the sender may lie from ours; null for what does not age. */
  open(place: string, sealed: Buffer, oldMs: number | null): Opened;
}

const VERSION = Buffer.from('G1');
const SEAL_AT = 2;
const TIME_AT = 18;
const SENDER_AT = 26;
const CONTENT_AT = 34;

export function createSeal(secret: Buffer, instance: string): Seal {
  // A key of its own: what it seals says nothing about other uses of the secret.
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'goblin redis seal 1', 32)));
  const sender = createHash('sha256').update(instance).digest().subarray(0, 8);
  const sealOf = (place: string, sealed: Buffer) =>
    createHmac('sha256', key).update(place).update('\0').update(sealed.subarray(TIME_AT)).digest();

  return {
    close(place, content) {
      const sealed = Buffer.allocUnsafe(CONTENT_AT + Buffer.byteLength(content));
      VERSION.copy(sealed, 0);
      sealed.writeDoubleBE(Date.now(), TIME_AT);
      sender.copy(sealed, SENDER_AT);
      sealed.write(content, CONTENT_AT);
      sealOf(place, sealed).copy(sealed, SEAL_AT, 0, TIME_AT - SEAL_AT);
      return sealed;
    },
    open(place, sealed, oldMs) {
      if (sealed.length < 2 || sealed[0] !== VERSION[0] || sealed[1] !== VERSION[1]) return { ignored: 'foreign' };
      if (sealed.length < CONTENT_AT) return { ignored: 'malformed' };
      const seal = sealOf(place, sealed).subarray(0, TIME_AT - SEAL_AT);
      if (!timingSafeEqual(seal, sealed.subarray(SEAL_AT, TIME_AT))) return { ignored: 'forged' };
      // Both ways: a clock that runs ahead must not make tickets that live for ever.
      if (oldMs !== null && !(Math.abs(Date.now() - sealed.readDoubleBE(TIME_AT)) <= oldMs)) return { ignored: 'old' };
      return {
        content: sealed.subarray(CONTENT_AT),
        own: sender.equals(sealed.subarray(SENDER_AT, CONTENT_AT)),
      };
    },
  };
}

export function nothingIgnored(): Record<Ignored, number> {
  return { foreign: 0, malformed: 0, forged: 0, old: 0 };
}
