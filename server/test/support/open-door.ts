/** A call to a door whose answer is looked at while it comes. */
import http from 'node:http';
import type { Addressed, Json } from './api.ts';

/** A door's answer as it comes. */
export interface DoorStream {
  status: number;
  text(): string;
  /** Resolves when the connection is over. */
  over: Promise<void>;
}

export function openDoor(server: Addressed, body: Json, headers: Record<string, string>): Promise<DoorStream> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${server.address}/v1/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    });
    let text = '';
    request.on('error', (error) => {
      // Cut off: the answer says so itself.
      if (text === '') reject(error);
    });
    request.on('response', (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => {});
      const over = new Promise<void>((done) => response.on('close', () => done()));
      resolve({ status: response.statusCode ?? 0, text: () => text, over });
    });
    request.end(JSON.stringify(body));
  });
}

/** Rejects when it takes longer; answers how long it took. */
export async function within(what: Promise<unknown>, name: string, limitMs: number): Promise<number> {
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} was still open after ${limitMs} ms`)), limitMs);
  });
  await Promise.race([what, late]);
  clearTimeout(timer);
  return performance.now() - began;
}
