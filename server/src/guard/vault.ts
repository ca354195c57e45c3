/** What placeholders stand for, encrypted: AES-256-GCM under a key of the tenant, bound to the request. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const IV = 12;
const TAG = 16;

export interface Vault {
  seal(tenant: string, mapping: ReadonlyMap<string, string>): string;
  /** Null for what was sealed with another key, or changed. */
  open(tenant: string, sealed: string): ReadonlyMap<string, string> | null;
}

/** `keyOf`: 32 bytes for a tenant. */
export function createVault(keyOf: (tenant: string) => Buffer): Vault {
  return {
    seal(tenant, mapping) {
      const iv = randomBytes(IV);
      const cipher = createCipheriv('aes-256-gcm', keyOf(tenant), iv).setAAD(Buffer.from(tenant));
      const text = Buffer.concat([cipher.update(JSON.stringify([...mapping]), 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64');
    },
    open(tenant, sealed) {
      try {
        const bytes = Buffer.from(sealed, 'base64');
        const decipher = createDecipheriv('aes-256-gcm', keyOf(tenant), bytes.subarray(0, IV)).setAAD(
          Buffer.from(tenant),
        );
        decipher.setAuthTag(bytes.subarray(IV, IV + TAG));
        const text = Buffer.concat([decipher.update(bytes.subarray(IV + TAG)), decipher.final()]).toString('utf8');
        return new Map(JSON.parse(text) as [string, string][]);
      } catch {
        return null;
      }
    },
  };
}
