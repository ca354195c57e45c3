/**
 * Tokens of other issuers: which are trusted, by which keys, and what their claims mean here. Only what the configuration
 * names is asked; nothing in a token leads anywhere.
 */
import { type JWTPayload, jwtVerify } from 'jose';
import { GoblinError } from '../contract/errors.ts';
import { readClaims, type Verified } from './claims.ts';
import { type Issuer, isSafeUrl } from './issuer.ts';
import { createKeys, type Fetch, getJson, type Keys } from './jwks.ts';
import { type Refusal, refusalOf, type TellRefusal } from './refusals.ts';
import { readShape, type TokenShape } from './token-shape.ts';

export interface Endpoints {
  jwks: string;
  authorization: string | null;
  token: string | null;
  /** Its answers to sign-ins say who it is (RFC 9207); one that does not is not its own. */
  saysIssuer: boolean;
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

export function createIssuers(
  all: readonly Issuer[],
  fetch: Fetch,
  now: () => number = Date.now,
  told: TellRefusal = () => {},
): Issuers {
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
    return {
      jwks,
      authorization: text(document.authorization_endpoint),
      token: text(document.token_endpoint),
      saysIssuer: document.authorization_response_iss_parameter_supported === true,
    };
  }

  async function endpoints(issuer: Issuer): Promise<Endpoints> {
    const { jwksUrl, signIn } = issuer;
    if (jwksUrl !== null && (signIn === null || (signIn.authorizationUrl !== null && signIn.tokenUrl !== null))) {
      const [authorization, token] = [signIn?.authorizationUrl ?? null, signIn?.tokenUrl ?? null];
      // The configuration says all that is needed: no document is asked for, so nothing is known of its answers.
      return { jwks: jwksUrl, authorization, token, saysIssuer: false };
    }
    const known = documents.get(issuer.name);
    if (known && now() - known.at < DOCUMENT_MS) return await known.endpoints;
    const asked = discover(issuer).then((found) => ({
      jwks: jwksUrl ?? found.jwks,
      authorization: signIn?.authorizationUrl ?? found.authorization,
      token: signIn?.tokenUrl ?? found.token,
      saysIssuer: found.saysIssuer,
    }));
    documents.set(issuer.name, { at: now(), endpoints: asked });
    asked.catch(() => documents.delete(issuer.name));
    return await asked;
  }

  async function check(
    issuer: Issuer,
    token: string,
    audience: string | readonly string[],
    id: boolean,
  ): Promise<JWTPayload | Refusal> {
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
      return refusalOf(error);
    }
  }

  /** The issuer of a token that says so, where it is one for us. */
  function issuerOf({ header, claims }: TokenShape): Issuer | { of: Issuer | null; reason: Refusal } {
    const said = [claims.aud].flat();
    const same = all.filter(({ issuer }) => issuer === claims.iss);
    const able = same.filter(({ algorithms }) => algorithms.includes(header.alg as string));
    const found = able.find(({ audience }) => audience?.some((one) => said.includes(one)));
    if (found) return found;
    const reason = same.length === 0 ? 'issuer' : able.length === 0 ? 'algorithm' : 'audience';
    return { of: same[0] ?? null, reason };
  }

  async function checkId(issuer: Issuer, token: string, clientId: string, nonce: string): Promise<Verified | Refusal> {
    const shape = readShape(token);
    if (!shape) return 'malformed';
    if (!issuer.algorithms.includes(shape.header.alg as string)) return 'algorithm';
    const payload = await check(issuer, token, clientId, true);
    if (typeof payload === 'string') return payload;
    if (payload.nonce !== nonce) return 'nonce';
    // Of several audiences it must be ours that asked (OpenID Connect Core 3.1.3.7).
    if (payload.azp !== undefined && payload.azp !== clientId) return 'authorized_party';
    if (Array.isArray(payload.aud) && payload.aud.length > 1 && payload.azp !== clientId) return 'authorized_party';
    return readClaims(issuer, payload);
  }

  return {
    all,
    endpoints,
    named: (name) => all.find((one) => one.name === name) ?? null,
    async verify(token) {
      const shape = readShape(token);
      const issuer = shape ? issuerOf(shape) : ({ of: null, reason: 'malformed' } as const);
      if ('reason' in issuer) {
        told('token', issuer.of, issuer.reason);
        return null;
      }
      const payload = await check(issuer, token, issuer.audience ?? [], false);
      const found = typeof payload === 'string' ? payload : readClaims(issuer, payload);
      if (typeof found !== 'string') return found;
      told('token', issuer, found);
      return null;
    },
    async verifyId(issuer, token, clientId, nonce) {
      const found = await checkId(issuer, token, clientId, nonce);
      if (typeof found !== 'string') return found;
      told('sign-in', issuer, found);
      return null;
    },
  };
}

const away = (issuer: Pick<Issuer, 'name'>, why: string): GoblinError =>
  new GoblinError('unavailable', `The issuer ${issuer.name} cannot be asked now; try again in a moment.`, {
    retryAfterMs: 5000,
    cause: new Error(why),
  });
