/**
 * How the hash of a key is made. Keys of other gateways go on working when their hashes are imported; those whose scheme
 * is public:
 *
 * - LiteLLM: `hash_token` in `litellm/proxy/_types.py`, column `token` of `LiteLLM_VerificationToken`.
 * - Helicone: `hashAuth` in `web/lib/hashClient.ts`, column `api_key_hash`.
 * - TensorZero: `hash_long_key` in `crates/tensorzero-auth`, of keys `sk-t0-<12 characters>-<48 characters>`.
 */
import { createHash } from 'node:crypto';

export type Scheme = 'goblin' | 'sha256' | 'helicone' | 'tensorzero';

interface SchemeRow {
  title: string;
  /** What is hashed with SHA-256; null when the key cannot be one of these. */
  input(key: string): string | null;
}

const TENSORZERO = /^sk-t0-[A-Za-z0-9]{12}-([A-Za-z0-9]{48})$/;

export const SCHEMES: Readonly<Record<Scheme, SchemeRow>> = {
  goblin: { title: 'our own keys', input: (key) => key },
  sha256: { title: 'SHA-256 of the key, as LiteLLM stores it', input: (key) => key },
  helicone: {
    title: 'SHA-256 of `Bearer `, with the space, and the key, as Helicone stores it',
    input: (key) => `Bearer ${key}`,
  },
  tensorzero: {
    title: 'SHA-256 of the last part of the key, as TensorZero stores it',
    input: (key) => TENSORZERO.exec(key)?.[1] ?? null,
  },
};

/** Those of other gateways. */
export const IMPORTED = (Object.keys(SCHEMES) as Scheme[]).filter((name) => name !== 'goblin');

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

export const hashKey = (key: string, scheme: Scheme = 'goblin'): Buffer => sha256(SCHEMES[scheme].input(key) ?? '');

/** The hash under which each scheme would have stored the key, in hex. Asked only for keys that are not remembered. */
export function hashesOf(key: string): { scheme: Scheme; hash: string }[] {
  return (Object.keys(SCHEMES) as Scheme[]).flatMap((scheme) => {
    const input = SCHEMES[scheme].input(key);
    return input === null ? [] : [{ scheme, hash: sha256(input).toString('hex') }];
  });
}

/** A SHA-256 as it stands in an export: hex or base64. Null for anything else. */
export function readHash(text: unknown): Buffer | null {
  if (typeof text !== 'string') return null;
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) {
    const bytes = Buffer.from(text, 'base64url');
    return bytes.length === 32 ? bytes : null;
  }
  return null;
}
