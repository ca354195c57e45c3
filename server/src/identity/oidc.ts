/**
 * Sign-in at an OpenID provider: authorization code with PKCE (RFC 7636), state and nonce. What must come back unchanged
 * (state, nonce, verifier) waits in a sealed cookie of the browser that began, so a sign-in cannot be finished by
 * another one, nor on another node fail for want of memory.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { GoblinError } from '../contract/errors.ts';
import type { Verified } from './claims.ts';
import type { Issuer, SignIn } from './issuer.ts';
import type { Issuers } from './issuers.ts';
import type { Fetch } from './jwks.ts';
import type { Refusal, TellRefusal } from './refusals.ts';
import { seal, unsealWith } from './seal.ts';

export interface OidcDeps {
  issuers: Issuers;
  fetch: Fetch;
  /** 32 bytes each: the first seals what waits in the browser, all of them open it. */
  keys: readonly Buffer[];
  /** Where browsers reach us, without a slash at the end. */
  publicUrl: string;
  now(): number;
  told: TellRefusal;
}

export interface Oidc {
  /** `returnTo` is a path of ours. */
  start(name: string, returnTo: string): Promise<{ url: string; sealed: string }>;
  /** Throws `unauthorized` when anything is not as it must be. */
  finish(
    name: string,
    query: Readonly<Record<string, unknown>>,
    sealed: string | null,
  ): Promise<{ verified: Verified; returnTo: string }>;
}

/** How long somebody may take at the provider. */
export const SIGN_IN_SECONDS = 600;
const FETCH_MS = 10_000;

interface Pending {
  state: string;
  nonce: string;
  verifier: string;
  returnTo: string;
  until: number;
}

const random = (): string => randomBytes(32).toString('base64url');

export function createOidc({ issuers, fetch, keys, publicUrl, now, told }: OidcDeps): Oidc {
  const redirectOf = (name: string) => `${publicUrl}/mcp/v1/auth/oidc/${name}/callback`;

  function named(name: string): { issuer: Issuer; signIn: SignIn } {
    const issuer = issuers.named(name);
    if (!issuer?.signIn) throw new GoblinError('not_found', 'There is no such way to sign in.');
    return { issuer, signIn: issuer.signIn };
  }

  /** The reason is for the log, the words are for whoever signs in. */
  function refuse(issuer: Issuer, reason: Refusal, why: string): GoblinError {
    told('sign-in', issuer, reason);
    return refused(why);
  }

  async function exchange(issuer: Issuer, signIn: SignIn, code: string, verifier: string): Promise<string> {
    const { token } = await issuers.endpoints(issuer);
    if (token === null) throw refused('the provider has no address for tokens');
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectOf(issuer.name),
      code_verifier: verifier,
    });
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    const { clientId, clientSecret } = signIn;
    if (clientSecret !== null && signIn.clientAuth === 'basic') {
      // Both are form-encoded first (RFC 6749, 2.3.1).
      const pair = [clientId, clientSecret].map((part) => new URLSearchParams({ v: part }).toString().slice(2));
      headers.authorization = `Basic ${Buffer.from(pair.join(':')).toString('base64')}`;
    } else {
      form.set('client_id', clientId);
      if (clientSecret !== null) form.set('client_secret', clientSecret);
    }
    const answer = await fetch('POST', new URL(token), headers, form.toString(), FETCH_MS).catch(() => {
      throw new GoblinError('unavailable', 'The provider for sign-in does not answer; try again in a moment.', {
        retryAfterMs: 5000,
      });
    });
    const body = answer.status === 200 ? asObject(answer.body) : null;
    if (typeof body?.id_token !== 'string') throw refuse(issuer, 'no_id_token', 'the provider gave no ID token');
    return body.id_token;
  }

  return {
    async start(name, returnTo) {
      const { issuer, signIn } = named(name);
      const { authorization } = await issuers.endpoints(issuer);
      if (authorization === null) throw refused('the provider has no address for sign-in');
      const pending: Pending = {
        state: random(),
        nonce: random(),
        verifier: random(),
        returnTo: isOwnPath(returnTo) ? returnTo : '/',
        until: now() + SIGN_IN_SECONDS * 1000,
      };
      const url = new URL(authorization);
      for (const [param, value] of Object.entries({
        response_type: 'code',
        client_id: signIn.clientId,
        redirect_uri: redirectOf(name),
        scope: signIn.scopes.join(' '),
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: createHash('sha256').update(pending.verifier).digest('base64url'),
        code_challenge_method: 'S256',
      })) {
        url.searchParams.set(param, value);
      }
      return { url: url.href, sealed: seal(keys[0] as Buffer, `sign-in ${name}`, JSON.stringify(pending)) };
    },
    async finish(name, query, sealed) {
      const { issuer, signIn } = named(name);
      const text = sealed === null ? null : unsealWith(keys, `sign-in ${name}`, sealed);
      const pending = text === null ? null : (JSON.parse(text) as Pending);
      if (!pending || pending.until < now()) {
        throw refuse(issuer, 'begun_elsewhere', 'it was begun elsewhere, or too long ago');
      }
      const { code, state, iss, error } = query;
      if (typeof state !== 'string' || !isSame(state, pending.state)) {
        throw refuse(issuer, 'state', 'its state is not ours');
      }
      // Where the provider says who it is, it must be this one; and one that promises to say so must (RFC 9207, 2.4).
      if (iss === undefined ? (await issuers.endpoints(issuer)).saysIssuer : iss !== issuer.issuer) {
        throw refuse(issuer, iss === undefined ? 'issuer_missing' : 'issuer', 'another provider answered');
      }
      if (error !== undefined || typeof code !== 'string' || code === '') {
        throw refuse(issuer, error === undefined ? 'no_code' : 'provider_refused', 'the provider refused it');
      }
      const token = await exchange(issuer, signIn, code, pending.verifier);
      const verified = await issuers.verifyId(issuer, token, signIn.clientId, pending.nonce);
      if (!verified) throw refused('its ID token does not hold, or gives no role here');
      return { verified, returnTo: pending.returnTo };
    },
  };
}

/** A path of this server, and nothing that a browser could take for another host. */
export const isOwnPath = (path: string): boolean => /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path);

const refused = (why: string): GoblinError =>
  new GoblinError('unauthorized', `The sign-in did not come to its end: ${why}. Begin again.`);

const isSame = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

function asObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
