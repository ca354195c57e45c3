/** An Anthropic stream as a client sees it: its events in order, and the message that the official SDK makes of them. */
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import type { DoorContext } from '../../../src/contract/dialect.ts';
import type { VisiblePart } from '../../../src/contract/part.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { createSseParser } from '../../../src/dialects/sse.ts';

export type Json = Record<string, unknown>;

export const CONTEXT: DoorContext = {
  requestId: '01a20720-9196-7000-80ee-7f91e5adb016',
  model: 'auto',
  created: 0,
  includeUsage: true,
  inputTokens: 12,
};
export const USAGE = {
  inputTokens: 10,
  outputTokens: 5,
  cachedInputTokens: 2,
  cacheWriteTokens: 1,
  reasoningTokens: 3,
  source: 'reported' as const,
};

export function newEncoder() {
  const { door } = anthropic;
  assert.ok(door);
  return door.encoder(CONTEXT);
}

export function encoded(parts: readonly VisiblePart[], reason: 'stop' | 'tool_calls' = 'stop'): string {
  const encoder = newEncoder();
  return parts.map((part) => encoder.part(part)).join('') + encoder.finish(reason, USAGE, { request_id: 'r' });
}

export function eventsOf(stream: string): { name: string; data: Json }[] {
  const events: { name: string; data: Json }[] = [];
  const parser = createSseParser({ onEvent: ({ name, data }) => events.push({ name, data: JSON.parse(data) }) });
  parser.push(Buffer.from(stream));
  parser.end();
  for (const { name, data } of events) assert.equal(name, data.type, 'an event is named as its type');
  return events;
}

/** The order that the API promises: blocks one after another, numbered from 0, between one start and one end. */
export function checkOrder(stream: string): void {
  const events = eventsOf(stream).filter(({ name }) => name !== 'ping');
  assert.equal(events[0]?.name, 'message_start');
  assert.deepEqual(
    events.slice(-2).map(({ name }) => name),
    ['message_delta', 'message_stop'],
  );
  let next = 0;
  let open: unknown = null;
  for (const { name, data } of events.slice(1, -2)) {
    if (name === 'content_block_start') {
      assert.equal(open, null, 'one block at a time');
      assert.equal(data.index, next++);
      open = data.index;
    } else {
      assert.equal(data.index, open, `${name} is of the open block`);
      if (name === 'content_block_stop') open = null;
      else assert.equal(name, 'content_block_delta');
    }
  }
  assert.equal(open, null);
}

/** What the SDK has in hand at the end of the stream. */
export async function messageOf(stream: string): Promise<Anthropic.Message> {
  const client = new Anthropic({
    apiKey: 'x',
    maxRetries: 0,
    fetch: async () => new Response(stream, { headers: { 'content-type': 'text/event-stream' } }),
  });
  return await client.messages
    .stream({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] })
    .finalMessage();
}
