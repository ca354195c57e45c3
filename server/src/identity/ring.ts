/**
 * The secrets of an installation: the one that is in use, and earlier ones (`MCP_SECRET_PREVIOUS`), which only read what
 * they have written.
 */
import { createHash, hkdfSync } from 'node:crypto';

/** 32 bytes for one use: one use says nothing about another. */
export const deriveKey = (secret: string, use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, 'goblin-mcp', use, 32));

export interface RingSecret {
  /** Says which one it is, and nothing about it: stands beside what it made. */
  readonly id: string;
  readonly secret: string;
}

export interface Ring {
  readonly current: RingSecret;
  /** The current one first. */
  readonly all: readonly RingSecret[];
}

export const secretIdOf = (secret: string): string =>
  createHash('sha256').update(deriveKey(secret, 'secret id')).digest('hex').slice(0, 8);

/** One that is named twice counts once. */
export function ringOf(secret: string, previous: readonly string[] = []): Ring {
  const all = [...new Set([secret, ...previous])].map((one) => ({ id: secretIdOf(one), secret: one }));
  return { current: all[0] as RingSecret, all };
}
