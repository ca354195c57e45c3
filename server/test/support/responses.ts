/** The Responses door: a server with vendors of three dialects behind it, and OpenAI's own client in front. */
import assert from 'node:assert/strict';
import type OpenAI from 'openai';
import { type Simulator, startSimulator } from '../../src/providers/simulator/index.ts';
import { type AnthropicVendor, startAnthropicVendor } from '../vendors/anthropic.ts';
import { type ResponsesVendor, startResponsesVendor } from '../vendors/responses.ts';
import { newClient } from './openai.ts';
import { type Server, startServer } from './server.ts';
import { callsWith, OPENAI_KEY, openaiEnv, PATIENT } from './vendors.ts';

export { errorOf, newClient } from './openai.ts';

export const CLAUDE = 'anthropic/claude-sonnet-4-5';
export const GPT = 'openai/gpt-4o-mini';
/** A vendor of the door's own dialect. */
export const OWN = 'own/own-1';
export const ALL = [GPT, CLAUDE, OWN];
export const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export interface ResponsesHouse {
  claude: AnthropicVendor;
  gpt: Simulator;
  own: ResponsesVendor;
  server: Server;
  client: OpenAI;
  close(): Promise<void>;
}

export async function startResponsesHouse(env: Record<string, string> = {}): Promise<ResponsesHouse> {
  const claude = await startAnthropicVendor();
  const gpt = await startSimulator({ journal: true, key: OPENAI_KEY });
  const own = await startResponsesVendor();
  const server = await startServer({
    env: { ...openaiEnv(gpt), ANTHROPIC_API_KEY: claude.key, ANTHROPIC_BASE_URL: claude.url, ...env },
    settings: {
      ...PATIENT,
      aliases: {
        'breaks-once': ['breaks/gpt-4o-mini?fault=cut-after-8&rate=3', GPT],
        'breaks-then-claude': ['breaks/gpt-4o-mini?fault=cut-after-8', CLAUDE],
      },
      providers: {
        own: { base_url: own.url, dialect: 'responses', models: ['own-1'], free: true },
        breaks: { base_url: gpt.url, key_env: 'OPENAI_API_KEY', models: ['gpt-4o-mini'], free: true },
      },
    },
  });
  return {
    claude,
    gpt,
    own,
    server,
    client: newClient(server),
    async close() {
      await server.stop();
      await Promise.all([claude.close(), gpt.close(), own.close()]);
    },
  };
}

export const WEATHER: OpenAI.Responses.FunctionTool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: false,
};

/** Our own facts in a response. */
export interface Facts {
  request_id: string;
  provider: string;
  model: string;
  attempts: number;
  cost_usd: number | null;
}

export const factsOf = (response: unknown): Facts => (response as { x_mcp: Facts }).x_mcp;

export const requestOf = (response: { id: string }): string => response.id.replace('resp_', '');

export function callIn(response: OpenAI.Responses.Response): OpenAI.Responses.ResponseFunctionToolCall {
  const call = response.output.find((item) => item.type === 'function_call');
  assert.ok(call?.type === 'function_call', JSON.stringify(response.output));
  return call;
}

/** What was said, to be sent again. The types of the client know items that no request may have. */
export const asInput = (output: OpenAI.Responses.Response['output']) => output as OpenAI.Responses.ResponseInput;

/** Everything of a response but its times, and what the client adds to one that it streamed. */
export function lasting(response: OpenAI.Responses.Response): unknown {
  const added = new Set(['parsed', 'parsed_arguments', 'output_parsed', 'created_at', 'completed_at']);
  return JSON.parse(JSON.stringify(response), (key, value) => (added.has(key) ? undefined : value));
}

/** What the vendor was sent, as a text. */
export const sentWith = ({ gpt, claude, own }: ResponsesHouse, text: string): string =>
  JSON.stringify(
    [
      ...callsWith(gpt, text).map(({ body }) => body),
      ...callsWith(claude, text).map(({ body }) => body),
      ...own.heard.filter((body) => JSON.stringify(body).includes(text)),
    ].at(-1),
  );
