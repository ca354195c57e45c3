/** What people put around a secret, and the encodings it hides in. */
import type { Random } from './random.ts';

export interface Surrounding {
  name: string;
  before: string;
  after: string;
}

/** As secrets come into prompts: pasted files, code, commands, tables, pages, sentences in several scripts. */
export const SURROUNDINGS: readonly Surrounding[] = [
  { name: 'alone', before: '', after: '' },
  { name: 'environment file', before: 'PORT=8080\nTHING=', after: '\nDEBUG=1\n' },
  { name: 'environment file, quoted', before: 'export THING="', after: '"\n' },
  { name: 'YAML', before: 'service:\n  thing: ', after: '\n  replicas: 2\n' },
  { name: 'JSON', before: '{"a": 1, "thing": "', after: '", "b": [true]}' },
  { name: 'Python', before: "client = Client('", after: "', timeout=30)" },
  { name: 'JavaScript', before: 'const x = new Thing(`', after: '`);' },
  { name: 'Go', before: 'thing := "', after: '"' },
  { name: 'sentence', before: 'Hi, use ', after: ' for the staging box, please.' },
  { name: 'end of a sentence', before: 'The thing we got is ', after: '. Thanks!' },
  { name: 'in brackets', before: 'it works (', after: ') on my machine' },
  { name: 'shell history', before: " 1042  curl -sS 'https://api.acme.io/v1/me?x=", after: "' | jq .\n" },
  { name: 'header of a command', before: 'curl -H "X-Thing: ', after: '" https://api.acme.io' },
  { name: 'Markdown table', before: '| name | value |\n| --- | --- |\n| thing | ', after: ' |\n' },
  { name: 'Markdown code', before: 'Set it to `', after: '` and restart.' },
  { name: 'HTML attribute', before: '<meta name="thing" content="', after: '">' },
  { name: 'HTML text', before: '<td>', after: '</td>' },
  { name: 'XML', before: '<thing>', after: '</thing>' },
  { name: 'CSV', before: 'ada,2026-01-01,', after: ',active\n' },
  { name: 'log line', before: '2026-03-01T10:00:00Z INFO [http-1] thing=', after: ' status=200' },
  { name: 'diff', before: '@@ -1 +1 @@\n-old\n+thing = "', after: '"\n' },
  { name: 'Chinese', before: '密钥是：', after: '，请保密。' },
  { name: 'Russian', before: 'Вот он: «', after: '»' },
  { name: 'typographic quotes', before: 'He wrote “', after: '” on the board.' },
  { name: 'chat link', before: 'see <', after: '>' },
  { name: 'two lines', before: 'thing:\n\n    ', after: '\n\nok?' },
];

export interface Encoding {
  name: string;
  /** The text that hides `secret`; what a scanner should cover is all of it unless `at` says where it stands. */
  make(secret: string, r: Random): string;
}

const percent = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

export const ENCODINGS: readonly Encoding[] = [
  { name: 'base64', make: (secret) => `data: ${Buffer.from(`value=${secret}\n`).toString('base64')}\n` },
  { name: 'base64 of it alone', make: (secret) => `x ${Buffer.from(secret).toString('base64')} y` },
  { name: 'base64url', make: (secret) => `https://x.io/?d=${Buffer.from(`{"k":"${secret}"}`).toString('base64url')}` },
  {
    name: 'base64 in lines',
    make: (secret) =>
      Buffer.from(`# a file of settings that is long enough for several lines\nvalue=${secret}\nport=8080\n`)
        .toString('base64')
        .replace(/.{76}/g, '$&\n'),
  },
  {
    name: 'base64 twice',
    make: (secret) => Buffer.from(Buffer.from(`k=${secret}`).toString('base64')).toString('base64'),
  },
  { name: 'percent-encoding', make: (secret) => `https://x.io/cb?v=${encodeURIComponent(secret)}&z=1` },
  { name: 'percent-encoding of all', make: (secret) => `q=${percent(secret)}` },
  { name: 'JSON in a string', make: (secret) => JSON.stringify({ body: JSON.stringify({ v: secret }) }) },
  {
    name: 'JSON three deep',
    make: (secret) => JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ v: secret }) }) }),
  },
  {
    name: 'unicode escapes',
    make: (secret) =>
      `"${[...secret].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`,
  },
  {
    name: 'zero-width',
    make: (secret, r) => `is ${split(secret, r, ['\u200b', '\u200c', '\u200d', '\u2060', '\ufeff'])} ok`,
  },
  { name: 'soft hyphens', make: (secret, r) => `is ${split(secret, r, ['\u00ad'])} ok` },
  {
    name: 'character references',
    make: (secret) =>
      `<p>${[...secret].map((char) => (/\w/.test(char) ? char : `&#${char.charCodeAt(0)};`)).join('')}</p>`,
  },
  {
    name: 'full width',
    make: (secret) =>
      `：${[...secret].map((char) => (/[!-~]/.test(char) ? String.fromCharCode(char.charCodeAt(0) + 0xfee0) : char)).join('')} 。`,
  },
];

function split(secret: string, r: Random, marks: readonly string[]): string {
  const at = new Set([1, 3, ...Array.from({ length: 4 }, () => 1 + r.below(secret.length - 1))]);
  return [...secret].map((char, index) => (at.has(index) ? r.pick(marks) + char : char)).join('');
}
