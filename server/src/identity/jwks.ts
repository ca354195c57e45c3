/** What an issuer publishes: its document and its keys, fetched by the one way out, kept for a while. */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { GoblinError } from '../contract/errors.ts';

export interface SmallAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** `transport.fetch`: the one way out. */
export type Fetch = (
  method: 'GET' | 'POST',
  url: URL,
  headers: Record<string, string>,
  body: string | null,
  timeoutMs: number,
) => Promise<SmallAnswer>;

const FETCH_MS = 5000;
/** Keys are asked for again after this long, and for a key that is not known at most this often. */
const FRESH_MS = 600_000;
const AGAIN_MS = 10_000;
/** While an issuer is away its keys are used this long. */
const STALE_MS = 86_400_000;

export async function getJson(fetch: Fetch, url: string): Promise<Record<string, unknown> | null> {
  const answer = await fetch('GET', new URL(url), { accept: 'application/json' }, null, FETCH_MS).catch(() => null);
  if (answer?.status !== 200) return null;
  try {
    const value: unknown = JSON.parse(answer.body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

export interface Keys {
  /** As `jwtVerify` asks. Throws `unavailable` when there are no keys at all. */
  find: JWTVerifyGetKey;
}

/** The keys of one address. A key that is not known is looked for at most once in a while: made-up ones cost nothing. */
export function createKeys(url: string, fetch: Fetch, now: () => number): Keys {
  let set: JWTVerifyGetKey | null = null;
  let at = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | null = null;

  async function ask(): Promise<void> {
    triedAt = now();
    const list = (await getJson(fetch, url))?.keys;
    if (!Array.isArray(list)) return;
    // A shared secret among public keys is a mistake or a trap.
    const usable = list.filter((key) => key?.kty !== 'oct' && (key?.use === undefined || key.use === 'sig'));
    set = createLocalJWKSet({ keys: usable } as JSONWebKeySet);
    at = now();
  }

  const refresh = (): Promise<void> => {
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  };

  return {
    async find(header, token) {
      const age = now() - at;
      if ((set === null || age > FRESH_MS) && now() - triedAt > (set === null ? 1000 : AGAIN_MS)) await refresh();
      else if (set === null && asking) await asking;
      if (set === null || now() - at > STALE_MS) {
        throw new GoblinError('unavailable', 'The keys of the issuer cannot be had now; try again in a moment.', {
          retryAfterMs: 5000,
        });
      }
      try {
        return await set(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || now() - triedAt < AGAIN_MS) throw error;
        await refresh();
        return await set(header, token);
      }
    },
  };
}
