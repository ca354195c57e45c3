/** A vendor that repeats what it should not: its caller's key and prompt, in errors, headers, streams and answers. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LeakyVendor {
  url: string;
  /** What it heard: headers and body. */
  heard: string[];
  close(): void;
}

interface Ask {
  model?: string;
  stream?: boolean;
  input?: unknown;
}

/** `writes`: what its answers hold of its own. The model's name says what is done: `status-401`, `html`, `midway` … */
export async function startLeakyVendor(writes: string): Promise<LeakyVendor> {
  const heard: string[] = [];

  function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const key = String(request.headers.authorization ?? '').replace('Bearer ', '');
    const ask = parsed(body);
    const model = ask.model ?? /[?/](status-\d+)/.exec(request.url ?? '')?.[1] ?? '';
    const echo = `Incorrect API key provided: ${key}. You sent ${body}`;
    // An answer that is good goes on as it is, its ids too.
    if (model !== 'plain' && model !== '') response.setHeader('x-request-id', key);
    response.setHeader('x-debug', Buffer.from(echo).toString('base64url').slice(0, 4000));
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const [, status] = /status-(\d+)/.exec(model) ?? [];
    if (status !== undefined) {
      const error = { message: echo, type: key, param: key, code: key };
      json(Number(status), { error });
    } else if (model === 'html') {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(`<html><title>${echo}</title></html>`);
    } else if (model === 'garbage') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"key": "${key}", ${body}`);
    } else if (model === 'redirect') {
      response.writeHead(302, { location: `http://127.0.0.1:9/?key=${key}` });
      response.end();
    } else if (request.url?.includes('/embeddings')) {
      const data = [{ object: 'embedding', index: 0, embedding: [0.5, 0.25] }];
      json(200, { object: 'list', data, model, usage: { prompt_tokens: 2, total_tokens: 2 } });
    } else if (ask.stream === true) {
      stream(response, model, echo, key);
    } else {
      const message = { role: 'assistant', content: `Here you are: ${writes} and that is all.` };
      const usage = { prompt_tokens: 9, completion_tokens: 9, total_tokens: 18 };
      json(200, { id: 'chatcmpl-1', model, choices: [{ index: 0, finish_reason: 'stop', message }], usage });
    }
  }

  function stream(response: ServerResponse, model: string, echo: string, key: string): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const say = (value: unknown) => response.write(`data: ${JSON.stringify(value)}\n\n`);
    const chunk = (delta: unknown, finish: string | null = null) =>
      say({ id: 'chatcmpl-1', model, choices: [{ index: 0, delta, finish_reason: finish }] });
    const words = `Here you are: ${writes} and that is all.`;
    for (let at = 0; at < words.length; at += 5) chunk({ content: words.slice(at, at + 5) });
    if (model === 'midway') {
      say({ error: { message: echo, code: key } });
      response.end();
      return;
    }
    if (model === 'cut') {
      response.destroy();
      return;
    }
    chunk({}, 'stop');
    response.end('data: [DONE]\n\n');
  }

  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      heard.push(JSON.stringify(request.headers) + body);
      answer(request, response, body);
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    heard,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function parsed(body: string): Ask {
  try {
    return JSON.parse(body) as Ask;
  } catch {
    return {};
  }
}
