/** Why a token or a sign-in of another issuer was refused: for the log, in fixed words. Who is refused learns none of it. */
import { errors } from 'jose';
import type { Telemetry } from '../contract/ports.ts';
import type { Issuer } from './issuer.ts';

export type Refusal =
  // Of what is asked at the way back from a provider.
  | 'begun_elsewhere'
  | 'state'
  | 'provider_refused'
  | 'no_code'
  | 'no_id_token'
  // Of a token; some of a way back too.
  | 'malformed'
  | 'algorithm'
  | 'key'
  | 'signature'
  | 'issuer'
  | 'issuer_missing'
  | 'audience'
  | 'expired'
  | 'too_old'
  | 'not_yet'
  | 'subject'
  | 'claims'
  | 'nonce'
  | 'authorized_party'
  | 'role'
  // Of the account.
  | 'closed'
  | 'no_email'
  | 'email_taken'
  | 'account';

/** `issuer` null: it names none that is trusted. */
export type TellRefusal = (what: 'token' | 'sign-in', issuer: Issuer | null, reason: Refusal) => void;

/** Lines about one reason of one issuer: strangers must not fill the log. */
const MOST_A_MINUTE = 10;
const MINUTE_MS = 60_000;

export function createRefusals(log: Telemetry['log'], now: () => number = Date.now): TellRefusal {
  let minute = { from: Number.NEGATIVE_INFINITY, counts: new Map<string, number>() };
  return (what, issuer, reason) => {
    if (now() - minute.from >= MINUTE_MS) minute = { from: now(), counts: new Map() };
    const name = `${what} ${issuer?.name} ${reason}`;
    const n = (minute.counts.get(name) ?? 0) + 1;
    minute.counts.set(name, n);
    if (n > MOST_A_MINUTE) return;
    const last = n === MOST_A_MINUTE ? { more: 'not told within this minute' } : {};
    const issued = what === 'token' ? 'a token of an issuer was refused' : 'a sign-in at an issuer was refused';
    log('warn', issued, { issuer: issuer?.name ?? null, reason, ...last });
  };
}

const OF_CLAIM: Readonly<Record<string, Refusal>> = {
  aud: 'audience',
  iss: 'issuer',
  nbf: 'not_yet',
  sub: 'subject',
};

/** What was wrong, by the error of the library that looked. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return error.claim === 'iat' ? 'too_old' : 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return OF_CLAIM[error.claim] ?? 'claims';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return 'key';
  return 'malformed';
}
