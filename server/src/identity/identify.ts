/** Who is asking: from the headers of a call to a `Caller`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller, Permission } from '../contract/caller.ts';
import { GoblinError } from '../contract/errors.ts';
import type { FoundKey } from './keys.ts';

export type HeaderBag = Record<string, string | string[] | undefined>;

/** Returns at once when the answer is known; a promise when the database must be asked. */
export type Identify = (headers: HeaderBag) => Caller | Promise<Caller>;

const ALL: ReadonlySet<Permission> = new Set(['request:write', 'request:read', 'operations:read', 'admin']);
/** A revoked key works this much longer at most. */
const TRUST_MS = 5000;
const MOST_REMEMBERED = 10_000;
const LONGEST_KEY = 512;

export const LOCAL: Caller = { tenant: 'local', user: 'local', key: null, permissions: ALL };

/** The key in `Authorization: Bearer …` or `x-api-key`; null when there is none. */
export function presentedKey(headers: HeaderBag): string | null {
  const authorization = headers.authorization;
  if (typeof authorization === 'string') {
    const match = /^bearer +(\S+)$/i.exec(authorization);
    if (match?.[1]) return match[1];
  }
  const key = headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}

export interface IdentifyDeps {
  auth: 'off' | 'required';
  find(key: string): Promise<FoundKey | null>;
  /** The command line's own token, made anew at each start (in the data folder, mode 600). */
  operatorToken: string;
  now(): number;
}

export function createIdentify(deps: IdentifyDeps): Identify {
  const known = new Map<string, { caller: Caller; until: number }>();
  const operatorHash = digest(deps.operatorToken);
  const operator: Caller = { tenant: 'local', user: 'operator', key: null, permissions: ALL };

  async function ask(key: string, hash: string): Promise<Caller> {
    const found = await deps.find(key);
    if (!found) throw refused('The key is not known, or it was revoked.');
    const caller: Caller = {
      tenant: found.tenant,
      user: found.id,
      key: found.id,
      permissions: new Set(found.permissions),
    };
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(hash, { caller, until: deps.now() + TRUST_MS });
    return caller;
  }

  return (headers) => {
    if (deps.auth === 'off') return LOCAL;
    const key = presentedKey(headers);
    if (key === null)
      throw refused(
        'Send a key: Authorization: Bearer <key>, or x-api-key: <key>. Make one with: npm run goblin -- key create --tenant <name>',
      );
    if (key.length > LONGEST_KEY) throw refused('The key is not known, or it was revoked.');
    const hash = digest(key);
    if (timingSafeEqual(hash, operatorHash)) return operator;
    const name = hash.toString('base64');
    const entry = known.get(name);
    if (entry && entry.until > deps.now()) return entry.caller;
    known.delete(name);
    return ask(key, name);
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function refused(detail: string): GoblinError {
  return new GoblinError('unauthorized', detail);
}
