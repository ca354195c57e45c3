/** Where a call carries its credential, and in which form. */

export type HeaderBag = Record<string, string | string[] | undefined>;

export interface Presented {
  text: string;
  /** A browser sent it by itself. */
  cookie: boolean;
}

/** The first with TLS: a browser takes that name only from this very host. */
export const SESSION_COOKIES = ['__Host-goblin_session', 'goblin_session'] as const;
export const REFRESH_COOKIES = ['__Secure-goblin_refresh', 'goblin_refresh'] as const;
export const SIGN_IN_COOKIES = ['__Secure-goblin_sign_in', 'goblin_sign_in'] as const;

/** The credential in `Authorization: Bearer …` or `x-api-key`, else in the cookie of the screen; null when there is none. */
export function presented(headers: HeaderBag): Presented | null {
  const text = presentedKey(headers);
  if (text !== null) return { text, cookie: false };
  const cookie = headers.cookie === undefined ? null : readCookie(headers, SESSION_COOKIES);
  return cookie === null ? null : { text: cookie, cookie: true };
}

function presentedKey(headers: HeaderBag): string | null {
  const authorization = headers.authorization;
  if (typeof authorization === 'string') {
    const match = /^bearer +(\S+)$/i.exec(authorization);
    if (match?.[1]) return match[1];
  }
  const key = headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}

/** The value of the first of these cookies; null when none is there, or one is there twice: somebody put it beside ours. */
export function readCookie(headers: HeaderBag, names: readonly string[]): string | null {
  const { cookie } = headers;
  if (typeof cookie !== 'string') return null;
  const pairs = cookie.split(';').map((pair) => pair.trim());
  for (const name of names) {
    const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
    if (values.length > 1) return null;
    if (values[0]) return values[0];
  }
  return null;
}
