/** Tokens and passwords that their surroundings give away: JSON web tokens, headers, addresses, command lines. */
import { isMixed } from '../checks.ts';
import type { Rule } from '../rule.ts';
import { dsnPassword, urlPassword } from '../urls.ts';
import { isSlug } from '../values.ts';
import { token } from './make.ts';

/** RFC 7519: the first part is JSON, and says an algorithm or, for encrypted ones, its parts. */
function isJwt(value: string): boolean {
  const [head = ''] = value.split('.');
  return /^\{.*"(?:alg|typ|enc|kid|jku|x5t)"/s.test(Buffer.from(head, 'base64url').toString('latin1'));
}

const urlRule: Rule = {
  id: 'url_password',
  title: 'Password in an address',
  kind: 'credential',
  literals: ['://'],
  pattern: urlPassword,
  maxLength: 800,
  glued: true,
  behind: true,
  vague: true,
  action: 'redact',
};

export const CONNECTION_RULES = [
  token(
    'jwt',
    'JSON web token',
    'eyJ',
    /eyJ[\w-]{8,2000}\.[\w-]{4,8000}\.[\w-]{0,1400}(?:\.[\w-]{8,4000}\.[\w-]{8,200})?/,
    {
      check: isJwt,
    },
  ),
  token('bearer_token', 'Bearer token', 'Bearer', /Bearer[ \t]{1,4}([A-Za-z0-9._~+/-]{20,2048}={0,2})/i, {
    group: 1,
    check: (value) => isMixed(value) && !isSlug(value),
    minEntropy: 3.2,
    vague: true,
  }),
  urlRule,
  token(
    'oracle_password',
    'Password in an Oracle address',
    'jdbc:ora',
    /jdbc:oracle:\w{3,5}:[\w$#]{1,64}\/([^\s@/"']{3,128})@/i,
    {
      group: 1,
      minEntropy: 1.5,
    },
  ),
  token(
    'curl_password',
    'Password for curl',
    '-u --user',
    /(?<=curl\b[^\n]{0,200}[ \t])(?:-u|--user)[ \t=]{0,3}["']?[^\s"':]{1,64}:([^\s"']{3,128})/,
    {
      group: 1,
      minEntropy: 1.5,
      check: (value) => !/^(?:pass(?:word)?|pwd|secret|token|test|changeit|\$\w+|\[.*)$/i.test(value),
    },
  ),
  token(
    'mysql_password',
    'Password for a database client',
    '-p',
    /(?<=(?:mysql|mysqldump|mariadb|sshpass|(?:docker|podman|helm registry|skopeo|oras|oc) login)\b[^\n]{0,160}[ \t])-p[ \t]{0,1}["']?([^\s"']{4,64})/,
    {
      group: 1,
      minEntropy: 1.5,
      check: (value) => /\d/.test(value) && /[A-Za-z]/.test(value) && !/^-|^\d+:|[\\/]/.test(value),
    },
  ),
  token(
    'netrc_password',
    'Password in .netrc',
    'machine',
    /machine[ \t\n]{1,4}[\w.-]{1,100}[ \t\n]{1,8}login[ \t\n]{1,4}\S{1,100}[ \t\n]{1,8}password[ \t]{1,4}([^\s]{3,128})/,
    {
      group: 1,
      minEntropy: 1.5,
    },
  ),
  token(
    'redis_password',
    'Password for redis-cli',
    '-a',
    /(?<=redis-cli\b[^\n]{0,160}[ \t])-a[ \t]{1,2}["']?([^\s"'$]{6,128})/,
    { group: 1, minEntropy: 2 },
  ),
  {
    id: 'dsn_password',
    title: 'Password in an address of a Go program',
    kind: 'credential',
    literals: ['@tcp(', '@unix('],
    pattern: dsnPassword,
    maxLength: 200,
    glued: true,
    behind: true,
    vague: true,
    action: 'redact',
  } satisfies Rule,
  token('odbc_password', 'Password in a connection string', 'pwd={', /PWD=\{([^}\n]{4,128})\}/i, {
    group: 1,
    minEntropy: 1.5,
    check: (value) => !/^[\w.]*$/.test(value) || /\d/.test(value) || /[a-z][A-Z]/.test(value),
  }),
  // libpq: host, port, database, user, password, each a line.
  token(
    'pgpass_password',
    'Password in .pgpass',
    ':5432: *:*:',
    /(?::\d{4,5}|\*:\*|:\*):[\w*.-]{1,63}:[\w.@-]{1,63}:([^\s:]{4,128})(?=\s|$)/,
    { group: 1, minEntropy: 2, glued: true, check: (value) => isMixed(value) || /[!@#$%^&*]/.test(value) },
  ),
  token(
    'password_hash',
    'Hash of a password',
    '$2a$ $2b$ $2x$ $2y$ $apr1$ $1$ $5$ $6$ $y$ $argon2',
    /\$(?:2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|(?:apr1|1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|[56]\$(?:rounds=\d{3,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43,86}|y\$[./A-Za-z0-9]{1,12}\$[./A-Za-z0-9]{8,90}\$[./A-Za-z0-9]{43}|argon2(?:id|i|d)\$v=\d{1,3}\$m=\d{1,9},t=\d{1,4},p=\d{1,3}\$[A-Za-z0-9+/]{8,90}\$[A-Za-z0-9+/]{20,90})/,
    { glued: true },
  ),
  token(
    'powershell_password',
    'Password in PowerShell',
    'ConvertTo',
    /ConvertTo-SecureString(?:[ ]-String)?[ ]{1,3}(?:-AsPlainText[ ])?["']([^"'\s$]{4,128})["']/i,
    { group: 1, minEntropy: 1.5 },
  ),
  token('docker_auth', 'Docker registry login', '"auth":', /"auth"\s{0,3}:\s{0,3}"([A-Za-z0-9+/]{12,400}={0,2})"/, {
    group: 1,
    check: (value) => /^[\x20-\x7e]{1,128}:[\x20-\x7e]{1,400}$/.test(Buffer.from(value, 'base64').toString('latin1')),
  }),
  token(
    'softlayer_key',
    'SoftLayer key',
    'api.softlayer.com',
    /api\.softlayer\.com\/soap\/v3(?:\.1)?\/([a-z0-9]{64})/i,
    { group: 1 },
  ),
];
