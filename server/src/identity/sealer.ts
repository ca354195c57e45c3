/**
 * What rests in the record and must not be read there: AES-256-GCM under a key that `MCP_SECRET` gives for one use, bound
 * to its place, so that nothing can be moved to where it means something else. Layout: 12 bytes of nonce, 16 of tag, text.
 *
 * A key for each scope (a request, say) keeps the number of random nonces under one key far below the 2^32 that NIST
 * SP 800-38D allows.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { freshNonce, NONCE_BYTES } from '../guard/nonce.ts';
import { deriveKey, type Ring } from './ring.ts';

export interface Sealer {
  /** Which secret seals now: to be stored beside what it sealed. */
  readonly keyId: string;
  /** `use` has a key of its own, and in it each `scope`; `place` must be the same when it is opened. */
  seal(use: string, scope: string, place: string, content: Uint8Array | string): Buffer;
  /** Null for what was sealed by a secret that is not there, for another place, or was changed. */
  open(keyId: string, use: string, scope: string, place: string, sealed: Uint8Array): Buffer | null;
  /** 16 bytes that say whether two contents of a use are the same, to nobody without the secret. */
  digest(use: string, content: Uint8Array | string): Buffer;
  /** Whether its secret is there at all. */
  knows(keyId: string): boolean;
}

const TAG = 16;
/** Bytes that sealing adds. */
export const SEAL_BYTES = NONCE_BYTES + TAG;
const MOST_REMEMBERED = 10_000;

export function createSealer(ring: Ring): Sealer {
  const secrets = new Map(ring.all.map(({ id, secret }) => [id, secret]));
  /** Deriving one costs 10 µs. */
  const keys = new Map<string, KeyObject>();

  function keyFor(keyId: string, secret: string, use: string): KeyObject {
    const name = `${keyId}\0${use}`;
    let key = keys.get(name);
    if (key === undefined) {
      // As an object: plain bytes cost ciphers three times as much, and digests six times.
      key = createSecretKey(deriveKey(secret, `at rest: ${use}`));
      if (keys.size >= MOST_REMEMBERED) keys.clear();
      keys.set(name, key);
    }
    return key;
  }

  const { id: keyId, secret: current } = ring.current;
  const scoped = (key: KeyObject, scope: string) => createSecretKey(createHmac('sha256', key).update(scope).digest());

  return {
    keyId,
    seal(use, scope, place, content) {
      const nonce = freshNonce();
      const cipher = createCipheriv('aes-256-gcm', scoped(keyFor(keyId, current, use), scope), nonce);
      cipher.setAAD(Buffer.from(place));
      const text = cipher.update(typeof content === 'string' ? Buffer.from(content) : content);
      const rest = cipher.final();
      return Buffer.concat([nonce, cipher.getAuthTag(), text, rest]);
    },
    open(id, use, scope, place, sealed) {
      const secret = secrets.get(id);
      if (secret === undefined || sealed.length < SEAL_BYTES) return null;
      try {
        const key = scoped(keyFor(id, secret, use), scope);
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG });
        decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(NONCE_BYTES, SEAL_BYTES));
        return Buffer.concat([decipher.update(sealed.subarray(SEAL_BYTES)), decipher.final()]);
      } catch {
        return null;
      }
    },
    digest: (use, content) =>
      createHmac('sha256', keyFor(keyId, current, `${use} digest`))
        .update(content)
        .digest()
        .subarray(0, 16),
    knows: (id) => secrets.has(id),
  };
}
