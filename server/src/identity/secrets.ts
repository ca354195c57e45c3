/** Keys derived from `MCP_SECRET`, one for each use, so that one use says nothing about another. */
import { createHash, createHmac, createSecretKey, hkdfSync } from 'node:crypto';

export interface Secrets {
  /** Which secret is in use: stored beside what it made. */
  id: string;
  /** First 128 bits of an HMAC-SHA256, as 32 hex digits. The tenant is part of it, so nobody is recognised across tenants. */
  userHash(tenant: string, user: string): string;
  /** The tenant's secret for signing call-backs, in the form of Standard Webhooks (`whsec_…`). */
  webhookSecret(tenant: string): string;
}

const MOST_REMEMBERED = 10_000;

export function deriveSecrets(secret: string): Secrets {
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', secret, 'goblin-mcp', use, 32));
  const userKey = createSecretKey(derive('user id'));
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
    webhookSecret: (tenant) => `whsec_${derive(`webhook ${tenant}`).toString('base64')}`,
  };
}
