/** Tokens as attackers and honest issuers make them: by hand, so that nothing of the library under test is in them. */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export type Json = Record<string, unknown>;

/** `header` and `claims` may be texts, for JSON that no encoder would write. */
export function jws(header: Json | string, claims: Json | string, key: KeyObject | string | null): string {
  const input = `${encode(header)}.${encode(claims)}`;
  if (key === null) return `${input}.`;
  const { alg = 'RS256' } = (typeof header === 'string' ? JSON.parse(header) : header) as { alg?: string };
  return `${input}.${signature(alg, input, key).toString('base64url')}`;
}

function signature(alg: string, input: string, key: KeyObject | string): Buffer {
  if (typeof key === 'string') {
    const bits = /^HS(\d{3})$/.exec(String(alg))?.[1] ?? '256';
    return createHmac(`sha${bits}`, key).update(input).digest();
  }
  const bytes = Buffer.from(input);
  if (alg === 'EdDSA') return sign(null, bytes, key);
  const digest = `sha${alg.slice(2)}`;
  if (alg.startsWith('ES')) return sign(digest, bytes, { key, dsaEncoding: 'ieee-p1363' });
  return sign(digest, bytes, key);
}

export interface Pair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

export const rsa = (): Pair => generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ec = (): Pair => generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const ed = (): Pair => generateKeyPairSync('ed25519');

export const jwk = ({ publicKey }: Pair, more: Json = {}): Json => ({
  ...publicKey.export({ format: 'jwk' }),
  ...more,
});

export const pem = ({ publicKey }: Pair): string => publicKey.export({ format: 'pem', type: 'spki' }).toString();

export const seconds = (from = 0): number => Math.floor(Date.now() / 1000) + from;
