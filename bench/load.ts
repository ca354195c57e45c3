/** A load over raw keep-alive sockets: so many connections, one call after the other on each, for so long. */
import net from 'node:net';

export interface LoadResult {
  done: number;
  failed: number;
  seconds: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export interface LoadInput {
  port: number;
  path: string;
  body: string;
  connections: number;
  seconds: number;
  /** Calls in all, at most. */
  most?: number;
  /** What a good answer has in its last bytes (streams) or anywhere (JSON). */
  stream: boolean;
}

export async function load(input: LoadInput): Promise<LoadResult> {
  const request = Buffer.from(
    `POST ${input.path} HTTP/1.1\r\nhost: 127.0.0.1:${input.port}\r\ncontent-type: application/json\r\nauthorization: Bearer test\r\ncontent-length: ${Buffer.byteLength(input.body)}\r\n\r\n${input.body}`,
  );
  const began = performance.now();
  const until = began + input.seconds * 1000;
  const times: number[] = [];
  let failed = 0;
  let begun = 0;

  const one = () =>
    new Promise<void>((resolve) => {
      const socket = net.connect(input.port, '127.0.0.1');
      socket.setNoDelay(true);
      let sent = 0;
      let tail = '';
      let length = -1;
      let got = 0;
      const send = () => {
        if (performance.now() >= until || begun >= (input.most ?? Number.POSITIVE_INFINITY)) {
          socket.destroy();
          return;
        }
        begun++;
        sent = performance.now();
        tail = '';
        length = -1;
        got = 0;
        socket.write(request);
      };
      const complete = (ok: boolean) => {
        times.push(performance.now() - sent);
        if (!ok) failed++;
        send();
      };
      socket.on('connect', send);
      socket.on('data', (data: Buffer) => {
        if (input.stream) {
          tail = (tail + data.toString('latin1')).slice(-64);
          if (tail.endsWith('0\r\n\r\n')) complete(tail.includes('[DONE]'));
          return;
        }
        if (length < 0) {
          const text = data.toString('latin1');
          const head = text.indexOf('\r\n\r\n');
          const match = /content-length: *(\d+)/i.exec(text);
          if (match) {
            length = head + 4 + Number(match[1]);
            tail = text.slice(0, 12);
          } else if (text.endsWith('0\r\n\r\n')) {
            complete(text.startsWith('HTTP/1.1 20'));
            return;
          } else return;
        }
        got += data.length;
        if (got >= length) complete(tail.startsWith('HTTP/1.1 20'));
      });
      socket.on('error', () => {
        failed++;
        resolve();
      });
      socket.on('close', () => resolve());
    });

  await Promise.all(Array.from({ length: input.connections }, one));
  const seconds = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0;
  return { done: times.length, failed, seconds, perSecond: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}
