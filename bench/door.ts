/** The OpenAI door against the bare pass-through, in turns on one core, with a ledger that records nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from './load.ts';
import { type Child, child, freePort } from './process.ts';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const messages = [
  { role: 'system', content: 'You answer in one sentence.' },
  { role: 'user', content: 'What is a control plane, and who needs one? '.repeat(4) },
];
const bodies = {
  json: JSON.stringify({ model: 'openai/bench', messages }),
  stream: JSON.stringify({ model: 'openai/bench', messages, stream: true }),
};

const folder = mkdtempSync(join(tmpdir(), 'goblin-bench-'));
const [vendorPort, barePort, doorPort] = [await freePort(), await freePort(), await freePort()];
const upstream = `http://127.0.0.1:${vendorPort}`;
const vendor = await child('./vendor.ts', { PORT: String(vendorPort) }, 1);
const bare = await child('./bare.ts', { PORT: String(barePort), UPSTREAM: upstream }, 0);
const door = await child(
  './serve-door.ts',
  {
    PORT: String(doorPort),
    MCP_DATA_DIR: folder,
    OPENAI_API_KEY: 'sk-bench',
    OPENAI_BASE_URL: `${upstream}/v1`,
    LOG_LEVEL: 'error',
  },
  0,
);

async function measure(
  of: Child,
  port: number,
  kind: 'json' | 'stream',
): Promise<{ perSecond: number; cpuUs: number }> {
  const before = await of.cpu();
  const result = await load({
    port,
    path: '/v1/chat/completions',
    body: bodies[kind],
    connections: kind === 'json' ? 32 : 16,
    seconds: SECONDS,
    stream: kind === 'stream',
  });
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.done} calls failed`);
  return { perSecond: result.perSecond, cpuUs: (((await of.cpu()) - before) / result.done) * 1e6 };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
try {
  for (const kind of ['json', 'stream'] as const) {
    await measure(bare, barePort, kind);
    await measure(door, doorPort, kind);
    const ratios: number[] = [];
    const cpu: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const b = await measure(bare, barePort, kind);
      const d = await measure(door, doorPort, kind);
      ratios.push(d.perSecond / b.perSecond);
      cpu.push(b.cpuUs / d.cpuUs);
      console.log(
        `${kind.padEnd(6)} round ${round}: bare ${b.perSecond.toFixed(0)}/s (${b.cpuUs.toFixed(0)} µs CPU), door ${d.perSecond.toFixed(0)}/s (${d.cpuUs.toFixed(0)} µs CPU), ratio ${(d.perSecond / b.perSecond).toFixed(2)}`,
      );
    }
    console.log(
      `${kind.padEnd(6)} median ratio ${median(ratios).toFixed(2)} by throughput, ${median(cpu).toFixed(2)} by CPU time`,
    );
  }
} finally {
  await Promise.all([vendor, bare, door].map((process) => process.stop()));
  rmSync(folder, { recursive: true, force: true });
}
