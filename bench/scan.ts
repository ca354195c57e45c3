/** The scanner alone, in processor time: clean prose, code, text full of secrets, a prompt of 1 kB, a streamed answer. */
import { createHmac, randomBytes } from 'node:crypto';
import { createScanner, type Scanner } from '../server/src/guard/secrets/engine.ts';
import { createRedactor } from '../server/src/guard/secrets/redact.ts';
import { createRestorer } from '../server/src/guard/secrets/restore.ts';
import { PII_RULES, SECRET_RULES } from '../server/src/guard/secrets/rules/index.ts';
import { createStreamScanner } from '../server/src/guard/secrets/stream.ts';

const LEAST_MB = 60;
const PROSE = `Dear Ms Harper, thank you for your letter of the 14th. The committee met on Tuesday and agreed that the garden
party should go ahead even if it rains; please ask the caterer for a revised estimate, and tell the band that they may
park behind the stables. As a token of our thanks the author of the winning essay will receive the key to the library
for a year. The password for the seminar will be sent in a separate message. We walked along the river until the lights
of the town came into view, and nobody spoke, for there was nothing left to say that the water had not said better. `;
const CODE = `export async function load(path: string): Promise<Config> {
  const text = await readFile(path, 'utf8');\n  const apiKey = process.env.API_KEY ?? config.get("api.key");
  if (!apiKey) throw new Error(\`no key in \${path}:\\n\${hint}\`);\n  return parse(text, { token: apiKey, depth: 3 });\n}\n`;
const secret = (prefix: string, bytes: number): string => prefix + randomBytes(bytes).toString('hex');
const dense = (): string =>
  `DB_PASSWORD=${secret('', 9)}\nGITHUB_TOKEN=${secret('gh' + 'p_', 18)}\nurl: postgres://app:${secret('', 8)}@db.acme.io/app\n`;

/** Characters as one flat string of one byte each, as they come from a body. */
function flat(text: string, size: number): string {
  return Buffer.from(text.repeat(Math.ceil(size / text.length)).slice(0, size)).toString('latin1');
}

/** The best of several turns, in microseconds of processor time. */
function spent(work: () => unknown, turns = 12): number {
  let best = Infinity;
  for (let turn = 0; turn < turns; turn++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    if (turn > 1) best = Math.min(best, user + system);
  }
  return best;
}

function megabytes(scanner: Scanner, text: string): number {
  return text.length / spent(() => scanner.scan(text));
}

const secrets = createScanner(SECRET_RULES);
const all = createScanner([...SECRET_RULES, ...PII_RULES]);
const prose = flat(PROSE, 1_000_000);
const code = flat(CODE, 500_000);
const full = Array.from({ length: 1500 }, dense).join('');
const clean = megabytes(secrets, prose);
console.log(
  `clean prose: ${clean.toFixed(0)} MB/s with ${SECRET_RULES.length} rules, ${megabytes(all, prose).toFixed(0)} MB/s with those for data about people`,
);
console.log(
  `code: ${megabytes(secrets, code).toFixed(0)} MB/s; ${secrets.scan(full).length} secrets in ${(full.length / 1000).toFixed(0)} kB: ${megabytes(secrets, full).toFixed(1)} MB/s`,
);

const prompt = flat(PROSE, 1024);
const ROUNDS = 2000;
const perPrompt = spent(() => {
  for (let round = 0; round < ROUNDS; round++) secrets.scan(prompt);
});
console.log(`a prompt of 1 kB: ${(perPrompt / ROUNDS).toFixed(1)} µs`);

const pieces = prose.slice(0, 100_000).match(/\s?\S{1,6}/g) ?? [];
const streamed = spent(() => {
  const stream = createStreamScanner(secrets);
  for (const piece of pieces) stream.push(piece);
  stream.end();
});
const redactor = createRedactor({ keyedDigest: (value) => createHmac('sha256', 'bench').update(value).digest('hex') });
redactor.redact(full, secrets.scan(full).slice(0, 5));
const restored = spent(() => {
  const restorer = createRestorer(redactor.mapping);
  for (const piece of pieces) restorer.push(piece);
  restorer.end();
});
console.log(
  `a streamed answer: ${((streamed * 1000) / pieces.length).toFixed(0)} ns a piece to scan, ${((restored * 1000) / pieces.length).toFixed(0)} ns to restore`,
);
if (clean < LEAST_MB) {
  console.error(`Clean prose must be scanned at ${LEAST_MB} MB/s at least.`);
  process.exitCode = 1;
}
