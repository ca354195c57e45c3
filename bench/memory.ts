/** Memory over fifty thousand recorded requests, attached and detached: it must come to rest. */

import { load } from './load.ts';
import { child, freePort } from './process.ts';
import { metrics, rssOf, startServer } from './server.ts';

const TOTAL = Number(process.env.BENCH_REQUESTS ?? 50_000);
const vendorPort = await freePort();
const vendor = await child('./vendor.ts', { PORT: String(vendorPort), EVENTS: '10' }, 1);
const server = await startServer({ OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `http://127.0.0.1:${vendorPort}/v1` });
const messages = [{ role: 'user', content: 'What is a control plane? '.repeat(8) }];

try {
  let done = 0;
  while (done < TOTAL) {
    const attached = await load({
      port: server.port,
      path: '/v1/chat/completions',
      body: JSON.stringify({ model: 'openai/bench', messages, stream: true }),
      connections: 32,
      seconds: 4,
      stream: true,
    });
    const detached = await load({
      port: server.port,
      path: '/mcp/v1/request',
      body: JSON.stringify({ model: 'openai/bench', messages }),
      connections: 16,
      seconds: 1,
      stream: false,
    });
    done += attached.done + detached.done;
    for (;;) {
      const { queue } = await metrics(server);
      if (queue.depth === 0 && queue.running === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    console.log(
      `${String(done).padStart(6)} requests: ${(await rssOf(server)).toFixed(0)} MB (${attached.failed + detached.failed} failed)`,
    );
  }
} finally {
  await Promise.all([server.stop(), vendor.stop()]);
}
