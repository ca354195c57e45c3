/** What gathers while a write runs becomes as few frames as possible, and no mark of a vendor is lost in that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FrameBody, frameOf, type Part } from '../../../src/contract/part.ts';
import type { Bus, Ledger } from '../../../src/contract/ports.ts';
import { createFrameLog } from '../../../src/execution/frames.ts';
import type { Persist } from '../../../src/execution/persist.ts';

async function framesOf(parts: readonly Part[]): Promise<FrameBody[]> {
  const log = createFrameLog(
    {
      ledger: {} as Ledger,
      bus: {} as Bus,
      persist: ((write: () => Promise<unknown>) => write()) as Persist,
      day: () => '2026-01-01',
    },
    { id: 'i', tenant: 't', epoch: 1, lastSeq: 0, onLost() {}, onRoom() {} },
  );
  for (const part of parts) {
    const frame = frameOf(part);
    if (frame) log.add(frame);
  }
  return (await log.close()).frames;
}

const signed = (signature: string) => ({ dialect: 'anthropic' as const, fields: { type: 'thinking', signature } });
const thought = { dialect: 'gemini' as const, fields: { thoughtSignature: 's' } };

test('neighbours are joined; a mark closes its reasoning, and stays with its call', async () => {
  const frames = await framesOf([
    { type: 'reasoning', text: 'Let ' },
    { type: 'reasoning', text: 'me' },
    { type: 'reasoning', text: '', vendor: signed('one') },
    { type: 'reasoning', text: 'And ' },
    { type: 'reasoning', text: 'again', vendor: signed('two') },
    { type: 'reasoning', text: '', vendor: signed('three') },
    { type: 'text', text: 'Hi' },
    { type: 'text', text: '' },
    { type: 'text', text: ' there' },
    { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{', vendor: thought },
    { type: 'tool_call', index: 0, arguments: '"x":' },
    { type: 'tool_call', index: 0, arguments: '1}', vendor: thought },
    { type: 'finish', reason: 'stop' },
  ]);
  assert.deepEqual(frames, [
    { type: 'reasoning', text: 'Let me', vendor: signed('one') },
    { type: 'reasoning', text: 'And again', vendor: signed('two') },
    { type: 'reasoning', text: '', vendor: signed('three') },
    { type: 'text', text: 'Hi there' },
    { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{"x":', vendor: thought },
    { type: 'tool_call', index: 0, arguments: '1}', vendor: thought },
  ]);
});
