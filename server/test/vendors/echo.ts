/** A vendor with paths that nobody here knows: says what it heard, streams, redirects, breaks off. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Heard {
  method: string;
  /** With its query, from the root. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  closed: boolean;
  /** Bytes that its connection took of the answer. */
  sent: number;
}

export interface EchoVendor {
  /** The base URL: it ends in `/base/v1`. */
  url: string;
  port: number;
  heard: Heard[];
  /** What is to follow on a stream. */
  stream(): ServerResponse | null;
  close(): void;
}

export const SECRET_WORDS = 'Incorrect API key provided: sk-the-vendors-key';
export const BIG = 48 * 1024 * 1024;

export async function startEchoVendor(): Promise<EchoVendor> {
  const heard: Heard[] = [];
  let open: ServerResponse | null = null;

  function answer(call: Heard, response: ServerResponse): void {
    const say = (status: number, body: string, headers: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', 'set-cookie': 'a=b', ...headers });
      response.end(body);
    };
    const [, status] = /\/status\/(\d+)/.exec(call.url) ?? [];
    if (status !== undefined) {
      const words = JSON.stringify({ error: { message: status === '401' ? SECRET_WORDS : `status ${status}` } });
      say(Number(status), words, {
        location: 'http://evil.example/',
        'retry-after': '30',
        'www-authenticate': 'Bearer',
      });
    } else if (call.url.includes('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      open = response;
    } else if (call.url.includes('/cut')) {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': '1000' });
      response.write('x'.repeat(400), () => setTimeout(() => response.destroy(), 50));
    } else if (call.url.includes('/big')) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      const block = Buffer.alloc(64 * 1024, 'b');
      const more = (): void => {
        while (call.sent < BIG) {
          call.sent += block.length;
          if (!response.write(block)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    } else if (call.url.includes('/nothing')) {
      response.writeHead(204);
      response.end();
    } else if (!call.url.includes('/never')) {
      const { method, url, headers } = call;
      say(200, JSON.stringify({ method, url, headers, body: call.body.toString('base64') }), {
        etag: '"1"',
        'x-own': 'no',
      });
    }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const call: Heard = { method, url, headers, body: Buffer.concat(chunks), closed: false, sent: 0 };
      response.on('close', () => {
        call.closed = true;
      });
      heard.push(call);
      answer(call, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/base/v1`,
    port,
    heard,
    stream: () => open,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
