/**
 * What goes into Redis is sealed, because others may read and write there too: its content is encrypted, and nothing that
 * is read back decides anything before its seal was checked (AES-256-GCM). Layout: `G2`, 12 bytes of nonce, 16 of tag, 8
 * of time, 8 of sender, content. The seal also covers the purpose and the place, so that nothing can be moved from one
 * topic to another.
 *
 * Each sender has a new key every hour: random nonces must not be more than 2^32 under one key (NIST SP 800-38D).
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomFillSync } from 'node:crypto';

export type Ignored = 'foreign' | 'malformed' | 'forged' | 'old';
export type Opened = { content: Buffer; own: boolean } | { ignored: Ignored };

export interface Seal {
  close(place: string, content: string): Buffer;
  /** `oldMs`: how far the time of the sender may lie from ours; null for what does not age. */
  open(place: string, sealed: Buffer, oldMs: number | null): Opened;
}

const VERSION = Buffer.from('G2');
const NONCE_AT = 2;
const TAG_AT = 14;
const TIME_AT = 30;
const SENDER_AT = 38;
const CONTENT_AT = 46;

const HOUR = 3_600_000;
const MOST_REMEMBERED = 1000;

/** `secrets`: the one in use, which seals; then those whose messages are read too. One at least. */
export function createSeal(secrets: readonly Buffer[], instance: string): Seal {
  // Keys of their own: what they seal says nothing about other uses of the secret.
  const roots = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', 'goblin redis seal 2', 32)));
  const sender = createHash('sha256').update(instance).digest().subarray(0, 8);
  const keys = new Map<string, Buffer>();

  function keyOf(root: number, of: Buffer, time: number): Buffer {
    const name = `${root} ${of.toString('latin1')} ${Math.floor(time / HOUR)}`;
    let key = keys.get(name);
    if (key === undefined) {
      key = createHmac('sha256', roots[root] as Buffer)
        .update(name)
        .digest();
      if (keys.size >= MOST_REMEMBERED) keys.clear();
      keys.set(name, key);
    }
    return key;
  }

  const placed = (place: string, sealed: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${place}\0`), sealed.subarray(TIME_AT, CONTENT_AT)]);

  function content(root: number, place: string, sealed: Buffer): Buffer | null {
    const key = keyOf(root, sealed.subarray(SENDER_AT, CONTENT_AT), sealed.readDoubleBE(TIME_AT));
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(NONCE_AT, TAG_AT), { authTagLength: 16 });
      decipher.setAAD(placed(place, sealed)).setAuthTag(sealed.subarray(TAG_AT, TIME_AT));
      const text = decipher.update(sealed.subarray(CONTENT_AT));
      decipher.final();
      return text;
    } catch {
      return null;
    }
  }

  return {
    close(place, text) {
      const now = Date.now();
      const head = Buffer.allocUnsafe(CONTENT_AT);
      VERSION.copy(head, 0);
      randomFillSync(head, NONCE_AT, TAG_AT - NONCE_AT);
      head.writeDoubleBE(now, TIME_AT);
      sender.copy(head, SENDER_AT);
      const cipher = createCipheriv('aes-256-gcm', keyOf(0, sender, now), head.subarray(NONCE_AT, TAG_AT));
      cipher.setAAD(placed(place, head));
      const sealed = cipher.update(text, 'utf8');
      cipher.final();
      cipher.getAuthTag().copy(head, TAG_AT);
      return Buffer.concat([head, sealed]);
    },
    open(place, sealed, oldMs) {
      if (sealed.length < 2 || sealed[0] !== VERSION[0] || sealed[1] !== VERSION[1]) return { ignored: 'foreign' };
      if (sealed.length < CONTENT_AT) return { ignored: 'malformed' };
      let opened: Buffer | null = null;
      for (let root = 0; root < roots.length && opened === null; root++) opened = content(root, place, sealed);
      if (opened === null) return { ignored: 'forged' };
      // Both ways: a clock that runs ahead must not make tickets that live for ever.
      if (oldMs !== null && !(Math.abs(Date.now() - sealed.readDoubleBE(TIME_AT)) <= oldMs)) return { ignored: 'old' };
      return { content: opened, own: sender.equals(sealed.subarray(SENDER_AT, CONTENT_AT)) };
    },
  };
}

export function nothingIgnored(): Record<Ignored, number> {
  return { foreign: 0, malformed: 0, forged: 0, old: 0 };
}
