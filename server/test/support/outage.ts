/** A server with vendors of a loopback world behind it, and the OpenAI door asked for what an outage does to a caller. */
import assert from 'node:assert/strict';
import type { DialectName } from '../../src/contract/call.ts';
import { type Speaks, startVendors, type World } from '../vendors/world.ts';
import { call, type Json, type RequestView } from './api.ts';
import { eventually, type Server, type ServerOptions, startServer } from './server.ts';

/** A name that each dialect takes for a model of its own which goes on from the beginning of an answer, where one does. */
export const MODEL_OF: Readonly<Record<DialectName, string>> = {
  openai: 'm-1',
  responses: 'm-1',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.5-flash',
  bedrock: 'anthropic.claude-haiku-4-5-20251001-v1:0',
  cohere: 'command-a-03-2025',
  ollama: 'llama3.2',
};

export interface Vendor extends Speaks {
  /** More of its entry in `goblin.yaml`. */
  entry?: Json;
}

/** US dollars for a million tokens, the same for every vendor: what an attempt must cost can be counted by hand. */
export const PRICE = { input: 2, output: 10 };
/** In dollars. */
export const costOf = (input: number, output: number): number => (input * PRICE.input + output * PRICE.output) / 1e6;

export interface Outage {
  world: World;
  server: Server;
  close(): Promise<void>;
}

export const targetOf = (name: string, { dialect }: Vendor): string => `${name}/${MODEL_OF[dialect]}`;

/** What `goblin.yaml` says of them. `lists`: aliases, as lists of vendors' names. */
export function settingsOf(
  world: World,
  vendors: Readonly<Record<string, Vendor>>,
  lists: Readonly<Record<string, readonly string[]>>,
): Json {
  return {
    providers: Object.fromEntries(
      Object.entries(vendors).map(([name, { dialect, entry }]) => [
        name,
        { dialect, base_url: world.url(name), auth: 'none', models: [MODEL_OF[dialect]], ...entry },
      ]),
    ),
    prices: Object.fromEntries(Object.entries(vendors).map(([name, vendor]) => [targetOf(name, vendor), PRICE])),
    aliases: Object.fromEntries(
      Object.entries(lists).map(([alias, names]) => [
        alias,
        names.map((name) => targetOf(name, vendors[name] as Vendor)),
      ]),
    ),
  };
}

export async function startOutage(
  vendors: Readonly<Record<string, Vendor>>,
  lists: Readonly<Record<string, readonly string[]>>,
  options: ServerOptions = {},
): Promise<Outage> {
  const world = await startVendors(vendors);
  const { settings, ...rest } = options;
  try {
    const server = await startServer({ ...rest, settings: { ...settingsOf(world, vendors, lists), ...settings } });
    return {
      world,
      server,
      async close() {
        await server.stop();
        await world.close();
      },
    };
  } catch (error) {
    await world.close();
    throw error;
  }
}

export interface Told {
  status: number;
  headers: Headers;
  /** Null: a success. */
  code: string | null;
  text: string;
  finish: string | null;
  usage: { prompt_tokens: number; completion_tokens: number } | null;
  truth: { provider: string; attempts: number; cost_usd?: number } | null;
  id: string;
  /** From the call to its end, milliseconds. */
  ms: number;
}

interface Chunk {
  choices?: { delta?: { content?: string }; message?: { content?: string | null }; finish_reason?: string | null }[];
  error?: { code: string };
  usage?: { prompt_tokens: number; completion_tokens: number };
  x_mcp?: { provider: string; attempts: number; cost_usd?: number };
}

/** At the OpenAI door; streamed unless said otherwise. */
export async function tell(
  server: Pick<Server, 'address'>,
  model: string,
  prompt: string,
  more: { json?: Json; headers?: Record<string, string> } = {},
): Promise<Told> {
  const began = performance.now();
  const json = {
    model,
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: prompt }],
    ...more.json,
  };
  const answer = await call<Chunk>(server, '/v1/chat/completions', { json, headers: more.headers ?? {} });
  const ms = performance.now() - began;
  const streamed = answer.status === 200 && json.stream;
  const chunks = streamed
    ? answer.text
        .split('\n\n')
        .filter((block) => block.startsWith('data: {'))
        .map((block) => JSON.parse(block.slice(6)) as Chunk)
    : [answer.body];
  const error = chunks.find((chunk) => chunk.error)?.error ?? null;
  if (streamed) assert.equal(answer.text.endsWith('data: [DONE]\n\n'), error === null);
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  return {
    status: answer.status,
    headers: answer.headers,
    code: error?.code ?? null,
    text: choices.map((choice) => choice.delta?.content ?? choice.message?.content ?? '').join(''),
    finish: choices.map((choice) => choice.finish_reason).find(Boolean) ?? null,
    usage: chunks.find((chunk) => chunk.usage)?.usage ?? null,
    truth: chunks.find((chunk) => chunk.x_mcp)?.x_mcp ?? null,
    id: answer.headers.get('x-mcp-request-id') ?? '',
    ms,
  };
}

/** The record, once nothing of the request runs any more; checks that every attempt is settled and counted once. */
export async function recordOf(server: Pick<Server, 'address'>, id: string): Promise<RequestView> {
  const row = await eventually(
    async () => {
      const { body } = await call<RequestView>(server, `/mcp/v1/request/${id}`);
      const runs = ['queued', 'running'].includes(body.status) || body.attempts.some((one) => one.status === 'running');
      return runs ? null : body;
    },
    `the end of ${id}`,
    30_000,
  );
  const total = row.attempts.reduce((sum, one) => sum + (one.cost_usd ?? Number.NaN), 0);
  assert.ok(Math.abs((row.cost_usd ?? Number.NaN) - total) < 1e-11, `${row.cost_usd} is not the sum ${total}`);
  return row;
}
