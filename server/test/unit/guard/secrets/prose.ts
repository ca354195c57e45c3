/** Ordinary mail, prose, code and data without a secret in them, to count false alarms on. Written for this test. */
import type { Random } from './random.ts';
import { ALNUM, HEX } from './random.ts';

const OPENINGS = [
  'Dear Ms Harper,',
  'Hi all,',
  'Good morning, and thank you for your patience.',
  'Hello Jonas,',
  'To whom it may concern,',
];
const SENTENCES = [
  'The key point of the meeting was that the token ring in the basement is finally gone.',
  'Please remember that the password is required before the seminar begins, so arrive early.',
  'He kept the secret of the old mill until the end of his life, and nobody asked.',
  'As a token of our appreciation, the committee will pay for lunch on Tuesday 14 May.',
  'The author of the report, an authority on rivers, was away when the auth service failed.',
  'Our session on Thursday starts at 10:30 and ends at 12:00; the key is with the porter.',
  'Your order 4711-0815 was shipped on 2026-03-14 and should arrive within 3 to 5 days.',
  'Could you compare section 3.2.1 with the figures on pages 117-120 and tell me what you think?',
  'The passage through the pass took 4 hours, and the compass was of no use at all.',
  'It cost 1,299.00 euros, plus 19% tax, which is more than the 2019 budget allowed.',
  'A password should have at least 12 characters, among them a digit, and be changed when it leaks.',
  'Password: see the sealed envelope in the safe.',
  'The API key: you will get it from Maria once the contract is signed.',
  'Secret ingredients: butter, salt, and a good deal of time.',
  'My favourite authors are Austen, Borges and Lem; the key to all three is irony.',
  'Then he said: "You may keep the key, but the door stays open," and left.',
  'Access was granted by the credential office in room B12-345, next to the stairs.',
  'The train leaves from platform 9 at 07:45, and the ticket is in the attachment (ref. QX4T-77812).',
  'Version 2.14.3-beta.1 of the library fixes the bug that we saw with session handling.',
  'Use max_tokens: 4096 and temperature: 0.7, and leave the other settings as they are.',
  'I would rather use gpt-4o-mini-2024-07-18 or claude-sonnet-4-5-20250929 for this task-based work.',
  'The isbn is 978-3-16-148410-0, and the paper is at https://example.org/papers/2026/rivers-and-roads.html?page=2.',
  'We must ask the risk-management desk-side team whether sk-learn is still supported.',
  'In the table, the primary key is user_id and the foreign key is order_id.',
  'Bearer bonds were popular then; basic training lasted twelve weeks.',
  'Best regards from a rainy Hamburg, where the weather-beaten harbour-master-in-chief waits.',
];

/** One message of some sentences. */
export function message(random: Random): string {
  const count = 3 + random.below(8);
  const body = Array.from({ length: count }, () => random.pick(SENTENCES)).join(random.pick([' ', '\n', '\n\n']));
  return `${random.pick(OPENINGS)}\n\n${body}\n\nKind regards\n`;
}

const uuid = (r: Random): string => [8, 4, 4, 4, 12].map((length) => r.text(length, HEX)).join('-');

/** What is full of random strings and has no secret: code, hashes, lock files, logs, identifiers. */
export const TECHNICAL: readonly (readonly [kind: string, make: (r: Random) => string])[] = [
  [
    'git log',
    (r) =>
      `commit ${r.text(40, HEX)}\nAuthor: Ada <ada@example.org>\n\n    Merge pull request #${r.below(999)} from team/fix-key-handling\n`,
  ],
  [
    'npm lock file',
    (r) =>
      `"node_modules/undici": {\n  "version": "8.12.4",\n  "resolved": "https://registry.npmjs.org/undici/-/undici-8.12.4.tgz",\n  "integrity": "sha512-${Buffer.from(r.text(64)).toString('base64')}",\n`,
  ],
  [
    'Cargo lock file',
    (r) =>
      `name = "tokio"\nversion = "1.40.0"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "${r.text(64, HEX)}"\n`,
  ],
  ['go.sum', (r) => `golang.org/x/crypto v0.28.0 h1:${Buffer.from(r.text(32)).toString('base64')}\n`],
  ['UUIDs', (r) => `{"id": "${uuid(r)}", "request_id": "${uuid(r)}", "parent": "${uuid(r)}"}`],
  [
    'access log',
    (r) =>
      `10.1.2.3 - - [14/Mar/2026:10:12:01 +0000] "GET /assets/app.${r.text(8, HEX)}.js HTTP/1.1" 200 ${r.below(99999)} "-" "Mozilla/5.0"`,
  ],
  [
    'TypeScript',
    () =>
      'const apiKey = process.env.API_KEY ?? config.get("apiKey");\nif (!apiKey) throw new Error("missing apiKey: set OPENAI_API_KEY");\nconst token = await getToken({ scope: "read:all" });',
  ],
  [
    'Python',
    () =>
      'password = getpass.getpass("Password: ")\nclient = Client(api_key=os.environ["COHERE_API_KEY"], token=token_for(user))\n',
  ],
  [
    'Go',
    () =>
      'secretName := fmt.Sprintf("%s-credentials", release)\nkeyPath := filepath.Join(dir, "tls.key")\nif token == "" { return errNoToken }\n',
  ],
  [
    'environment template',
    () =>
      'OPENAI_API_KEY=your-key-here\nDB_PASSWORD=changeme\nGITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nAWS_SECRET_ACCESS_KEY=<secret>\nSTRIPE_KEY=sk_test_...\n',
  ],
  [
    'compose file',
    () =>
      `environment:\n  POSTGRES_PASSWORD: \${POSTGRES_PASSWORD}\n  DATABASE_URL: postgres://app:\${DB_PASS}@db:5432/app\n`,
  ],
  [
    'workflow',
    () => `env:\n  NPM_TOKEN: \${{ secrets.NPM_TOKEN }}\n  SENTRY_AUTH_TOKEN: \${{ secrets.SENTRY_AUTH_TOKEN }}\n`,
  ],
  [
    'schema',
    () =>
      '{"password": {"type": "string", "minLength": 8, "description": "The new password"}, "token_type": "Bearer", "expires_in": 3600}',
  ],
  [
    'translations',
    () =>
      '{"password": "Passwort", "forgot_password": "Passwort vergessen?", "token.expired": "Der Zugang ist abgelaufen", "key": "Taste"}',
  ],
  [
    'usage',
    (r) =>
      `{"prompt_tokens": ${r.below(9000)}, "completion_tokens": ${r.below(900)}, "total_tokens": 4242, "cache_key": "${r.text(32, HEX)}"}`,
  ],
  [
    'AWS example',
    () =>
      'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n',
  ],
  [
    'public keys',
    (r) =>
      `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA${r.text(43)} ada@laptop\n-----BEGIN PUBLIC KEY-----\n${r.text(64)}\n-----END PUBLIC KEY-----\n-----BEGIN CERTIFICATE-----\n${r.text(64)}\n-----END CERTIFICATE-----\n`,
  ],
  ['image', (r) => `<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA${r.text(400, `${ALNUM}+/`)}">`],
  ['CSS', (r) => `.token-keyword { color: #${r.text(6, HEX)}; } .session-key::after { content: "\\201C"; }`],
  [
    'Kubernetes',
    () =>
      'env:\n  - name: API_TOKEN\n    valueFrom:\n      secretKeyRef:\n        name: api-credentials\n        key: token\n',
  ],
  ['hashes', (r) => `SHA256 (image.iso) = ${r.text(64, HEX)}\nmd5: ${r.text(32, HEX)}\nETag: "${r.text(32, HEX)}"\n`],
  [
    'docker image',
    (r) => `FROM node@sha256:${r.text(64, HEX)}\nLABEL org.opencontainers.image.revision="${r.text(40, HEX)}"`,
  ],
  [
    'placeholders of ours',
    (r) => `password = [[secret:password:${r.text(10, HEX)}]] and key: [[secret:openai_key:${r.text(10, HEX)}]]`,
  ],
];
