/** What finding AWS credentials needs from outside, and what comes of it. */
import { GoblinError } from '../../contract/errors.ts';
import type { AwsKeys } from './aws-sigv4.ts';

/** A small answer, whole. Rejects when there is none in time. Redirects are not followed. */
export type FetchSmall = (
  method: 'GET' | 'POST' | 'PUT',
  url: URL,
  headers: Record<string, string>,
  body: string | null,
  timeoutMs: number,
) => Promise<{ status: number; body: string }>;

export interface FileSources {
  env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder; null when there is none. */
  home: string | null;
  /** Null when there is no such file. */
  readFile(path: string): Promise<string | null>;
}

export interface AwsSources extends FileSources {
  region: string;
  fetchSmall: FetchSmall;
  /** Milliseconds. */
  now(): number;
}

export interface Found {
  keys: AwsKeys;
  /** Milliseconds; null when they do not run out. */
  expiresAt: number | null;
  /** Worth reading again after a while although they do not run out: other tools rewrite the file. */
  again: boolean;
}

export const refused = (detail: string): GoblinError => new GoblinError('upstream_unauthorized', detail);
export const unreachable = (detail: string): GoblinError => new GoblinError('upstream_unreachable', detail);

/** Keys as they stand in a header. Their values stay out of every message. */
export function checkedKeys(source: string, id: unknown, secret: unknown, token: unknown): AwsKeys {
  const fine = (value: unknown): value is string => typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
  if (!fine(id) || !fine(secret)) throw refused(`${source} has no AWS key, or one with characters that no key has`);
  if (token === undefined || token === null || token === '') return { accessKeyId: id, secretAccessKey: secret };
  if (!fine(token)) throw refused(`${source} has a session token with characters that none has`);
  return { accessKeyId: id, secretAccessKey: secret, sessionToken: token };
}

/** A date as AWS writes it; credentials that say no end, or one that is none, are believed for a moment only. */
export function endOf(value: unknown, now: number): number {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? now + 60_000 : at;
}
