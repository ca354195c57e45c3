/** Layers, places, examples, checks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { ALL_RULES, PII_RULES, SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { createRandom, DIGITS } from './random.ts';

const scanner = createScanner(SECRET_RULES);
const random = createRandom(5);
const token = `gh${'p_'}${random.text(36)}`;

/** The findings of a text, each with the piece of the text that it covers. */
function found(text: string) {
  return scanner
    .scan(text)
    .map((one) => ({ rule: one.rule, via: one.via, value: one.value, piece: text.slice(one.start, one.end) }));
}

describe('encodings', () => {
  const base64 = Buffer.from(`token: ${token}!`).toString('base64');
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['plain', token, token, 'plain'],
    ['standard base64', base64, base64, 'base64'],
    [
      'base64 for addresses',
      Buffer.from(`??>${token}~~~`).toString('base64url'),
      Buffer.from(`??>${token}~~~`).toString('base64url'),
      'base64',
    ],
    [
      'base64 twice',
      Buffer.from(`say ${base64}`).toString('base64'),
      Buffer.from(`say ${base64}`).toString('base64'),
      'base64',
    ],
    [
      'UTF-16 in base64',
      Buffer.from(`key ${token}`, 'utf16le').toString('base64'),
      Buffer.from(`key ${token}`, 'utf16le').toString('base64'),
      'base64',
    ],
    ['percent-encoding', token.replace('_', '%5F'), token.replace('_', '%5F'), 'url'],
    [
      'percent-encoding of everything',
      [...token].map((char) => `%${char.charCodeAt(0).toString(16)}`).join(''),
      '',
      'url',
    ],
    ['JSON escape', token.replace('_', '\\u005f'), token.replace('_', '\\u005f'), 'json'],
    ['JSON escape in JSON', token.replace('_', '\\\\u005f'), token.replace('_', '\\\\u005f'), 'json'],
    ['HTML reference', token.replace('_', '&#95;'), token.replace('_', '&#95;'), 'html'],
    ['HTML reference by name', token.replace('_', '&lowbar;'), token.replace('_', '&lowbar;'), 'html'],
    ['zero width space', `${token.slice(0, 9)}\u200b${token.slice(9)}`, '', 'zero-width'],
    ['soft hyphen', `${token.slice(0, 20)}\u00ad${token.slice(20)}`, '', 'zero-width'],
    ['bidi marks', `${token.slice(0, 5)}\u202e\u2066${token.slice(5)}`, '', 'zero-width'],
    ['a zero width between all', [...token].join('\u2060'), '', 'zero-width'],
    ['tag characters', `${token.slice(0, 7)}\u{e0041}${token.slice(7)}`, '', 'zero-width'],
    ['full width', [...token].map((char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0)).join(''), '', 'wide'],
  ];
  for (const [name, hidden, piece, via] of cases) {
    it(`finds ${name} and covers it whole`, () => {
      const text = `Please use "${hidden}" today.`;
      assert.deepEqual(found(text), [{ rule: 'github_token', via, value: token, piece: piece || hidden }]);
    });
  }

  it('finds base64 that is wrapped into lines', () => {
    const wrapped = Buffer.from(`a long text before it, and then ${token}, and more of it after that`.repeat(2))
      .toString('base64')
      .replace(/.{76}/g, '$&\r\n');
    const text = `body:\n${wrapped}\nend`;
    assert.deepEqual(
      found(text).map(({ rule, piece }) => [rule, piece]),
      [['github_token', wrapped.trimEnd()]],
    );
  });

  it('finds a secret after an escaped line break, where it is plain', () => {
    assert.deepEqual(found(JSON.stringify(`first\n${token}\nlast`)), [
      { rule: 'github_token', via: 'plain', value: token, piece: token },
    ]);
  });

  it('finds a private key in JSON, from its first hyphen to its last', () => {
    const key = `-----BEGIN ${'PRIVATE'} KEY-----\n${random.text(64)}\n${random.text(64)}\n-----END ${'PRIVATE'} KEY-----`;
    const text = JSON.stringify({ client_email: 'a@b.iam', private_key: `${key}\n`, token_uri: 'x' });
    assert.deepEqual(
      found(text).map(({ rule, piece }) => [rule, piece]),
      [['private_key', JSON.stringify(key).slice(1, -1)]],
    );
  });

  it('finds a private key that is cut off, and not talk about one', () => {
    const cut = `-----BEGIN RSA ${'PRIVATE'} KEY-----\n${random.text(64)}\n${random.text(30)}`;
    assert.equal(found(`see ${cut}`)[0]?.piece, cut);
    assert.deepEqual(
      found('It begins with -----BEGIN RSA PRIVATE KEY----- and ends with -----END RSA PRIVATE KEY-----.'),
      [],
    );
  });
});

describe('what is a finding and what is not', () => {
  const examples = [
    `gh${'p_'}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`,
    `gh${'p_'}${'a'.repeat(36)}`,
    `sk${'-'}proj-your-key-here-your-key-here-1234`,
    `AK${'IA'}IOSFODNN7EXAMPLE`,
    `password = "\${DB_PASSWORD}"`,
    'password = "<your password>"',
    'password: {{ vault.password }}',
    'API_KEY=$API_KEY',
    'api_key = os.environ["API_KEY"]',
    'apiKey: process.env.OPENAI_API_KEY',
    'password: string',
    'postgres://user:password@localhost/db',
    'postgres://postgres:postgres@localhost:5432/db',
    'https://user:****@example.com',
    'Authorization: Bearer <token>',
    'Authorization: Bearer YOUR_TOKEN',
    'token_count: 1234567890123456',
    'next_page_token: "CAUQAA1234567890abcdef"',
    'public_key = "04a5c3f1b2d4e6f8091a2b3c4d5e6f70"',
  ];
  for (const text of examples) it(`leaves alone: ${text.slice(0, 60)}`, () => assert.deepEqual(found(text), []));

  it('keeps one finding where several rules say the same, the one that says most', () => {
    assert.deepEqual(
      found(`OPENAI_API_KEY="sk${'-'}proj-${random.text(60)}"`).map((one) => one.rule),
      ['openai_key'],
    );
    assert.deepEqual(
      found(`password=${token}`).map((one) => one.rule),
      ['github_token'],
    );
  });

  it('finds all of several secrets, in order', () => {
    const text = `a ${token} b gh${'o_'}${random.text(36)} c PASSWORD=Xy7!${random.text(6)} d`;
    const findings = scanner.scan(text);
    assert.deepEqual(
      findings.map((one) => one.rule),
      ['github_token', 'github_token', 'password'],
    );
    assert.ok(findings.every((one, at) => at === 0 || (findings[at - 1]?.end ?? 0) <= one.start));
  });

  it('gives every rule an id for placeholders, a title and an action, and no id twice but for one vendor', () => {
    const titles = new Map<string, string>();
    for (const { id, title, kind, action } of ALL_RULES) {
      assert.match(id, /^[a-z][a-z0-9_]{1,47}$/);
      assert.ok(title.length > 3);
      assert.equal(action, { credential: 'redact', private_key: 'block', pii: 'allow' }[kind]);
      titles.set(id, title);
    }
    assert.ok(titles.size > 200, `${titles.size} rules`);
  });

  it('never throws, whatever the text is', () => {
    for (const text of [
      '',
      '\0',
      '\ud800',
      '\udc00\ud800',
      '\uffff'.repeat(99),
      '%',
      '\\',
      '&#',
      '[['.repeat(50),
      '='.repeat(999),
    ]) {
      assert.deepEqual(scanner.scan(text), []);
    }
  });
});

describe('data about people', () => {
  const people = createScanner(PII_RULES);
  const rules = (text: string) => people.scan(text).map((one) => [one.rule, one.value]);
  const good: readonly (readonly [string, string])[] = [
    ['email', 'ada.lovelace+x@mail.example.org'],
    ['phone', '+49 170 1234567'],
    ['phone', '+1 (415) 555-0132'],
    ['phone', '0044 20 7946 0958'],
    ['phone_national', '(415) 555-0132'],
    ['phone_national', '030/901820-15'],
    // Test numbers of the card schemes.
    ['card', `4111${' 1111'.repeat(3)}`],
    ['card', `5555${'-5555'.repeat(2)}-4444`],
    ['card', `3782 822463 10005`],
    // Examples of the IBAN registry.
    ['iban', 'DE89 3704 0044 0532 0130 00'],
    ['iban', 'GB29NWBK60161331926819'],
    ['us_ssn', '536-22-8726'],
    ['uk_nino', 'AB 12 34 56 C'],
    ['de_steuer_id', '86 095 742 719'],
    ['fr_nir', '2 55 08 14 168 025 38'],
    ['es_dni', '12345678Z'],
    ['es_dni', 'X1234567L'],
    ['it_codice_fiscale', 'RSSMRA85T10A562S'],
    ['nl_bsn', '1112.22.333'],
    ['pl_pesel', '44051401359'],
    ['br_cpf', '111.444.777-35'],
    ['in_aadhaar', '2341 2341 2346'],
  ];
  for (const [rule, value] of good) {
    it(`finds ${rule}: ${value}`, () => {
      assert.ok(
        rules(`It is ${value}, he said.`).some(([name, text]) => name === rule && text === value),
        JSON.stringify(rules(`It is ${value}, he said.`)),
      );
    });
  }

  it('leaves numbers alone whose check digits are wrong', () => {
    const wrong = [
      '4111 1111 1111 1112',
      'DE89 3704 0044 0532 0130 01',
      '000-12-3456',
      '86 095 742 718',
      '2 55 08 14 168 025 39',
      '12345678A',
      'RSSMRA85T10A562T',
      '1112.22.334',
      '44051401358',
      '111.444.777-36',
      '2341 2341 2347',
      'BG 12 34 56 C',
    ];
    for (const value of wrong) {
      const names = rules(`It is ${value}, he said.`).map(([name]) => name);
      assert.ok(!names.some((name) => name !== 'phone_national' && name !== 'phone'), `${value}: ${names}`);
    }
  });

  it('takes one in a hundred random numbers for data at most where there are check digits', () => {
    const numbers = createRandom(77);
    let alarms = 0;
    for (let count = 0; count < 2000; count++)
      if (rules(`Order ${numbers.text(16, DIGITS)} of today`).length > 0) alarms++;
    assert.ok(alarms < 120, `${alarms} of 2,000`);
  });
});
