/**
 * What the scanner of answers and the restorer of placeholders add to a stream in the vendor's own dialect: doors with
 * and without them, in turns on one core, with a ledger that records nothing. Fails above a tenth.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from './load.ts';
import { type Child, child, freePort } from './process.ts';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
/** Words of an answer, each an event of its own: what a prompt costs is not what is asked. */
const EVENTS = Number(process.env.BENCH_EVENTS ?? 800);
const MOST = 1.1;
/** Made here, so that no file of the project holds what looks like a key. */
const SECRET = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');
const bodyWith = (words: string): string =>
  JSON.stringify({
    model: 'openai/bench',
    stream: true,
    messages: [{ role: 'user', content: `${'What is a control plane, and who needs one? '.repeat(4)}${words}` }],
  });
const CLEAN = bodyWith('');

const folder = mkdtempSync(join(tmpdir(), 'goblin-bench-'));
const vendorPort = await freePort();
const vendor = await child('./vendor.ts', { PORT: String(vendorPort), EVENTS: String(EVENTS) }, 1);

interface Door {
  child: Child;
  port: number;
}

async function open(name: string, secrets: Record<string, unknown>): Promise<Door> {
  const port = await freePort();
  const place = join(folder, name);
  mkdirSync(place);
  writeFileSync(join(place, 'goblin.yaml'), JSON.stringify({ local_servers: false, secrets }));
  const env = {
    PORT: String(port),
    MCP_DATA_DIR: join(place, 'data'),
    MCP_CONFIG: join(place, 'goblin.yaml'),
    OPENAI_API_KEY: 'sk-bench',
    OPENAI_BASE_URL: `http://127.0.0.1:${vendorPort}/v1`,
    LOG_LEVEL: 'error',
  };
  return { child: await child('./serve-door.ts', env, 0), port };
}

const off = await open('off', { answers: { enabled: false } });
const on = await open('on', {});

/** Microseconds of processor time for one stream. */
async function cpuOf(door: Door, body: string): Promise<number> {
  const before = await door.child.cpu();
  const input = { path: '/v1/chat/completions', connections: 16, seconds: SECONDS, stream: true };
  const result = await load({ ...input, port: door.port, body });
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.done} calls failed`);
  return (((await door.child.cpu()) - before) / result.done) * 1e6;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

async function compare(what: string, of: readonly [Door, string], to: readonly [Door, string]): Promise<number> {
  await cpuOf(...of);
  await cpuOf(...to);
  const ratios: number[] = [];
  let last = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    // Who is first changes, so that neither profits from its turn.
    const [a, b] = round % 2 === 0 ? [of, to] : [to, of];
    const first = await cpuOf(...a);
    const second = await cpuOf(...b);
    last = round % 2 === 0 ? [first, second] : [second, first];
    ratios.push((last[1] as number) / (last[0] as number));
  }
  const ratio = median(ratios);
  console.log(
    `${what}: ${ratio.toFixed(3)} of the processor time, median of ${ROUNDS} pairs (last ${last.map((us) => us.toFixed(0)).join(' and ')} µs)`,
  );
  return ratio;
}

try {
  const screened = await compare('answers looked at, against not', [off, CLEAN], [on, CLEAN]);
  const restored = await compare('the same, and the prompt holds a secret', [off, CLEAN], [on, bodyWith(SECRET)]);
  if (Math.max(screened, restored) > MOST) {
    console.error(`Scanner and restorer may cost a tenth of a stream at most.`);
    process.exitCode = 1;
  }
} finally {
  await Promise.all([vendor, off.child, on.child].map((process) => process.stop()));
  rmSync(folder, { recursive: true, force: true });
}
