/** Keys derived from `MCP_SECRET`, one for each use, so that one use says nothing about another. */
import { createHmac, createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto';
import { deriveKey, type Ring, secretIdOf } from './ring.ts';

export interface Secrets {
  /** Which secret the keys of digests come from: stored beside user hashes. */
  digestsFrom: string;
  /** First 128 bits of an HMAC-SHA256, as 32 hex digits. The tenant is part of it, so nobody is recognised across tenants. */
  userHash(tenant: string, user: string): string;
  /** HMAC-SHA256 of a found secret, as hex digits: the same for the same value of a tenant. */
  secretDigest(tenant: string, value: string): string;
  /** The tenant's secrets for signing call-backs, in the form of Standard Webhooks (`whsec_…`), the current one first. */
  webhookSecrets(tenant: string): readonly string[];
  /** They encrypt what placeholders of a tenant stand for, the current one first. */
  vaultKeys(tenant: string): readonly KeyObject[];
}

/** Keys of digests, which stay when the secret is rotated: what was counted under a digest goes on under it. */
export interface DigestKeys {
  user: Buffer;
  found: Buffer;
  /** Which secret they come from. */
  from: string;
}

const MOST_REMEMBERED = 10_000;

export const digestKeysOf = (secret: string): DigestKeys => ({
  user: deriveKey(secret, 'user id'),
  found: deriveKey(secret, 'found secret'),
  from: secretIdOf(secret),
});

export const webhookSecretOf = (secret: string, tenant: string): string =>
  `whsec_${deriveKey(secret, `webhook ${tenant}`).toString('base64')}`;

export function createSecrets(ring: Ring, digests: DigestKeys): Secrets {
  const userKey = createSecretKey(digests.user);
  const digestKey = createSecretKey(digests.found);
  /** Few users make most requests; a hash costs 20 µs. */
  const hashes = new Map<string, string>();
  /** To derive one costs as much as to seal with it. */
  const vaults = new Map<string, readonly KeyObject[]>();
  return {
    digestsFrom: digests.from,
    userHash(tenant, user) {
      const name = `${tenant}\0${user}`;
      let hash = hashes.get(name);
      if (hash === undefined) {
        hash = createHmac('sha256', userKey).update(name).digest('hex').slice(0, 32);
        if (hashes.size >= MOST_REMEMBERED) hashes.clear();
        hashes.set(name, hash);
      }
      return hash;
    },
    secretDigest: (tenant, value) => createHmac('sha256', digestKey).update(`${tenant}\0${value}`).digest('hex'),
    webhookSecrets: (tenant) => ring.all.map(({ secret }) => webhookSecretOf(secret, tenant)),
    vaultKeys(tenant) {
      let keys = vaults.get(tenant);
      if (keys === undefined) {
        keys = ring.all.map(({ secret }) => createSecretKey(deriveKey(secret, `vault ${tenant}`)));
        if (vaults.size >= MOST_REMEMBERED) vaults.clear();
        vaults.set(tenant, keys);
      }
      return keys;
    },
  };
}

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key that signs the audit trail. */
export function deriveAuditKey(secret: string): { id: string; key: KeyObject } {
  const der = Buffer.concat([ED25519, deriveKey(secret, 'audit')]);
  return { id: secretIdOf(secret), key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
}
