/**
 * A vendor that says back what it was told: whole or as a stream, also in what it says of a call that it refuses (`FAIL`
 * in the prompt), and of an answer that it does not bring to its end (`CUT`). To `LEAK` it adds a secret of its own.
 * Under `/back/` it takes call-backs.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What it says to whoever says `LEAK`. */
export const LEAKED = ['AKIA', 'R7XYAQYLPMN5HFIQ'].join('');

export interface Parrot {
  url: string;
  /** Calls for answers. */
  calls(): number;
  close(): Promise<void>;
}

interface Asked {
  stream?: boolean;
  messages: { content: unknown }[];
}

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

export async function startParrot(): Promise<Parrot> {
  let calls = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'gpt-4o-mini', object: 'model' }] }));
      return;
    }
    if (request.url?.includes('/back/')) {
      response.writeHead(204).end();
      return;
    }
    calls++;
    const { stream, messages } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Asked;
    const last = messages.at(-1)?.content;
    const said = typeof last === 'string' ? last : JSON.stringify(last);
    const text = said.includes('LEAK') ? `${said} ${LEAKED}` : said;
    if (text.includes('FAIL')) {
      response.statusCode = 400;
      response.setHeader('content-type', 'application/json');
      const message = `Invalid value: ${text}`;
      response.end(JSON.stringify({ error: { message, type: 'invalid_request_error', code: 'invalid_value' } }));
      return;
    }
    const head = { id: 'c1', created: 1, model: 'gpt-4o-mini' };
    if (!stream) {
      response.setHeader('content-type', 'application/json');
      const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
      response.end(JSON.stringify({ ...head, object: 'chat.completion', choices, usage }));
      return;
    }
    response.setHeader('content-type', 'text/event-stream');
    const send = (more: object) =>
      response.write(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...more })}\n\n`);
    for (const word of text.split(/(?<= )/))
      send({ choices: [{ index: 0, delta: { content: word }, finish_reason: null }] });
    if (text.includes('CUT')) {
      setTimeout(() => response.destroy(), 50);
      return;
    }
    send({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
    send({ choices: [], usage });
    response.end('data: [DONE]\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls: () => calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
