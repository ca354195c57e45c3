/** A server with the response cache on, two tenants, and two vendors behind it. */
import assert from 'node:assert/strict';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { type Answer, call, type Json, type RequestView } from './api.ts';
import { eventually, type Server, startServer } from './server.ts';
import { MODEL, OPENAI_KEY, openaiEnv, PATIENT } from './vendors.ts';

/** Long enough that a machine that stands still does not let an answer get old between two calls. */
export const TTL_S = 8;

export interface Completion {
  id: string;
  choices: { message: { content: string | null }; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number };
}

export interface Cached {
  vendor: Simulator;
  /** The vendor of the provider `second`. */
  other: Simulator;
  server: Server;
  /** The key of a tenant: `acme` or `rival`. */
  key(tenant: string): string;
  bearer(tenant: string): { authorization: string };
  chat(prompt: string, more?: Json, headers?: Record<string, string>): Promise<Answer<Completion>>;
  /** The row of a request, once it has ended. */
  recorded(answer: Pick<Answer<unknown>, 'headers'>, tenant?: string): Promise<RequestView>;
  close(): Promise<void>;
}

export async function startCached(): Promise<Cached> {
  const [vendor, other] = await Promise.all([
    startSimulator({ journal: true, key: OPENAI_KEY }),
    startSimulator({ journal: true }),
  ]);
  const stop = (): Promise<unknown> => Promise.all([vendor.close(), other.close()]);
  const server = await startServer({
    settings: {
      ...PATIENT,
      cache: { enabled: true, ttl_s: TTL_S },
      providers: { second: { base_url: other.url, models: ['goblin-sim', 'gpt-4o-mini'], free: true } },
      aliases: {
        private: { model: MODEL, cache: false },
        outer: ['private'],
        duo: [MODEL, 'second/gpt-4o-mini'],
      },
      clocks: { headers_ms: 15_000, first_token_ms: 15_000, idle_ms: 15_000 },
    },
    env: { ...openaiEnv(vendor), MCP_AUTH: 'required' },
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const keys: Record<string, string> = {};
  for (const tenant of ['acme', 'rival']) {
    const made = await call<{ key: string }>(server, '/mcp/v1/keys', {
      json: { tenant },
      headers: { authorization: `Bearer ${server.token}` },
    });
    keys[tenant] = made.body.key;
  }
  const key = (tenant: string): string => keys[tenant] ?? '';
  const bearer = (tenant: string) => ({ authorization: `Bearer ${key(tenant)}` });
  return {
    vendor,
    other,
    server,
    key,
    bearer,
    chat: (prompt, more = {}, headers = bearer('acme')) =>
      call<Completion>(server, '/v1/chat/completions', {
        json: { model: MODEL, messages: [{ role: 'user', content: prompt }], ...more },
        headers,
      }),
    recorded(answer, tenant = 'acme') {
      const id = answer.headers.get('x-mcp-request-id') as string;
      return eventually(async () => {
        const row = await call<RequestView>(server, `/mcp/v1/request/${id}`, { headers: bearer(tenant) });
        return row.body.status === 'running' ? null : row.body;
      }, 'the end of the request');
    },
    async close() {
      await server.stop();
      await stop();
    },
  };
}

export const content = (answer: Answer<Completion>): string => {
  assert.equal(answer.status, 200, answer.text);
  return answer.body.choices[0]?.message.content ?? '';
};

export const cacheOf = (answer: { headers: Headers }): string | null => answer.headers.get('x-mcp-cache');

/** The text of a streamed completion. */
export function streamed(text: string): string {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('data: {'))
    .map((block) => (JSON.parse(block.slice(6)) as { choices: { delta?: { content?: string } }[] }).choices)
    .map((choices) => choices[0]?.delta?.content ?? '')
    .join('');
}
