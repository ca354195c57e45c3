/** Cookies of the screen: its script cannot read them, and no other site's page makes a browser send them. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GoblinError } from '../contract/errors.ts';
import { REFRESH_COOKIES, SESSION_COOKIES, SIGN_IN_COOKIES } from '../identity/credentials.ts';
import type { SignedIn } from '../identity/sign-in.ts';

const AUTH_PATH = '/mcp/v1/auth';

interface Cookie {
  names: readonly [string, string];
  path: string;
  sameSite: 'Strict' | 'Lax';
}

const SESSION: Cookie = { names: SESSION_COOKIES, path: '/', sameSite: 'Strict' };
const REFRESH: Cookie = { names: REFRESH_COOKIES, path: AUTH_PATH, sameSite: 'Strict' };
/** The way back from a provider begins at another site. */
const SIGN_IN: Cookie = { names: SIGN_IN_COOKIES, path: `${AUTH_PATH}/oidc`, sameSite: 'Lax' };

function line({ names, path, sameSite }: Cookie, secure: boolean, value: string, seconds: number): string {
  const [withTls, without] = names;
  return `${secure ? withTls : without}=${value}; Path=${path}; HttpOnly; SameSite=${sameSite}; Max-Age=${seconds}${secure ? '; Secure' : ''}`;
}

/** What a browser says of where its page is from; this server does not see whether there was TLS before it. */
const isSecure = (request: FastifyRequest): boolean => request.headers.origin?.startsWith('https:') ?? false;

export function giveSession(reply: FastifyReply, signedIn: SignedIn, secure: boolean): void {
  const left = Math.max(0, Math.floor((signedIn.session.expiresAt - Date.now()) / 1000));
  reply.header('set-cookie', [
    line(SESSION, secure, signedIn.access, signedIn.accessSeconds),
    line(REFRESH, secure, signedIn.refresh, left),
  ]);
}

export function takeSession(reply: FastifyReply): void {
  const gone = (cookie: Cookie) => [true, false].map((secure) => line(cookie, secure, '', 0));
  reply.header('set-cookie', [...gone(SESSION), ...gone(REFRESH)]);
}

export function giveSignIn(reply: FastifyReply, sealed: string, secure: boolean, seconds: number): void {
  reply.header('set-cookie', line(SIGN_IN, secure, sealed, seconds));
}

/**
 * Whether a page of this very server sent the call: what a cookie gives the right to is done for nobody else. Browsers
 * send `Origin` with everything but GET and HEAD, and with every WebSocket.
 */
export function isOwnPage(request: Pick<FastifyRequest, 'headers'>): boolean {
  const { origin, host } = request.headers;
  if (request.headers['sec-fetch-site'] !== undefined && request.headers['sec-fetch-site'] !== 'same-origin')
    return false;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

/** Throws `forbidden`. Answers whether the page came with TLS. */
export function checkOwnPage(request: FastifyRequest): boolean {
  if (isOwnPage(request)) return isSecure(request);
  throw new GoblinError('forbidden', 'Cookies are for pages of this server only; send a key or a token instead.');
}
