/** A hook that says what a test wants, and two servers that ask it: one closed and held back, one open and not. */
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { startEmbedder } from '../vendors/embedder.ts';
import { type Answer, call, type Json, post } from './api.ts';
import { embedderAt } from './embeddings.ts';
import { type Server, startServer } from './server.ts';
import { MODEL, OPENAI_KEY, openaiEnv } from './vendors.ts';

/** How long the servers wait for it: longer than a busy machine lets it stand still. */
export const TIMEOUT_MS = 2500;

export interface Asked extends Json {
  stage: 'before' | 'after';
  request: Json;
  messages?: { role: string; content: Json[] }[];
  text?: string;
  tool_calls?: Json[];
}
export type Says = (asked: Asked, response: ServerResponse) => unknown;

export const allow: Says = () => ({ action: 'allow' });
/** What it says, what it heard, and how often somebody followed its redirect. */
export const hook = { says: allow, heard: [] as Asked[], moved: 0 };

export interface GuardedHouse {
  vendor: Simulator;
  /** Refuses without a usable answer, and holds answers back until they are checked. */
  closed: Server;
  /** Lets pass without one, and holds nothing back. */
  open: Server;
  close(): Promise<void>;
}

const listener = createServer((request, response) => {
  if (request.url === '/moved') hook.moved++;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    assert.equal(request.method, 'POST');
    assert.equal(request.headers['content-type'], 'application/json');
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
    hook.heard.push(asked);
    const said = hook.says(asked, response);
    if (said === undefined || response.writableEnded) return;
    response.setHeader('content-type', 'application/json');
    response.end(typeof said === 'string' ? said : JSON.stringify(said));
  });
});

export async function startGuardedHouse(): Promise<GuardedHouse> {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/check`;
  const [vendor, embedder] = await Promise.all([startSimulator({ journal: true, key: OPENAI_KEY }), startEmbedder()]);
  const start = (on_failure: string, buffer: boolean) =>
    startServer({
      env: openaiEnv(vendor),
      settings: {
        providers: {
          openai: { raw_price_usd: 0.01 },
          vectors: { ...embedderAt(embedder, 'openai-one', 'openai', 'shared-embed'), free: true },
        },
        guardrails: {
          before: { url, timeout_ms: TIMEOUT_MS, on_failure },
          after: { url, timeout_ms: TIMEOUT_MS, on_failure, buffer },
        },
      },
    });
  const [closed, open] = await Promise.all([start('closed', true), start('open', false)]);
  return {
    ...{ vendor, closed, open },
    async close() {
      await Promise.all([closed.stop(), open.stop()]);
      await vendor.close();
      embedder.close();
      listener.closeAllConnections();
      listener.close();
    },
  };
}

export const chat = (to: Server, content: unknown, more: Json = {}): Promise<Answer<Json>> =>
  post<Json>(to, '/v1/chat/completions', { model: MODEL, messages: [{ role: 'user', content }], ...more });
export const trail = async (server: Server, type: string): Promise<Json[]> =>
  (await call<{ items: { payload: Json }[] }>(server, `/mcp/v1/admin/audit?type=${type}`)).body.items.map(
    ({ payload }) => payload,
  );
