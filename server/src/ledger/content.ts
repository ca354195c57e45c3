/**
 * How the content of a tenant rests: `stored` as it is, `encrypted`, or `erased` ten minutes after the end and encrypted
 * until then. What is sealed is bound to its tenant, its request and its place in that.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { ERRORS, type ErrorCode, GoblinError } from '../contract/errors.ts';

export const BODIES = ['stored', 'encrypted', 'erased'] as const;
export type Bodies = (typeof BODIES)[number];

/** Encrypts; see identity/sealer.ts. */
export interface ContentSealer {
  readonly keyId: string;
  seal(use: string, scope: string, place: string, content: Uint8Array | string): Buffer;
  open(keyId: string, use: string, scope: string, place: string, sealed: Uint8Array): Buffer | null;
  digest(use: string, content: Uint8Array | string): Buffer;
  knows(keyId: string): boolean;
}

/** As it goes into columns: `sealed` in base64. */
export interface SealedColumns {
  sealed: string;
  key_id: string;
}

export interface Content {
  /** Which secret seals now. */
  readonly keyId: string;
  of(tenant: string): Bodies;
  /** Whether its content is encrypted. */
  seals(tenant: string): boolean;
  sealBytes(tenant: string, scope: string, place: string, bytes: Uint8Array): Buffer;
  /** Null: no secret of ours opens it. */
  openBytes(tenant: string, scope: string, place: string, keyId: string, sealed: Uint8Array): Buffer | null;
  seal(tenant: string, scope: string, place: string, text: string): SealedColumns;
  /** Null: no secret of ours opens it. */
  tryOpen(tenant: string, scope: string, place: string, keyId: string, sealed: Uint8Array): string | null;
  /** The same; throws `unavailable` where that is null. */
  open(tenant: string, scope: string, place: string, keyId: string | null, sealed: Uint8Array): string;
  /** Whether the secret is there that sealed it. */
  knows(keyId: string): boolean;
  /** 16 bytes that tell equal contents of a tenant, to nobody without the secret. */
  digest(tenant: string, content: Uint8Array): Buffer;
}

/** A shorter text is not worth compressing. */
const PLAIN = 1024;
const AS_IT_IS = Buffer.from([0]);
const DEFLATED = Buffer.from([1]);

const useOf = (tenant: string): string => `content ${tenant}`;

export function createContent(sealer: ContentSealer, of: (tenant: string) => Bodies): Content {
  const openBytes: Content['openBytes'] = (tenant, scope, place, keyId, sealed) =>
    sealer.open(keyId, useOf(tenant), scope, place, sealed);
  const sealBytes: Content['sealBytes'] = (tenant, scope, place, bytes) =>
    sealer.seal(useOf(tenant), scope, place, bytes);
  const tryOpen: Content['tryOpen'] = (tenant, scope, place, keyId, sealed) => {
    const bytes = openBytes(tenant, scope, place, keyId, sealed);
    if (bytes === null) return null;
    const text = bytes.subarray(1);
    return (bytes[0] === 1 ? inflateRawSync(text) : text).toString('utf8');
  };
  return {
    keyId: sealer.keyId,
    of,
    tryOpen,
    seals: (tenant) => of(tenant) !== 'stored',
    sealBytes,
    openBytes,
    seal(tenant, scope, place, text) {
      const bytes =
        text.length < PLAIN
          ? Buffer.concat([AS_IT_IS, Buffer.from(text)])
          : Buffer.concat([DEFLATED, deflateRawSync(text, { level: 1 })]);
      return { sealed: sealBytes(tenant, scope, place, bytes).toString('base64'), key_id: sealer.keyId };
    },
    open(tenant, scope, place, keyId, sealed) {
      const text = tryOpen(tenant, scope, place, keyId ?? '', sealed);
      if (text === null) throw unreadable();
      return text;
    },
    knows: sealer.knows,
    digest: (tenant, content) => sealer.digest(useOf(tenant), content),
  };
}

export const unreadable = (): GoblinError =>
  new GoblinError(
    'unavailable',
    'The content was encrypted with an MCP_SECRET that this server does not have; whoever runs it must name that in MCP_SECRET_PREVIOUS.',
  );

/** Where the content of a tenant is encrypted, a vendor's words about a failure are not kept: they may repeat the prompt. */
export const withoutWords = <T extends { code: string }>(error: T, field: 'detail' | 'message'): T => ({
  ...error,
  [field]: ERRORS[error.code as ErrorCode]?.title ?? error.code,
});
