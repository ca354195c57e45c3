/** HTTP as `fetch` would never write it: the address as it is given. */
import { connect } from 'node:net';
import type { Addressed } from './api.ts';

export interface RawReply {
  status: number;
  text: string;
}

export function rawRequest(server: Addressed, target: string, headers: readonly string[] = []): Promise<RawReply> {
  const { hostname, port, host } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text }));
    socket.on('error', reject);
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')));
    socket.write(
      Buffer.from(
        [`GET ${target} HTTP/1.1`, `host: ${host}`, 'connection: close', ...headers, '', ''].join('\r\n'),
        'latin1',
      ),
    );
  });
}
