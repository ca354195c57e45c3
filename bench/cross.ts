/**
 * The OpenAI door before a vendor of another dialect, against the bare pass-through of OpenAI bytes, in turns on one
 * core; then what the door adds to the first token when nothing else runs; then the parser of events alone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSseParser } from '../server/src/dialects/sse.ts';
import { load } from './load.ts';
import { type Child, child, freePort } from './process.ts';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const messages = [
  { role: 'system', content: 'You answer in one sentence.' },
  { role: 'user', content: 'What is a control plane, and who needs one? '.repeat(4) },
];
const bodyFor = (model: string) => JSON.stringify({ model, messages, stream: true });

const folder = mkdtempSync(join(tmpdir(), 'goblin-bench-'));
const [samePort, otherPort, barePort, doorPort] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
const same = await child('./vendor.ts', { PORT: String(samePort) }, 1);
const other = await child('./vendor-anthropic.ts', { PORT: String(otherPort) }, 1);
const bare = await child('./bare.ts', { PORT: String(barePort), UPSTREAM: `http://127.0.0.1:${samePort}` }, 0);
const door = await child(
  './serve-door.ts',
  {
    PORT: String(doorPort),
    MCP_DATA_DIR: folder,
    OPENAI_API_KEY: 'sk-bench',
    OPENAI_BASE_URL: `http://127.0.0.1:${samePort}/v1`,
    ANTHROPIC_API_KEY: 'sk-bench',
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${otherPort}`,
    LOG_LEVEL: 'error',
  },
  0,
);
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

async function measure(of: Child, port: number, model: string): Promise<{ perSecond: number; cpuUs: number }> {
  const before = await of.cpu();
  const result = await load({
    port,
    path: '/v1/chat/completions',
    body: bodyFor(model),
    connections: 16,
    seconds: SECONDS,
    stream: true,
  });
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.done} calls failed`);
  return { perSecond: result.perSecond, cpuUs: (((await of.cpu()) - before) / result.done) * 1e6 };
}

/** Milliseconds from the request to the first byte of a token, one call after the other on one connection. */
async function firstTokens(port: number, calls: number): Promise<number> {
  const body = bodyFor('openai/bench');
  const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const socket = net.connect(port, '127.0.0.1').setNoDelay(true);
  const times: number[] = [];
  for (let n = 0; n < calls; n++) {
    const began = performance.now();
    let text = '';
    let first = 0;
    socket.write(request);
    await new Promise<void>((resolve) => {
      const take = (data: Buffer) => {
        text += data.toString('latin1');
        if (first === 0 && text.includes('word0')) first = performance.now() - began;
        if (!text.endsWith('0\r\n\r\n')) return;
        socket.off('data', take);
        resolve();
      };
      socket.on('data', take);
    });
    times.push(first);
  }
  socket.destroy();
  return median(times);
}

function parserSpeed(): number {
  const chunk = Buffer.from(
    `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1750000000,"model":"bench","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}]}\n\n`.repeat(
      64,
    ),
  );
  let events = 0;
  const parser = createSseParser({ onEvent: () => events++ });
  const began = performance.now();
  let bytes = 0;
  for (; performance.now() - began < 1000; bytes += chunk.length) parser.push(chunk);
  return bytes / 1e6 / ((performance.now() - began) / 1000);
}

try {
  await measure(bare, barePort, 'bench');
  await measure(door, doorPort, 'anthropic/bench');
  const ratios: number[] = [];
  const cpu: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const b = await measure(bare, barePort, 'bench');
    const d = await measure(door, doorPort, 'anthropic/bench');
    ratios.push(d.perSecond / b.perSecond);
    cpu.push(b.cpuUs / d.cpuUs);
    console.log(
      `cross round ${round}: bare ${b.perSecond.toFixed(0)}/s (${b.cpuUs.toFixed(0)} µs CPU), door ${d.perSecond.toFixed(0)}/s (${d.cpuUs.toFixed(0)} µs CPU), ratio ${(d.perSecond / b.perSecond).toFixed(2)}`,
    );
  }
  console.log(`cross median ratio ${median(ratios).toFixed(2)} by throughput, ${median(cpu).toFixed(2)} by CPU time`);
  const added: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const [b, d] = [await firstTokens(barePort, 300), await firstTokens(doorPort, 300)];
    added.push(d - b);
    console.log(`first token round ${round}: bare ${b.toFixed(2)} ms, door ${d.toFixed(2)} ms, p50`);
  }
  console.log(`first token: ${median(added).toFixed(2)} ms added, median of ${ROUNDS} rounds`);
  parserSpeed();
  console.log(`event parser: ${parserSpeed().toFixed(0)} MB/s`);
} finally {
  await Promise.all([same, other, bare, door].map((process) => process.stop()));
  rmSync(folder, { recursive: true, force: true });
}
