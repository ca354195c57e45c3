/**
 * Our own tokens: short, signed with Ed25519 by a key from `MCP_SECRET`, so that every process can check them and none
 * has to store a key. They name an account's session or a key; what that may do is looked up each time it is not
 * remembered, so nothing in a token gives a right.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { OUR_ISSUER } from './issuer.ts';
import { deriveKey } from './ring.ts';

const ALGORITHM = 'EdDSA';

/** What a token is for: one that was made for a link is of no use as a session. */
const USES = {
  session: { typ: 'goblin-session+jwt', audience: 'goblin-session' },
  link: { typ: 'goblin-link+jwt', audience: 'goblin-link' },
} as const;
type Use = keyof typeof USES;

/** A link is followed at once. Seconds. */
export const LINK_SECONDS = 60;

export interface SessionClaims {
  session: string;
  /** Seconds since the epoch. */
  expires: number;
}

/** Who made the link, and for which request. */
export interface LinkClaims {
  request: string;
  kind: 'key' | 'session';
  id: string;
  expires: number;
}

export interface Tokens {
  /** `sub` is for readers of logs only. */
  session(session: string, account: string, seconds: number): Promise<string>;
  link(request: string, kind: LinkClaims['kind'], id: string): Promise<string>;
  /** Null for anything but a token of ours that holds. */
  readSession(token: string): Promise<SessionClaims | null>;
  readLink(token: string): Promise<LinkClaims | null>;
  isOurs(claims: Record<string, unknown>): boolean;
}

/** PKCS #8 of an Ed25519 key, up to its 32 bytes (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function keysOf(secret: string): { key: KeyObject; open: KeyObject; kid: string } {
  const seed = deriveKey(secret, 'session token 1');
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const open = createPublicKey(key);
  const spki = open.export({ format: 'der', type: 'spki' });
  return { key, open, kid: createHash('sha256').update(spki).digest('hex').slice(0, 16) };
}

/** `previous`: secrets whose tokens still hold. */
export function createTokens(secret: string, previous: readonly string[] = []): Tokens {
  const { key, open, kid } = keysOf(secret);
  const others = new Map(previous.map(keysOf).map((one) => [one.kid, one.open]));

  const make = (use: Use, subject: string, claims: Record<string, string>, seconds: number): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: USES[use].typ })
      .setIssuer(OUR_ISSUER)
      .setAudience(USES[use].audience)
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime(`${seconds} s`)
      .sign(key);

  async function read(use: Use, token: string): Promise<Record<string, unknown> | null> {
    try {
      // Ours in any case: which of ours it is, the token may say.
      const find = (header: { kid?: string }) => others.get(header.kid ?? '') ?? open;
      const { payload, protectedHeader } = await jwtVerify(token, find, {
        algorithms: [ALGORITHM],
        issuer: OUR_ISSUER,
        audience: USES[use].audience,
        typ: USES[use].typ,
        requiredClaims: ['exp', 'iat', 'sub'],
      });
      return protectedHeader.kid === kid || others.has(protectedHeader.kid ?? '') ? payload : null;
    } catch {
      return null;
    }
  }

  return {
    session: (session, account, seconds) => make('session', account, { sid: session }, seconds),
    link: (request, kind, id) => make('link', id, { rid: request, by: kind }, LINK_SECONDS),
    async readSession(token) {
      const claims = await read('session', token);
      return typeof claims?.sid === 'string' ? { session: claims.sid, expires: Number(claims.exp) } : null;
    },
    async readLink(token) {
      const claims = await read('link', token);
      if (!claims || typeof claims.rid !== 'string' || typeof claims.sub !== 'string') return null;
      if (claims.by !== 'key' && claims.by !== 'session') return null;
      return { request: claims.rid, kind: claims.by, id: claims.sub, expires: Number(claims.exp) };
    },
    isOurs: (claims) => claims.iss === OUR_ISSUER,
  };
}
