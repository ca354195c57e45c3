/** Data about people. Off by default: whoever turns them on says which. */
import * as checks from '../checks.ts';
import type { Rule } from '../rule.ts';

const EDGE = '(?<![A-Za-z0-9/])(?<!\\d[ .,-]?)';
const END = '(?![A-Za-z0-9])(?![ .-]?\\d)';

function pii(
  id: string,
  title: string,
  pattern: RegExp,
  check: (value: string) => boolean,
  more: Partial<Rule> = {},
): Rule {
  return { id, title, kind: 'pii', at: 'digit', glued: true, examples: true, pattern, check, action: 'allow', ...more };
}
const number = (body: string, flags = ''): RegExp => new RegExp(`${EDGE}(?:${body})${END}`, flags);
const digits = (value: string): number => value.replace(/\D/g, '').length;

/** HMRC NIM39110: letters that are never used, prefixes that are never given. With and without blanks. */
function nino(blank: string, lead: NonNullable<Rule['lead']>): Rule {
  const letters = '(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]';
  const body = [letters, '\\d{2}', '\\d{2}', '\\d{2}', '[A-D]'].join(blank);
  const pattern = new RegExp(`(?<![A-Za-z0-9])${body}(?![A-Za-z0-9])`);
  return pii('uk_nino', 'UK national insurance number', pattern, () => true, { lead });
}

export const PII_RULES: readonly Rule[] = [
  {
    id: 'email',
    title: 'E-mail address',
    kind: 'pii',
    literals: ['@'],
    lead: { chars: /[\w.+%-]/, max: 64 },
    // RFC 5321 sizes: 64 before the "@", labels of 63.
    pattern: /(?<![\w.+%-])[A-Za-z0-9_+%][\w.+%-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9-])/,
    glued: true,
    examples: true,
    action: 'allow',
  },
  pii(
    'phone',
    'Phone number',
    number('(?:\\+|00)[1-9](?:\\d{8,14}|\\d{0,2}(?:[ .\\-/]?\\(\\d{1,4}\\)\\d{0,8})?(?:[ .\\-/]\\d{1,8}){1,5})'),
    (value) => digits(value) >= 9 && digits(value) <= 15,
    {
      lead: { chars: /\+/, max: 1 },
    },
  ),
  pii(
    'phone_national',
    'Phone number',
    /(?<![A-Za-z0-9])(?<!\d[ .\-/]?)(?:\(\d{3}\)[ ]?\d{3}[ .-]\d{4}|[2-9]\d\d-[2-9]\d\d-\d{4}|[2-9]\d\d\.[2-9]\d\d\.\d{4}|(?!0\d{4}-\d{4}(?!\d))\(?0\d{1,5}\)?[ \-/]\d{2,8}(?:[ \-/]\d{2,8}){0,4})(?![A-Za-z0-9])(?![.\-/]\d)/,
    (value) => digits(value) >= 9 && digits(value) <= 12,
    {
      lead: { chars: /\(/, max: 1 },
    },
  ),
  pii(
    'card',
    'Payment card number',
    number('[2-6]\\d{3}(?:\\d{9,15}|(?:[ -]\\d{4}){3}(?:[ -]\\d{3})?|[ -]\\d{6}[ -]\\d{4,5})'),
    (value) => digits(value) >= 13 && digits(value) <= 19 && checks.isCard(value),
  ),
  pii(
    'iban',
    'IBAN',
    /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,30}|(?:[ -][A-Za-z0-9]{4}){2,7}(?:[ -][A-Za-z0-9]{1,3})?)(?![A-Za-z0-9])/,
    checks.iban,
    {
      lead: { chars: /[A-Za-z]/, max: 2 },
    },
  ),
  pii('us_ssn', 'US social security number', number('\\d{3}-\\d{2}-\\d{4}'), checks.ssn),
  nino('', { chars: /[A-Z]/, max: 2 }),
  nino('[ ]', { chars: /[A-Z ]/, max: 3 }),
  pii('de_steuer_id', 'German tax number', number('[1-9]\\d[ ]?\\d{3}[ ]?\\d{3}[ ]?\\d{3}'), checks.steuerId),
  pii(
    'fr_nir',
    'French social security number',
    number('[12][ ]?\\d{2}[ ]?(?:0[1-9]|1[0-2]|[2-9]\\d)[ ]?(?:\\d{2}|2[AB])[ ]?\\d{3}[ ]?\\d{3}[ ]?\\d{2}', 'i'),
    checks.nir,
  ),
  pii(
    'es_dni',
    'Spanish DNI or NIE',
    /(?<![A-Za-z0-9])(?<!\d[.,])(?:\d{8}|[XYZ][ -]?\d{7})[ -]?[A-HJ-NP-TV-Z](?![A-Za-z0-9])/i,
    checks.dni,
    {
      lead: { chars: /[XYZxyz-]/, max: 2 },
    },
  ),
  pii(
    'it_codice_fiscale',
    'Italian codice fiscale',
    /(?<![A-Za-z0-9])[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z](?![A-Za-z0-9])/i,
    checks.codiceFiscale,
    {
      lead: { chars: /[A-Za-z]/, max: 6 },
    },
  ),
  // One number of nine digits in eleven passes the test: only with its name, or written as it is on the card.
  pii(
    'nl_bsn',
    'Dutch BSN',
    /(?<![A-Za-z0-9.])(?:\d{4}\.\d{2}\.\d{3}|(?<=(?:bsn|burgerservicenummer|sofi-?nummer)[^\dA-Za-z]{1,12})\d{8,9})(?![A-Za-z0-9])/i,
    checks.bsn,
  ),
  pii('pl_pesel', 'Polish PESEL', number('\\d{11}'), checks.pesel),
  pii('br_cpf', 'Brazilian CPF', number('\\d{3}\\.\\d{3}\\.\\d{3}-\\d{2}|\\d{11}'), checks.cpf),
  // One number of twelve digits in ten passes: only in groups or with its name.
  pii(
    'in_aadhaar',
    'Indian Aadhaar number',
    /(?<![A-Za-z0-9])(?<!\d[ -]?)(?:[2-9]\d{3} \d{4} \d{4}|[2-9]\d{3}-\d{4}-\d{4}|(?<=(?:aadhaar|aadhar|uid)[^\dA-Za-z]{1,12}(?:no|number)?[^\dA-Za-z]{0,4})[2-9]\d{11})(?![A-Za-z0-9])(?![ -]?\d)/i,
    checks.aadhaar,
  ),
];
