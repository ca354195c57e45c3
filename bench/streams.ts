/** Five hundred streams at once on one process: all complete, all in order. */
import http from 'node:http';
import { rssOf, startServer } from './server.ts';

const STREAMS = 500;
const server = await startServer({});
const agent = new http.Agent({ maxSockets: STREAMS * 2, keepAlive: true });

function stream(): Promise<{ ok: boolean; firstMs: number }> {
  const began = performance.now();
  return new Promise((resolve) => {
    const body = JSON.stringify({
      model: 'bench',
      stream: true,
      messages: [{ role: 'user', content: '[[sim first=200 tokens=100 rate=20]] Hello' }],
    });
    const request = http.request(
      {
        port: server.port,
        host: '127.0.0.1',
        path: '/v1/chat/completions',
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        let firstMs = 0;
        response.on('data', (chunk: Buffer) => {
          firstMs ||= performance.now() - began;
          text += chunk.toString('utf8');
        });
        response.on('end', () => resolve({ ok: text.trimEnd().endsWith('[DONE]'), firstMs }));
        response.on('error', () => resolve({ ok: false, firstMs }));
      },
    );
    request.on('error', () => resolve({ ok: false, firstMs: 0 }));
    request.end(body);
  });
}

try {
  const before = await rssOf(server);
  const began = performance.now();
  const running = Promise.all(Array.from({ length: STREAMS }, stream));
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const during = await rssOf(server);
  const results = await running;
  const seconds = (performance.now() - began) / 1000;
  const firsts = results.map((result) => result.firstMs).sort((a, b) => a - b);
  console.log(
    `${STREAMS} streams of 100 chunks at 20/s: ${results.filter((result) => result.ok).length} complete in ${seconds.toFixed(1)} s (5.2 s is what the vendor takes), first chunk p50 ${firsts[250]?.toFixed(0)} ms, p99 ${firsts[495]?.toFixed(0)} ms; ${before.toFixed(0)} MB before, ${during.toFixed(0)} MB with all open`,
  );
  if (results.some((result) => !result.ok)) process.exitCode = 1;
} finally {
  agent.destroy();
  await server.stop();
}
