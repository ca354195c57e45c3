/** What the name before a value says about the value: `DB_PASSWORD`, `apiKey`, `next_page_token`, `X-Api-Key`. */

export type Noun = 'password' | 'secret' | 'token' | 'key' | 'auth' | 'credential' | 'session';

export interface Name {
  noun: Noun;
  /** A name that says clearly that a secret follows; a bare `key` does not. */
  clear: boolean;
}

/** The words of a name in any of the usual spellings, in lower case. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word !== '');
}

/** Beginnings of these stand in the prefilter; whatever contains one is looked at. */
export const NAME_LITERALS: readonly string[] = [
  'pass',
  'pwd',
  'pw',
  'secret',
  'token',
  'key',
  'auth',
  'cred',
  'session',
  'sessid',
  'kennwort',
  'contrase',
  'senha',
  'wachtwoord',
  'hasło',
  'пароль',
  '密码',
  '密碼',
  'パスワード',
  '비밀번호',
];

const PASSWORD =
  /^(?:\w*(?:passw(?:or)?d|passwort|passphrase|passcode)s?|pass|pwd|pw|pswd|\w*[a-z]pwd|passe|kennwort|contraseña|contrasena|senha|wachtwoord|hasło|пароль|密码|密碼|パスワード|비밀번호)$/;
const NOT_KEY = /^(?:\w*monkey|turkey|donkey|hockey|jockey|whiskey|lackey|hotkey|passkey|hokey|keykey)s?$/;
const NOT_PASS = /^(?:bypass|compass|surpass|trespass|overpass|underpass|encompass)$/;

function nounOf(word: string): Noun | null {
  if (PASSWORD.test(word)) return 'password';
  if (/pass$/.test(word) && !NOT_PASS.test(word)) return 'password';
  if (/secrets?$/.test(word) || word === 'salt') return 'secret';
  if (/(?:token|tok)$/.test(word) || word === 'tokens') return 'token';
  if (/key$/.test(word) && !NOT_KEY.test(word)) return 'key';
  if (/^(?:\w*auth|authorization|authentication|authn)$/.test(word)) return 'auth';
  if (/^(?:cred|creds|credential|credentials)$/.test(word)) return 'credential';
  if (/^(?:session|sess|sessionid|\w*sessid|jsessionid)$/.test(word)) return 'session';
  return null;
}

/** After the noun: it is about the secret, not the secret. */
const ABOUT = new Set(
  (
    'id ids type types count counts length len size url uri urls endpoint path paths file files filename field fields ' +
    'label hint placeholder expires expiry expiration expire exp ttl limit limits regex pattern policy rotation version ' +
    'format prefix suffix alias algorithm alg arn ref manager service store provider handler factory helper class ' +
    'generator required reset resets change changed enabled disabled error errors message title description name names ' +
    'budget usage used max min page cursor index status state validation validator confirm confirmation column table ' +
    'schema scope scopes audience issuer method mode strategy ring ringid pair pairs word words board up down press code ' +
    'codes event events map list array set frame frames space usages counter ized izer bucket hash hashed digest ' +
    'fingerprint checksum source location dir directory link links page pages'
  ).split(' '),
);
/** After the noun and still the secret. */
const STILL =
  /^(?:\d+|v\d+|value|val|values|prod|production|dev|development|test|testing|stage|staging|live|base|hex|b64|base64|data|string|str|text|plain|default|old|new|current|primary|secondary|main|env|raw|root|admin|user|db|s|1|2)$/;
/** Before `key` or `token`: another kind of thing. */
const OTHER = new Set(
  (
    'public pub primary foreign partition sort cache idempotency object map dict hash index row column group dedup routing ' +
    'i18n translation registry arrow shortcut hot query react item json lookup range natural composite unique candidate ' +
    'surrogate answer page next previous prev continuation cursor sync max min total input output prompt completion ' +
    'cached reasoning num count csrf xsrf stop eos bos pad unk special start end first last per of data metadata ' +
    'label tag topic message event order search filter config setting settings host site sitekey publishable anon ' +
    'ssh-rsa authorized known socket websocket'
  ).split(' '),
);
/** Before `key`: it opens something. */
const OPENS =
  /^(?:api|app|application|secret|access|private|priv|encryption|encrypt|encoding|signing|sign|signature|master|auth|license|licence|account|shared|consumer|service|client|server|admin|security|crypto|aes|hmac|jwt|session|deploy|integration|write|read|developer|dev|user|subscription|storage|webhook|root|vault|function|instrumentation|ingest|ingestion|rsa|ssh|wallet|decryption|seed|recovery|personal|project|license|prod|production|live|test|staging)$/;

/** What a name announces; null when nothing secret. */
export function nameOf(name: string): Name | null {
  const words = wordsOf(name);
  for (let at = words.length - 1; at >= 0; at--) {
    const word = words[at] ?? '';
    const noun = nounOf(word);
    if (!noun) continue;
    const after = words.slice(at + 1);
    if (after.some((next) => ABOUT.has(next))) return null;
    const known = after.every((next) => STILL.test(next));
    const before = words[at - 1];
    if (noun === 'key' || noun === 'token') {
      if (before !== undefined && OTHER.has(before)) return null;
      if (noun === 'token') return { noun, clear: known };
      const opens = (before !== undefined && OPENS.test(before)) || word !== 'key';
      return { noun, clear: known && (opens || words.length > 2) };
    }
    return { noun, clear: known && noun !== 'session' && noun !== 'auth' };
  }
  return null;
}
