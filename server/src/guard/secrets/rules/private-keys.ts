/** Private keys: in armour, bare, and as JSON web keys. */
import { MAX_KEY, privateKey } from '../pem.ts';
import type { Rule } from '../rule.ts';

const key = (
  id: string,
  title: string,
  literals: readonly string[],
  pattern: Rule['pattern'],
  more?: Partial<Rule>,
): Rule => ({
  id,
  title,
  kind: 'private_key',
  literals,
  pattern,
  action: 'block',
  ...more,
});

export const PRIVATE_KEY_RULES = [
  key('private_key', 'Private key', ['-----BEGIN', '---- BEGIN', 'PuTTY-User-Key-File-'], privateKey, {
    maxLength: MAX_KEY,
    examples: true,
  }),
  // The beginnings of PKCS #8 and PKCS #1 for RSA, of PKCS #8 for elliptic curves and of OpenSSH's own form, in base64
  // without their armour.
  key(
    'bare_private_key',
    'Private key without its armour',
    ['MIIE', 'MIIC', 'MIIJ', 'MIIB', 'MIIG', 'MIGH', 'MHcC', 'MC4C', 'b3BlbnNz'],
    /(?:MII[A-J][A-Za-z0-9+/]{2}(?:IBADANBgkqhkiG9w0BAQEF|IBAAKC)|MIGHAgEAMBMGByqGSM49|MHcCAQEEI|MC4CAQAwBQYDK2V|b3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/=\s]{40,8000}/,
    { examples: true, vague: true },
  ),
  key(
    'openvpn_key',
    'OpenVPN static key',
    ['-----BEGIN'],
    /-----BEGIN OpenVPN Static key V1-----[0-9a-f\s]{256,900}-----END OpenVPN Static key V1-----/,
    { examples: true },
  ),
  key('jwk_private_key', 'Private JSON web key', ['"d":', '"d" :'], /"d"\s{0,3}:\s{0,3}"([A-Za-z0-9_-]{40,1400})"/, {
    group: 1,
  }),
  key('xml_private_key', 'RSA key as XML', ['<D>'], /<D>\s{0,20}([A-Za-z0-9+/=]{80,1400})\s{0,20}<\/D>/, {
    group: 1,
  }),
];
