/** A vendor that notes with which key each call came, and answers at once; keys that it was told of are refused. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KeyVendor {
  url: string;
  origin: string;
  /** Credentials in the order of the calls for completions, and of those for the list of models. */
  keys(): string[];
  lists(): string[];
  refuse(key: string): void;
  /** What is in its list of models for this key. */
  offer(key: string, models: readonly string[]): void;
  close(): Promise<void>;
}

export async function startKeyVendor(): Promise<KeyVendor> {
  const keys: string[] = [];
  const lists: string[] = [];
  const refused = new Set<string>();
  const offers = new Map<string, readonly string[]>();
  const server = createServer((request, response) => {
    const key = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    request.resume();
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'GET') {
        lists.push(key);
        const models = offers.get(key) ?? ['gpt-4o-mini'];
        response.end(JSON.stringify({ object: 'list', data: models.map((id) => ({ id, object: 'model' })) }));
        return;
      }
      keys.push(key);
      if (refused.has(key)) {
        response.statusCode = 401;
        response.end(JSON.stringify({ error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } }));
        return;
      }
      const message = { role: 'assistant', content: 'Noted.' };
      const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
      response.end(
        JSON.stringify({
          id: 'c1',
          object: 'chat.completion',
          created: 1,
          model: 'gpt-4o-mini',
          choices: [{ index: 0, message, finish_reason: 'stop' }],
          usage,
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/v1`,
    origin,
    keys: () => [...keys],
    lists: () => [...lists],
    refuse: (key) => refused.add(key),
    offer: (key, models) => offers.set(key, models),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
