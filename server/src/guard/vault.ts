/** What placeholders stand for, encrypted: AES-256-GCM under a key of the tenant, bound to the request. */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';
import { freshNonce, NONCE_BYTES } from './nonce.ts';

const TAG = 16;

export interface Vault {
  seal(tenant: string, mapping: ReadonlyMap<string, string>): string;
  /** Null for what was sealed with another key, or changed. */
  open(tenant: string, sealed: string): ReadonlyMap<string, string> | null;
}

/** `keysOf`: 32 bytes each for a tenant. The first one seals, all of them open. Plain bytes cost three times as much. */
export function createVault(keysOf: (tenant: string) => readonly KeyObject[]): Vault {
  function openWith(key: KeyObject, tenant: string, bytes: Buffer): ReadonlyMap<string, string> | null {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(tenant));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG));
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG)), decipher.final()]).toString(
        'utf8',
      );
      return new Map(JSON.parse(text) as [string, string][]);
    } catch {
      return null;
    }
  }

  return {
    seal(tenant, mapping) {
      const iv = freshNonce();
      const cipher = createCipheriv('aes-256-gcm', keysOf(tenant)[0] as KeyObject, iv).setAAD(Buffer.from(tenant));
      const text = Buffer.concat([cipher.update(JSON.stringify([...mapping]), 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64');
    },
    open(tenant, sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      for (const key of keysOf(tenant)) {
        const mapping = openWith(key, tenant, bytes);
        if (mapping) return mapping;
      }
      return null;
    },
  };
}
