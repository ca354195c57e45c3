/** Private keys as they come: armoured, indented, quoted, in JSON, in base64. `§` is where the key goes. */
import type { Place } from './corpus-places.ts';
import type { Random } from './random.ts';
import { BASE64, HEX, URLSAFE } from './random.ts';

/** Lines of base64 between the lines that say what it is, which stand in no file whole. */
function armour(r: Random, kind: string, join = '\n', lines = 8): string {
  const body = Array.from({ length: lines }, () => r.text(64, BASE64)).join(join);
  return [`-----BEGIN ${kind}`, ` KEY-----${join}`, body, `${join}-----END ${kind}`, ' KEY-----'].join('');
}

export const KEY_FILES: readonly Place[] = [
  ['RSA', 'Here:\n§\nbye', (r) => armour(r, 'RSA PRIVATE')],
  ['DSA', '§', (r) => armour(r, 'DSA PRIVATE')],
  ['EC', '§\n', (r) => armour(r, 'EC PRIVATE', '\n', 3)],
  ['PKCS #8, Ed25519', 'key:\n§\n', (r) => armour(r, 'PRIVATE', '\n', 1)],
  ['OpenSSH', '§', (r) => armour(r, 'OPENSSH PRIVATE')],
  ['encrypted', '§', (r) => armour(r, 'ENCRYPTED PRIVATE')],
  ['Windows lines', '§\r\n', (r) => armour(r, 'PRIVATE', '\r\n')],
  ['in YAML', 'tls:\n  key: |\n    §\n', (r) => armour(r, 'PRIVATE', '\n    ')],
  ['quoted in mail', '> Hi\n> §\n> bye', (r) => armour(r, 'RSA PRIVATE', '\n> ')],
  ['in a comment of a script', '# §\n', (r) => armour(r, 'PRIVATE', '\n# ')],
  ['in a comment of C', '/*\n * §\n */', (r) => armour(r, 'PRIVATE', '\n * ')],
  ['lines of JavaScript', 'const pem =\n  "§";', (r) => armour(r, 'RSA PRIVATE', '\\n" +\n  "')],
  ['lines of Python', "pem = (\n    '§'\n)", (r) => armour(r, 'PRIVATE', "\\n'\n    '")],
  ['a list of JSON', '["§"]', (r) => armour(r, 'PRIVATE', '",\n "')],
  [
    'service account of Google',
    '{"type":"service_account","private_key":"§\\n","x":1}',
    (r) => armour(r, 'PRIVATE', '\\n', 26),
  ],
  ['one line', 'key = "§"', (r) => armour(r, 'RSA PRIVATE', '', 12)],
  ['environment', 'PRIVATE_KEY="§"\n', (r) => armour(r, 'PRIVATE', '\\n')],
  ['kubeconfig', 'client-key-data: §', (r) => Buffer.from(`${armour(r, 'RSA PRIVATE')}\n`).toString('base64')],
  [
    'PGP',
    '§',
    (r) =>
      [
        '-----BEGIN PGP PRIVATE',
        ' KEY BLOCK-----\n\n',
        ...Array.from({ length: 8 }, () => `${r.text(64, BASE64)}\n`),
        '=aBcD\n-----END PGP PRIVATE',
        ' KEY BLOCK-----',
      ].join(''),
  ],
  [
    'SSH2',
    '§',
    (r) =>
      [
        '---- BEGIN SSH2 ENCRYPTED PRIVATE',
        ' KEY ----\n',
        ...Array.from({ length: 8 }, () => `${r.text(64, BASE64)}\n`),
        '---- END SSH2 ENCRYPTED PRIVATE',
        ' KEY ----',
      ].join(''),
  ],
  [
    'PuTTY 3',
    '§',
    (r) =>
      [
        'PuTTY-User-',
        `Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\nPublic-Lines: 2\n${r.text(64, BASE64)}\n${r.text(20, BASE64)}\n`,
        `Private-Lines: 1\n${r.text(48, BASE64)}\nPrivate-`,
        `MAC: ${r.text(64, HEX)}`,
      ].join(''),
  ],
  [
    'OpenVPN',
    '§',
    (r) =>
      [
        '-----BEGIN OpenVPN Static',
        ' key V1-----\n',
        ...Array.from({ length: 16 }, () => `${r.text(32, HEX)}\n`),
        '-----END OpenVPN Static',
        ' key V1-----',
      ].join(''),
  ],
  ['JSON web key', '{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"§"}', (r) => r.text(43, URLSAFE)],
];
