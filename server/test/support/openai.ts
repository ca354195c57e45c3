/** OpenAI's own client: at a server, what it throws, and what it hears of completions. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import type { Server } from './server.ts';
import { MODEL } from './vendors.ts';

export const newClient = (at: Server, apiKey = 'unused'): OpenAI =>
  new OpenAI({ baseURL: at.url('/v1'), apiKey, maxRetries: 0 });

export const ask = (content: string) => ({ model: MODEL, messages: [{ role: 'user' as const, content }] });

export async function errorOf(work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError, String(error));
    return error;
  }
  assert.fail('it succeeded');
}

export async function collect(
  stream: AsyncIterable<OpenAI.ChatCompletionChunk>,
): Promise<OpenAI.ChatCompletionChunk[]> {
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) {
    assert.ok(Array.isArray(chunk.choices), 'every chunk has choices');
    chunks.push(chunk);
  }
  return chunks;
}

export const textIn = (chunks: readonly OpenAI.ChatCompletionChunk[]): string =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
