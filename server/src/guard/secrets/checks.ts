/** What a value must satisfy beside its form. All take the value as it was written, separators included. */

const counts = new Uint16Array(128);
/** Of longer values only this much is counted. */
const COUNTED = 512;

/** Shannon entropy in bits a character. */
export function entropy(value: string): number {
  const length = Math.min(value.length, COUNTED);
  counts.fill(0);
  for (let at = 0; at < length; at++) {
    // Characters outside of ASCII share places: too few bits rather than too many.
    const place = value.charCodeAt(at) & 127;
    counts[place] = (counts[place] ?? 0) + 1;
  }
  let sum = 0;
  for (const count of counts) if (count > 1) sum += count * Math.log2(count);
  return length === 0 ? 0 : Math.log2(length) - sum / length;
}

/** Letters and digits both, or cases that change all the time: what words and slugs do not have. */
export function isMixed(value: string): boolean {
  if (/\d/.test(value) && /[A-Za-z]/.test(value)) return true;
  return (value.match(/[a-z][A-Z]/g)?.length ?? 0) >= 3;
}

const digitsOf = (value: string): number[] => Array.from(value.replace(/\D/g, ''), Number);
const weighted = (digits: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, index) => sum + weight * (digits[index] ?? 0), 0);

/** ISO/IEC 7812-1 annex B, for payment cards; the same digit repeated passes the sum and is no card. */
export function luhn(value: string): boolean {
  const digits = digitsOf(value);
  let sum = 0;
  for (const [index, digit] of digits.toReversed().entries()) {
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && new Set(digits).size > 1;
}

/** Card numbers begin with the ranges of the schemes (ISO/IEC 7812: 3 to 6, and Mir and Mastercard in 2). */
export function isCard(value: string): boolean {
  const digits = value.replace(/\D/g, '');
  const length = digits.length;
  const known = /^3[47]/.test(digits)
    ? length === 15
    : /^4/.test(digits)
      ? length === 13 || length === 16 || length === 19
      : /^(5[1-5]|2[2-7])/.test(digits)
        ? length === 16
        : /^3(?:0[0-5]|[689])/.test(digits)
          ? length >= 14
          : /^(6|35)/.test(digits) && length >= 16;
  return known && luhn(digits);
}

/** Lengths of the IBAN registry (SWIFT, ISO 13616), by country. */
const IBAN_LENGTHS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 ' +
    'LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 ' +
    'PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((row) => [row.slice(0, 2), Number(row.slice(2))]),
);

/** ISO 13616: the registered length of the country, and ISO 7064 mod 97-10. */
export function iban(value: string): boolean {
  const text = value.replace(/[^A-Za-z0-9]/g, '').toUpperCase();
  if (IBAN_LENGTHS[text.slice(0, 2)] !== text.length) return false;
  let rest = 0;
  for (const char of text.slice(4) + text.slice(0, 4)) {
    const number = Number.parseInt(char, 36);
    rest = (number > 9 ? rest * 100 + number : rest * 10 + number) % 97;
  }
  return rest === 1;
}

/** US SSN: no check digit, but areas 000, 666 and 900 on, group 00 and serial 0000 are never issued (SSA POMS RM 10201). */
export function ssn(value: string): boolean {
  const [area = 0, group = 0, serial = 0] = value.split(/\D/).map(Number);
  return (
    area > 0 && area !== 666 && area < 900 && group > 0 && serial > 0 && !/^(078-05-1120|219-09-9999)$/.test(value)
  );
}

/** German tax number (§ 139b AO): ISO 7064 mod 11,10; one digit of the first ten twice or three times. */
export function steuerId(value: string): boolean {
  const digits = digitsOf(value);
  const kinds = new Set(digits.slice(0, 10)).size;
  if (digits.length !== 11 || digits[0] === 0 || kinds < 8 || kinds > 9) return false;
  let product = 10;
  for (const digit of digits.slice(0, 10)) {
    const sum = (digit + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return (11 - product) % 10 === digits[10];
}

/** French NIR: the last two digits are 97 less the rest modulo 97; Corsica's 2A and 2B count as 19 and 18. */
export function nir(value: string): boolean {
  const text = value.replace(/[^0-9AB]/gi, '').toUpperCase();
  const number = text.replace('2A', '19').replace('2B', '18');
  if (!/^\d{15}$/.test(number)) return false;
  return 97 - Number(BigInt(number.slice(0, 13)) % 97n) === Number(number.slice(13));
}

const DNI_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';
/** Spanish DNI and NIE: the letter is the number modulo 23; X, Y and Z stand for 0, 1 and 2. */
export function dni(value: string): boolean {
  const text = value.replace(/[^0-9A-Za-z]/g, '').toUpperCase();
  const number = text.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return DNI_LETTERS[Number(number) % 23] === text.at(-1);
}

const CF_ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
/** Italian codice fiscale: sum of odd and even places modulo 26 (D.M. 23/12/1976). */
export function codiceFiscale(value: string): boolean {
  const text = value.toUpperCase();
  let sum = 0;
  for (let at = 0; at < 15; at++) {
    const number = Number.parseInt(text.charAt(at), 36);
    const order = number > 9 ? number - 10 : number;
    sum += at % 2 === 0 ? (CF_ODD[order] ?? 0) : order;
  }
  return String.fromCharCode(65 + (sum % 26)) === text[15];
}

/** Dutch BSN: the eleven test with weights 9 to 2 and -1. */
export function bsn(value: string): boolean {
  const digits = digitsOf(value);
  return new Set(digits).size > 2 && weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
}

/** Polish PESEL: weights 1 3 7 9, and a month and day that can be. */
export function pesel(value: string): boolean {
  const digits = digitsOf(value);
  const month = ((digits[2] ?? 0) * 10 + (digits[3] ?? 0)) % 20;
  const day = (digits[4] ?? 0) * 10 + (digits[5] ?? 0);
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  return (10 - (weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10 === digits[10];
}

/** Brazilian CPF: two check digits modulo 11. */
export function cpf(value: string): boolean {
  const digits = digitsOf(value);
  if (digits.length !== 11 || new Set(digits).size === 1) return false;
  const first = ((weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  const second = ((weighted(digits, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  return first === digits[9] && second === digits[10];
}

const VERHOEFF_PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
/** Multiplication in the dihedral group D5. */
function d5(a: number, b: number): number {
  if (a < 5) return b < 5 ? (a + b) % 5 : ((a + b) % 5) + 5;
  return b < 5 ? ((a - b + 5) % 5) + 5 : (a - b + 5) % 5;
}

/** Indian Aadhaar: Verhoeff's check digit, and no leading 0 or 1 (UIDAI). */
export function aadhaar(value: string): boolean {
  const digits = digitsOf(value);
  if (digits.length !== 12 || (digits[0] ?? 0) < 2 || new Set(digits).size < 3) return false;
  let check = 0;
  for (const [place, digit] of digits.toReversed().entries()) {
    let moved = digit;
    for (let turn = 0; turn < place % 8; turn++) moved = VERHOEFF_PERMUTATION[moved] ?? 0;
    check = d5(check, moved);
  }
  return check === 0;
}
