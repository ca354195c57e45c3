/**
 * Tokens of other issuers: which are trusted, by which keys, and what their claims mean here. Only what the configuration
 * names is asked; nothing in a token leads anywhere.
 */
import { jwtVerify } from 'jose';
import { GoblinError } from '../contract/errors.ts';
import { readClaims, type Verified } from './claims.ts';
import { type Issuer, isSafeUrl } from './issuer.ts';
import { createKeys, type Fetch, getJson, type Keys } from './jwks.ts';
import { readShape } from './token-shape.ts';

export interface Endpoints {
  jwks: string;
  authorization: string | null;
  token: string | null;
}

export interface Issuers {
  /** A token as a credential. Null when nobody who is trusted made it, or it does not hold. Throws `unavailable` when the keys cannot be had. */
  verify(token: string): Promise<Verified | null>;
  /** The ID token of a sign-in. */
  verifyId(issuer: Issuer, token: string, clientId: string, nonce: string): Promise<Verified | null>;
  endpoints(issuer: Issuer): Promise<Endpoints>;
  named(name: string): Issuer | null;
  all: readonly Issuer[];
}

/** How long the document of an issuer is remembered. */
const DOCUMENT_MS = 86_400_000;
const TOLERANCE_S = 5;
/** An ID token is used at once. */
const ID_AGE_S = 600;

export function createIssuers(all: readonly Issuer[], fetch: Fetch, now: () => number = Date.now): Issuers {
  const keys = new Map<string, Keys>();
  const documents = new Map<string, { at: number; endpoints: Promise<Endpoints> }>();

  function keysOf(url: string): Keys {
    let found = keys.get(url);
    if (!found) {
      found = createKeys(url, fetch, now);
      keys.set(url, found);
    }
    return found;
  }

  async function discover(issuer: Issuer): Promise<Endpoints> {
    const document = await getJson(fetch, `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (document?.issuer !== issuer.issuer || typeof document.jwks_uri !== 'string') {
      throw away(issuer, 'its document names another issuer, or no keys');
    }
    const text = (value: unknown) => (typeof value === 'string' && isSafeUrl(value) ? value : null);
    const jwks = text(document.jwks_uri);
    if (jwks === null) throw away(issuer, 'the address of its keys cannot be used');
    return { jwks, authorization: text(document.authorization_endpoint), token: text(document.token_endpoint) };
  }

  async function endpoints(issuer: Issuer): Promise<Endpoints> {
    const { jwksUrl, signIn } = issuer;
    if (jwksUrl !== null && (signIn === null || (signIn.authorizationUrl !== null && signIn.tokenUrl !== null))) {
      return { jwks: jwksUrl, authorization: signIn?.authorizationUrl ?? null, token: signIn?.tokenUrl ?? null };
    }
    const known = documents.get(issuer.name);
    if (known && now() - known.at < DOCUMENT_MS) return await known.endpoints;
    const asked = discover(issuer).then((found) => ({
      jwks: jwksUrl ?? found.jwks,
      authorization: signIn?.authorizationUrl ?? found.authorization,
      token: signIn?.tokenUrl ?? found.token,
    }));
    documents.set(issuer.name, { at: now(), endpoints: asked });
    asked.catch(() => documents.delete(issuer.name));
    return await asked;
  }

  async function check(issuer: Issuer, token: string, audience: string | readonly string[], id: boolean) {
    // The keys alone: a sign-in's other addresses are of no matter here.
    const jwks = issuer.jwksUrl ?? (await endpoints(issuer)).jwks;
    try {
      const { payload } = await jwtVerify(token, keysOf(jwks).find, {
        algorithms: [...issuer.algorithms],
        issuer: issuer.issuer,
        audience: typeof audience === 'string' ? audience : [...audience],
        clockTolerance: TOLERANCE_S,
        currentDate: new Date(now()),
        requiredClaims: ['exp', 'sub'],
        ...(id ? { maxTokenAge: ID_AGE_S } : {}),
      });
      return payload;
    } catch (error) {
      if (error instanceof GoblinError) throw error;
      return null;
    }
  }

  return {
    all,
    endpoints,
    named: (name) => all.find((one) => one.name === name) ?? null,
    async verify(token) {
      const shape = readShape(token);
      if (!shape) return null;
      const said = [shape.claims.aud].flat();
      const issuer = all.find(
        ({ issuer: iss, audience, algorithms }) =>
          iss === shape.claims.iss &&
          algorithms.includes(shape.header.alg as string) &&
          audience?.some((one) => said.includes(one)),
      );
      if (!issuer?.audience) return null;
      const payload = await check(issuer, token, issuer.audience, false);
      return payload && readClaims(issuer, payload);
    },
    async verifyId(issuer, token, clientId, nonce) {
      const shape = readShape(token);
      if (!shape || !issuer.algorithms.includes(shape.header.alg as string)) return null;
      const payload = await check(issuer, token, clientId, true);
      if (!payload || payload.nonce !== nonce) return null;
      // Of several audiences it must be ours that asked (OpenID Connect Core 3.1.3.7).
      if (payload.azp !== undefined && payload.azp !== clientId) return null;
      if (Array.isArray(payload.aud) && payload.aud.length > 1 && payload.azp !== clientId) return null;
      return readClaims(issuer, payload);
    },
  };
}

const away = (issuer: Pick<Issuer, 'name'>, why: string): GoblinError =>
  new GoblinError('unavailable', `The issuer ${issuer.name} cannot be asked now; try again in a moment.`, {
    retryAfterMs: 5000,
    cause: new Error(why),
  });
