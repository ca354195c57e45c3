/**
 * What goes into Redis is sealed, because others may write there too: nothing that is read back decides anything before
 * its seal was checked. Layout: `G1`, 16 bytes of HMAC, 8 of time, 8 of sender, content. The seal also covers the purpose
 * and the place, so that nothing can be moved from one topic to another.
 *
 * What nobody may read there is encrypted too (AES-256-GCM, five times as dear): `G2`, 12 bytes of nonce, 16 of tag, then
 * the same. Each sender has a new key every hour: random nonces must not be more than 2^32 under one key (NIST SP 800-38D).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto';

export type Ignored = 'foreign' | 'malformed' | 'forged' | 'old';
export type Opened = { content: Buffer; own: boolean } | { ignored: Ignored };

export interface Seal {
  /** `secret`: nobody else may read it. */
  close(place: string, content: string, secret?: boolean): Buffer;
  /** `oldMs`: how far the time of the sender may lie from ours; null for what does not age. */
  open(place: string, sealed: Buffer, oldMs: number | null): Opened;
}

const MARK = 'G'.charCodeAt(0);
const PLAIN = '1'.charCodeAt(0);
const SECRET = '2'.charCodeAt(0);
/** Where time, sender and content begin behind a seal of this length. */
const places = (seal: number) => ({ time: 2 + seal, sender: 10 + seal, content: 18 + seal });
const HMAC_BYTES = 16;
const NONCE_BYTES = 12;
const AT_PLAIN = places(HMAC_BYTES);
const AT_SECRET = places(NONCE_BYTES + 16);
const TAG_AT = 2 + NONCE_BYTES;

const HOUR = 3_600_000;
const MOST_REMEMBERED = 1000;

/** `secrets`: the one in use, which seals; then those whose messages are read too. One at least. */
export function createSeal(secrets: readonly Buffer[], instance: string): Seal {
  // Keys of their own: what they seal says nothing about other uses of the secret.
  const derived = (use: string) => secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', use, 32)));
  const keys = derived('goblin redis seal 1').map((key) => createSecretKey(key));
  const roots = derived('goblin redis seal 2');
  const self = createHash('sha256').update(instance).digest().subarray(0, 8);
  const hours = new Map<string, KeyObject>();

  const hmac = (key: KeyObject, place: string, sealed: Buffer): Buffer =>
    createHmac('sha256', key).update(place).update('\0').update(sealed.subarray(AT_PLAIN.time)).digest();

  function hourKey(root: number, sender: Buffer, time: number): KeyObject {
    const name = `${root} ${sender.toString('latin1')} ${Math.floor(time / HOUR)}`;
    let key = hours.get(name);
    if (key === undefined) {
      key = createSecretKey(
        createHmac('sha256', roots[root] as Buffer)
          .update(name.slice(name.indexOf(' ')), 'latin1')
          .digest(),
      );
      if (hours.size >= MOST_REMEMBERED) hours.clear();
      hours.set(name, key);
    }
    return key;
  }

  const bound = (place: string, sealed: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${place}\0`), sealed.subarray(AT_SECRET.time, AT_SECRET.content)]);

  function decrypt(root: number, place: string, sealed: Buffer): Buffer | null {
    const sender = sealed.subarray(AT_SECRET.sender, AT_SECRET.content);
    const key = hourKey(root, sender, sealed.readDoubleBE(AT_SECRET.time));
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(2, TAG_AT), { authTagLength: 16 });
      decipher.setAAD(bound(place, sealed)).setAuthTag(sealed.subarray(TAG_AT, AT_SECRET.time));
      const text = decipher.update(sealed.subarray(AT_SECRET.content));
      decipher.final();
      return text;
    } catch {
      return null;
    }
  }

  /** Null: it is not sealed by any of us. */
  function contentOf(place: string, sealed: Buffer, secret: boolean): Buffer | null {
    for (let n = 0; n < secrets.length; n++) {
      if (secret) {
        const text = decrypt(n, place, sealed);
        if (text !== null) return text;
      } else {
        const seal = hmac(keys[n] as KeyObject, place, sealed).subarray(0, HMAC_BYTES);
        if (timingSafeEqual(seal, sealed.subarray(2, AT_PLAIN.time))) return sealed.subarray(AT_PLAIN.content);
      }
    }
    return null;
  }

  function encrypted(place: string, content: string): Buffer {
    const now = Date.now();
    const head = Buffer.allocUnsafe(AT_SECRET.content);
    head[0] = MARK;
    head[1] = SECRET;
    randomFillSync(head, 2, NONCE_BYTES);
    head.writeDoubleBE(now, AT_SECRET.time);
    self.copy(head, AT_SECRET.sender);
    const cipher = createCipheriv('aes-256-gcm', hourKey(0, self, now), head.subarray(2, TAG_AT));
    cipher.setAAD(bound(place, head));
    const text = cipher.update(content, 'utf8');
    cipher.final();
    cipher.getAuthTag().copy(head, TAG_AT);
    return Buffer.concat([head, text]);
  }

  return {
    close(place, content, secret = false) {
      if (secret) return encrypted(place, content);
      const sealed = Buffer.allocUnsafe(AT_PLAIN.content + Buffer.byteLength(content));
      sealed[0] = MARK;
      sealed[1] = PLAIN;
      sealed.writeDoubleBE(Date.now(), AT_PLAIN.time);
      self.copy(sealed, AT_PLAIN.sender);
      sealed.write(content, AT_PLAIN.content);
      hmac(keys[0] as KeyObject, place, sealed).copy(sealed, 2, 0, HMAC_BYTES);
      return sealed;
    },
    open(place, sealed, oldMs) {
      const secret = sealed[1] === SECRET;
      if (sealed.length < 2 || sealed[0] !== MARK || !(secret || sealed[1] === PLAIN)) return { ignored: 'foreign' };
      const at = secret ? AT_SECRET : AT_PLAIN;
      if (sealed.length < at.content) return { ignored: 'malformed' };
      const content = contentOf(place, sealed, secret);
      if (content === null) return { ignored: 'forged' };
      // Both ways: a clock that runs ahead must not make tickets that live for ever.
      if (oldMs !== null && !(Math.abs(Date.now() - sealed.readDoubleBE(at.time)) <= oldMs)) return { ignored: 'old' };
      return { content, own: self.equals(sealed.subarray(at.sender, at.content)) };
    },
  };
}

export function nothingIgnored(): Record<Ignored, number> {
  return { foreign: 0, malformed: 0, forged: 0, old: 0 };
}
