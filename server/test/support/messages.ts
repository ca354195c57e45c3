/** The messages door: a server with vendors of both dialects behind it, and Anthropic's own client in front. */
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { HELLO } from '../unit/dialects/fixtures/anthropic.ts';
import { type AnthropicVendor, startAnthropicVendor } from '../vendors/anthropic.ts';
import { type Server, startServer } from './server.ts';
import { OPENAI_KEY, openaiEnv, PATIENT } from './vendors.ts';

export const CLAUDE = 'anthropic/claude-sonnet-4-5';
export const GPT = 'openai/gpt-4o-mini';
/** A vendor of OpenAI's dialect that thinks aloud, and wants its reasoning back. */
export const THINKER = 'thinker/thinker-1';
export const BOTH = [CLAUDE, GPT];
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Faults before an answer, and what a caller is told of them. */
export const REFUSALS: [fault: string, status: number, type: string][] = [
  ['retry-after-60', 429, 'rate_limit_error'],
  ['status-400', 400, 'invalid_request_error'],
  ['context-too-long', 400, 'invalid_request_error'],
  ['status-404', 404, 'not_found_error'],
  ['status-401', 502, 'api_error'],
  ['quota', 503, 'api_error'],
  ['status-529', 503, 'overloaded_error'],
];
/** A provider for each: what one is out for must not hold up the next. */
export const refuser = (index: number, stream: boolean): string =>
  `refuses-${index}-${stream ? 'stream' : 'whole'}/claude-x`;

/** Hears what comes, and says hello in Anthropic's words. */
interface Ear {
  url: string;
  heard: { path: string; headers: IncomingHttpHeaders }[];
  close(): void;
}

async function startEar(): Promise<Ear> {
  const heard: Ear['heard'] = [];
  const listener = createServer((request, response) => {
    heard.push({ path: request.url ?? '', headers: request.headers });
    request.resume();
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(HELLO);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, heard, close: () => void listener.close() };
}

export interface MessagesHouse {
  claude: AnthropicVendor;
  gpt: Simulator;
  ear: Ear;
  server: Server;
  client: Anthropic;
  close(): Promise<void>;
}

export const newClient = (at: Server): Anthropic =>
  new Anthropic({ baseURL: at.address, apiKey: 'unused', maxRetries: 0 });

export async function startMessagesHouse(): Promise<MessagesHouse> {
  const claude = await startAnthropicVendor();
  const gpt = await startSimulator({ journal: true, key: OPENAI_KEY });
  const ear = await startEar();
  const likeClaude = { base_url: claude.url, dialect: 'anthropic', key_env: 'ANTHROPIC_API_KEY' };
  const refusing = REFUSALS.flatMap((_row, index) =>
    [false, true].map((stream) => [
      refuser(index, stream).split('/')[0] ?? '',
      { ...likeClaude, models: ['claude-x'] },
    ]),
  );
  const server = await startServer({
    env: {
      ...openaiEnv(gpt),
      ANTHROPIC_API_KEY: claude.key,
      ANTHROPIC_BASE_URL: claude.url,
      THINKER_KEY: OPENAI_KEY,
    },
    settings: {
      ...PATIENT,
      aliases: {
        'broken-gpt': ['thinker/thinker-1?fault=cut-after-8', CLAUDE],
        'broken-claude': ['twin/claude-sonnet-4-5?fault=cut-after-8', CLAUDE],
      },
      providers: {
        twin: { ...likeClaude, models: ['claude-sonnet-4-5'] },
        thinker: { base_url: gpt.url, key_env: 'THINKER_KEY', models: ['thinker-1'] },
        ear: { base_url: ear.url, dialect: 'anthropic', models: ['ear-1'] },
        other: { base_url: ear.url, models: ['other-1'] },
        ...Object.fromEntries(refusing),
      },
    },
  });
  return {
    claude,
    gpt,
    ear,
    server,
    client: newClient(server),
    async close() {
      await server.stop();
      await claude.close();
      await gpt.close();
      ear.close();
    },
  };
}

interface Asked {
  model: string;
  max_tokens: number;
  messages: { role: 'user'; content: string }[];
}

/** Blocks pass for text in the type: the client sends both. */
export const ask = (content: Anthropic.MessageParam['content'], model = CLAUDE): Asked => ({
  model,
  max_tokens: 1024,
  messages: [{ role: 'user', content: content as string }],
});

export const textIn = (message: Anthropic.Message): string =>
  message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');

export const WEATHER: Anthropic.Tool = {
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

export async function errorOf(work: Promise<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Anthropic.APIError, String(error));
    return error;
  }
  assert.fail('it succeeded');
}

export const bodyOf = (entry: { body: unknown } | undefined): Record<string, unknown> =>
  (entry?.body ?? {}) as Record<string, unknown>;
