/** Keys derived from `MCP_SECRET`, one for each use, so that one use says nothing about another. */
import { createHash, createHmac, hkdfSync } from 'node:crypto';

export interface Secrets {
  /** Which secret is in use: stored beside what it made. */
  id: string;
  /** First 128 bits of an HMAC-SHA256, as 32 hex digits. The tenant is part of it, so nobody is recognised across tenants. */
  userHash(tenant: string, user: string): string;
  /** The tenant's secret for signing call-backs, in the form of Standard Webhooks (`whsec_…`). */
  webhookSecret(tenant: string): string;
}

export function deriveSecrets(secret: string): Secrets {
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', secret, 'goblin-mcp', use, 32));
  const userKey = derive('user id');
  return {
    id: createHash('sha256').update(derive('secret id')).digest('hex').slice(0, 8),
    userHash: (tenant, user) =>
      createHmac('sha256', userKey).update(`${tenant}\0${user}`).digest('hex').slice(0, 32),
    webhookSecret: (tenant) => `whsec_${derive(`webhook ${tenant}`).toString('base64')}`,
  };
}
