/** A server with vendors that make vectors, in five dialects, behind it, and OpenAI's own client in front. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { type Embedder, startEmbedder } from '../vendors/embedder.ts';
import { type Answer, type Json, post } from './api.ts';
import { type Server, startServer } from './server.ts';
import { OPENAI_KEY, PATIENT } from './vendors.ts';

/** Its vendor is asked for base64; that of `ONE` is not. */
export const LARGE = 'openai/text-embedding-3-large';
export const ONE = 'openai-one/shared-embed';
/** A model of each dialect. */
export const MODELS = [
  LARGE,
  ONE,
  'gemini-own/gemini-embedding-001',
  'cohere-own/embed-v4.0',
  'ollama-own/nomic-embed-text',
  'bedrock-own/amazon.titan-embed-text-v2:0',
];

export interface VectorHouse {
  vendor: Embedder;
  server: Server;
  client: OpenAI;
  ask(body: Json, headers?: Record<string, string>): Promise<Answer<Json>>;
  /** Insists on a refusal; answers the id of the request. */
  refused(body: Json, status: number, code: string, says: RegExp): Promise<string>;
  close(): Promise<void>;
}

/** An entry of `providers`. */
export const embedderAt = (vendor: Embedder, name: string, dialect: string, ...ids: string[]) => ({
  base_url: vendor.url(name),
  dialect,
  models: ids.map((id) => ({ id, embeds: true })),
});

/** The vectors of an answer, in the order of their numbers. */
export function vectorsIn(body: Json): unknown[] {
  const data = body.data as { index: number; embedding: unknown }[];
  return [...data].sort((a, b) => a.index - b.index).map(({ embedding }) => embedding);
}

export async function startVectorHouse(): Promise<VectorHouse> {
  const vendor = await startEmbedder();
  const server = await startServer({
    env: { OPENAI_API_KEY: OPENAI_KEY, OPENAI_BASE_URL: vendor.url('openai') },
    settings: {
      ...PATIENT,
      attempts: 2,
      providers: {
        'openai-one': embedderAt(vendor, 'openai-one', 'openai', 'shared-embed', 'only-here-embed'),
        'openai-two': embedderAt(vendor, 'openai-two', 'openai', 'shared-embed', 'other-embed'),
        'gemini-own': embedderAt(vendor, 'gemini-own', 'gemini', 'gemini-embedding-001'),
        'cohere-own': embedderAt(vendor, 'cohere-own', 'cohere', 'embed-v4.0'),
        'ollama-own': embedderAt(vendor, 'ollama-own', 'ollama', 'nomic-embed-text'),
        'bedrock-own': embedderAt(vendor, 'bedrock-own', 'bedrock', 'amazon.titan-embed-text-v2:0'),
        'claude-own': { base_url: vendor.url('claude'), dialect: 'anthropic', models: ['claude-x'] },
      },
      aliases: { 'either-embed': ['openai-one/only-here-embed', 'openai-two/other-embed'] },
      prices: { [ONE]: { input: 2, output: 700 }, 'openai-two/shared-embed': { input: 3, output: 700 } },
    },
  }).catch((error: unknown) => {
    vendor.close();
    throw error;
  });
  const ask: VectorHouse['ask'] = (body, headers = {}) => post(server, '/v1/embeddings', body, headers);
  return {
    vendor,
    server,
    client: new OpenAI({ baseURL: `${server.address}/v1`, apiKey: 'unused', maxRetries: 0 }),
    ask,
    async refused(body, status, code, says) {
      const answer = await ask(body);
      assert.equal(answer.status, status, answer.text);
      const error = answer.body.error as { code: string; message: string };
      assert.equal(error.code, code, answer.text);
      assert.match(error.message, says);
      return answer.headers.get('x-mcp-request-id') ?? '';
    },
    async close() {
      await server.stop();
      vendor.close();
    },
  };
}
