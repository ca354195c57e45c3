/** A server with a vendor of unknown paths behind it, under the names of several providers. */
import assert from 'node:assert/strict';
import { type EchoVendor, startEchoVendor } from '../vendors/echo.ts';
import { type Answer, type CallOptions, call, type Json, type RequestView, view } from './api.ts';
import { eventually, type Server, startServer } from './server.ts';
import { OPENAI_KEY, PATIENT } from './vendors.ts';

export const PRICE = 0.0125;
/** How long a vendor may be silent: longer than a busy machine lets it stand still. */
export const SILENT_MS = 4000;

export interface RawHouse {
  vendor: EchoVendor;
  server: Server;
  /** `path` begins with the name of the provider. */
  raw(path: string, options?: CallOptions): Promise<Answer<Json>>;
  /** The request, once it has ended. */
  ended(id: unknown): Promise<RequestView>;
  close(): Promise<void>;
}

/** `more`: of goblin.yaml. */
export async function startRawHouse(more: Json = {}): Promise<RawHouse> {
  const vendor = await startEchoVendor();
  const server = await startServer({
    env: { OPENAI_API_KEY: OPENAI_KEY, OPENAI_BASE_URL: vendor.url, KEY_ONE: 'sk-one-0001', KEY_TWO: 'sk-two-0002' },
    settings: {
      ...PATIENT,
      ...more,
      body_bytes: 200_000,
      clocks: { headers_ms: SILENT_MS, answer_ms: SILENT_MS, first_token_ms: SILENT_MS, idle_ms: SILENT_MS },
      providers: {
        openai: { raw_price_usd: PRICE, headers: { 'openai-beta': 'ours' } },
        unpriced: { base_url: vendor.url, key_env: 'KEY_ONE', models: ['m'] },
        free: { base_url: vendor.url, models: ['m'], free: true },
        closed: { base_url: vendor.url, models: ['m'], free: true, raw: false },
        nowhere: { base_url: 'http://127.0.0.1:9/v1', models: ['m'], raw_price_usd: 1 },
        goog: { base_url: vendor.url, dialect: 'gemini', auth: 'x-goog-api-key', key_env: 'KEY_ONE', raw_price_usd: 1 },
        barred: { base_url: vendor.url, keys: [{ env: 'KEY_ONE', models: ['m'] }], models: ['m'], raw_price_usd: 1 },
        two: { base_url: vendor.url, keys: [{ env: 'KEY_ONE' }, { env: 'KEY_TWO' }], models: ['m'], raw_price_usd: 1 },
        keyed: {
          base_url: vendor.url,
          keys: [{ env: 'KEY_ONE', models: ['m'] }, { env: 'KEY_TWO' }],
          models: ['m'],
          raw_price_usd: 1,
        },
      },
    },
  }).catch((error: unknown) => {
    vendor.close();
    throw error;
  });
  return {
    vendor,
    server,
    raw: (path, options = {}) => call(server, `/mcp/v1/raw/${path}`, options),
    ended(id) {
      assert.equal(typeof id, 'string');
      return eventually(async () => {
        const row = await view(server, String(id));
        return row.finished_at === null ? null : row;
      }, 'the end');
    },
    async close() {
      await server.stop();
      vendor.close();
    },
  };
}
