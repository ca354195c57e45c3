/** Detached requests on the embedded database: what the first part costs, accepted submits, and whole requests per second. */
import { load } from './load.ts';
import { metrics, startServer } from './server.ts';

const FIRST_MS = 50;
const server = await startServer({});
const base = `http://127.0.0.1:${server.port}`;
const submit = (prompt: string, more = {}) =>
  fetch(`${base}/mcp/v1/request`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt, ...more }),
  }).then((response) => response.json() as Promise<{ request_id: string; links: { stream: string } }>);

async function firstPart(): Promise<number> {
  const began = performance.now();
  const { links, request_id } = await submit(`[[sim first=${FIRST_MS} tokens=5 rate=0]] Hello`);
  const response = await fetch(base + links.stream);
  let text = '';
  let first = 0;
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += Buffer.from(chunk).toString('utf8');
    if (first === 0 && text.includes('event: text')) first = performance.now() - began;
  }
  // The vendor's own time, as it was on the wire: its timers are not exact.
  const row = (await (await fetch(`${base}/mcp/v1/request/${request_id}`)).json()) as {
    attempts: { first_token_ms: number }[];
  };
  return first - (row.attempts[0]?.first_token_ms ?? 0);
}

try {
  for (let i = 0; i < 20; i++) await firstPart();
  const added: number[] = [];
  for (let i = 0; i < 100; i++) added.push(await firstPart());
  added.sort((a, b) => a - b);
  console.log(
    `submit to first part adds ${added[50]?.toFixed(1)} ms (p50), ${added[95]?.toFixed(1)} ms (p95) to the vendor's own time to its first token`,
  );

  const later = new Date(Date.now() + 86_400_000).toISOString();
  const accepted = await load({
    port: server.port,
    path: '/mcp/v1/request',
    body: JSON.stringify({ prompt: 'Hello '.repeat(20), not_before: later }),
    connections: 64,
    seconds: 5,
    stream: false,
  });
  console.log(
    `submits accepted (commit before 202): ${accepted.perSecond.toFixed(0)}/s, ${accepted.failed} failed, p50 ${accepted.p50Ms.toFixed(1)} ms`,
  );

  const before = (await metrics(server)).queue.depth;
  const total = 2000;
  const began = performance.now();
  let sent = 0;
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      while (sent < total) {
        sent++;
        await submit('[[sim first=0 tokens=20 rate=0]] Hello');
      }
    }),
  );
  for (;;) {
    const { queue } = await metrics(server);
    if (queue.depth <= before && queue.running === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(`end to end: ${total} requests in ${seconds.toFixed(1)} s, ${(total / seconds).toFixed(0)}/s`);
} finally {
  await server.stop();
}
