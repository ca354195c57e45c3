/** A server under fire drills: two vendors, and two keys of one tenant, of which one is drilled. */
import assert from 'node:assert/strict';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { type Answer, call, type Json, type RequestView } from './api.ts';
import { eventually, type Server, startServer } from './server.ts';
import { MODEL, OPENAI_KEY, openaiEnv } from './vendors.ts';

export interface ApiKey {
  id: string;
  key: string;
}

export interface Drill {
  id: string;
  provider: string;
  fault: string;
  key_id: string;
  until: string;
}

export interface DrillGround {
  first: Simulator;
  /** The vendor of the provider `second`, which goes on where another broke. */
  second: Simulator;
  server: Server;
  drilled: ApiKey;
  /** Of the same tenant: not even a neighbour notices. */
  calm: ApiKey;
  start(body: Json): Promise<Answer<Drill>>;
  end(id: string): Promise<Answer<Drill>>;
  running(): Promise<Drill[]>;
  /** At `openai`, while `work` runs. */
  under(fault: string, work: () => Promise<void>): Promise<void>;
  chat(key: ApiKey, prompt: string, more?: Json): Promise<Answer<Json>>;
  /** The row of a request, once it has ended. */
  recorded(key: ApiKey, answer: Answer<unknown>): Promise<RequestView>;
  close(): Promise<void>;
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export async function startDrillGround(): Promise<DrillGround> {
  const [first, second] = await Promise.all([
    startSimulator({ journal: true, key: OPENAI_KEY, tokens: 60 }),
    startSimulator({ journal: true, tokens: 60 }),
  ]);
  const stop = (): Promise<unknown> => Promise.all([first.close(), second.close()]);
  const server = await startServer({
    settings: {
      // As sensitive as can be: whatever a drill taught of the provider would show.
      breaker: { consecutive: 1, open_ms: 60_000 },
      cache: { enabled: true },
      providers: {
        second: { base_url: second.url, models: ['goblin-sim'], free: true, prefix: 'trailing' },
      },
      aliases: { duo: [MODEL, 'second/goblin-sim'] },
      // Only drills are silent for so long, not a vendor on a busy machine.
      clocks: { headers_ms: 2500, first_token_ms: 2500, idle_ms: 2500 },
      attempts: 2,
    },
    env: { ...openaiEnv(first), MCP_AUTH: 'required' },
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const operator = bearer(server.token);
  const makeKey = async (): Promise<ApiKey> =>
    (await call<ApiKey>(server, '/mcp/v1/keys', { json: { tenant: 'acme' }, headers: operator })).body;
  const [drilled, calm] = [await makeKey(), await makeKey()];

  const start = (body: Json) =>
    call<Drill>(server, '/mcp/v1/admin/drills', {
      json: { provider: 'openai', key_id: drilled.id, ...body },
      headers: operator,
    });
  const end = (id: string) =>
    call<Drill>(server, `/mcp/v1/admin/drills/${id}`, { method: 'DELETE', headers: operator });

  return {
    first,
    second,
    server,
    drilled,
    calm,
    start,
    end,
    running: async () =>
      (await call<{ items: Drill[] }>(server, '/mcp/v1/admin/drills', { headers: operator })).body.items,
    async under(fault, work) {
      const begun = await start({ fault, minutes: 5 });
      assert.equal(begun.status, 201, begun.text);
      try {
        await work();
      } finally {
        assert.equal((await end(begun.body.id)).status, 200);
      }
    },
    chat: ({ key }, prompt, more = {}) =>
      call<Json>(server, '/v1/chat/completions', {
        json: { model: 'duo', messages: [{ role: 'user', content: prompt }], ...more },
        headers: bearer(key),
      }),
    recorded({ key }, answer) {
      const id = answer.headers.get('x-mcp-request-id') as string;
      return eventually(async () => {
        const row = await call<RequestView>(server, `/mcp/v1/request/${id}`, { headers: bearer(key) });
        return row.body.status === 'running' ? null : row.body;
      }, 'the end of the request');
    },
    async close() {
      await server.stop();
      await stop();
    },
  };
}
