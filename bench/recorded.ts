/** The OpenAI door on the embedded database: recorded requests per second, and whether a backlog grows. */

import { load } from './load.ts';
import { child, freePort } from './process.ts';
import { metrics, rssOf, startServer } from './server.ts';

const seconds = Number(process.env.BENCH_SECONDS ?? 20);
const vendorPort = await freePort();
const vendor = await child('./vendor.ts', { PORT: String(vendorPort) }, 1);
const server = await startServer({ OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `http://127.0.0.1:${vendorPort}/v1` });
const body = JSON.stringify({
  model: 'openai/bench',
  messages: [{ role: 'user', content: 'What is a control plane?' }],
});

const backlog: number[] = [];
const watch = setInterval(() => void metrics(server).then((m) => backlog.push(m.database.pool.waiting)), 1000);
try {
  const result = await load({
    port: server.port,
    path: '/v1/chat/completions',
    body,
    connections: 64,
    seconds,
    stream: false,
  });
  clearInterval(watch);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const after = await metrics(server);
  console.log(
    `door on PGlite: ${result.perSecond.toFixed(0)} recorded requests/s over ${seconds} s (${result.failed} failed), p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`,
  );
  console.log(
    `writes that waited, second by second: ${backlog.join(' ')}; 2 s after: ${after.database.pool.waiting}, still running ${after.queue.running}; ${(await rssOf(server)).toFixed(0)} MB`,
  );
} finally {
  await Promise.all([server.stop(), vendor.stop()]);
}
