/** Keys derived from `MCP_SECRET`, one for each use, so that one use says nothing about another. */
import { createHash, createHmac, createPrivateKey, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

export interface Secrets {
  /** Which secret is in use: stored beside what it made. */
  id: string;
  /** First 128 bits of an HMAC-SHA256, as 32 hex digits. The tenant is part of it, so nobody is recognised across tenants. */
  userHash(tenant: string, user: string): string;
  /** The tenant's secret for signing call-backs, in the form of Standard Webhooks (`whsec_…`). */
  webhookSecret(tenant: string): string;
  /** HMAC-SHA256 of a found secret, as hex digits: the same for the same value of a tenant. */
  secretDigest(tenant: string, value: string): string;
  /** Encrypts what placeholders of a tenant stand for. */
  vaultKey(tenant: string): Buffer;
}

const MOST_REMEMBERED = 10_000;

/** 32 bytes for one use. */
export const deriveKey = (secret: string, use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, 'goblin-mcp', use, 32));

export function deriveSecrets(secret: string): Secrets {
  const derive = (use: string) => deriveKey(secret, use);
  const userKey = createSecretKey(derive('user id'));
  const digestKey = createSecretKey(derive('found secret'));
  /** Few users make most requests; a hash costs 20 µs. */
  const hashes = new Map<string, string>();
  return {
    id: createHash('sha256').update(derive('secret id')).digest('hex').slice(0, 8),
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
    vaultKey: (tenant) => derive(`vault ${tenant}`),
    webhookSecret: (tenant) => `whsec_${derive(`webhook ${tenant}`).toString('base64')}`,
  };
}

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The key that signs the audit trail. */
export function deriveAuditKey(secret: string): { id: string; key: KeyObject } {
  const der = Buffer.concat([ED25519, deriveKey(secret, 'audit')]);
  return { id: deriveSecrets(secret).id, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
}
