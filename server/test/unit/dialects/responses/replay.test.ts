import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FrameBody, frameOf, type VisiblePart } from '../../../../src/contract/part.ts';
import { createReplay } from '../../../../src/dialects/responses/index.ts';
import { CONTEXT, door, USAGE } from './door.ts';

interface Event {
  type: string;
  sequence_number: number;
  response?: { status: string; output: unknown[]; error: unknown };
}

const eventsIn = (bytes: string): Event[] =>
  [...bytes.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json as string) as Event);

const attempt = (n: number): FrameBody => ({ type: 'attempt', attempt: n, provider: 'p', model: 'm', reason: 'r' });
const restart = (n: number): FrameBody => ({ type: 'restart', attempt: n, reason: 'it broke' });

/** Reads frames numbered from 1. `known`: how many of them were there when the reader came. */
function read(frames: readonly FrameBody[], { after, known = 0 }: { after?: number; known?: number } = {}) {
  const restarted = frames.slice(0, known).findLastIndex(({ type }) => type === 'restart') + 1;
  const replay = createReplay({ ...CONTEXT, ...(after === undefined ? {} : { after }) }, restarted);
  let bytes = replay.begin();
  for (const [at, frame] of frames.entries()) {
    const text = replay.frame(at + 1, frame);
    if (text === null) return { events: eventsIn(bytes + replay.void()), void: true };
    bytes += text;
  }
  return { events: eventsIn(bytes + replay.finish('stop', USAGE, { request_id: 'r' })), void: false };
}

const parts = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant('text' as const), text: fc.string({ minLength: 1 }) }),
    fc.record({ type: fc.constant('reasoning' as const), text: fc.string({ minLength: 1 }) }),
    fc.record({
      type: fc.constant('reasoning' as const),
      text: fc.string(),
      vendor: fc.constant({ dialect: 'anthropic' as const, fields: { type: 'thinking', signature: 's' } }),
    }),
    fc.record({
      type: fc.constant('tool_call' as const),
      index: fc.nat(2),
      id: fc.constant('c'),
      name: fc.constant('f'),
      arguments: fc.string(),
    }),
  ),
  { maxLength: 12 },
);

test('whoever reads from wherever gets the same events under the same numbers', () => {
  fc.assert(
    fc.property(parts, fc.nat(60), fc.nat(20), (said, after, known) => {
      const frames = [attempt(1), ...said.map(frameOf).filter((frame) => frame !== null)];
      const all = read(frames).events;
      assert.deepEqual(
        all.map(({ sequence_number }) => sequence_number),
        [...all.keys()],
      );
      const end = all.length - 1;
      const rest = read(frames, { after, known }).events;
      assert.deepEqual(rest, after >= end ? all.slice(end) : all.slice(after + 1));
    }),
  );
});

test('the last event has what the answer would have had on its connection', () => {
  fc.assert(
    fc.property(parts, (said: VisiblePart[]) => {
      const encoder = door.encoder(CONTEXT);
      const direct = eventsIn(
        said.map((part) => encoder.part(part)).join('') + encoder.finish('stop', USAGE, { request_id: 'r' }),
      );
      const frames = [attempt(1), ...said.map(frameOf).filter((frame) => frame !== null)];
      assert.deepEqual(read(frames).events.at(-1)?.response, direct.at(-1)?.response);
    }),
  );
});

test('it begins queued, and is said to have begun with its first attempt', () => {
  const types = read([attempt(1), { type: 'text', text: 'Hi' }]).events.map(({ type, response }) => [
    type,
    response?.status,
  ]);
  assert.deepEqual(types.slice(0, 3), [
    ['response.created', 'queued'],
    ['response.queued', 'queued'],
    ['response.in_progress', 'in_progress'],
  ]);
  const never = createReplay(CONTEXT, 0);
  const ended = eventsIn(never.begin() + never.failure({ code: 'cancelled', message: 'It was cancelled.' }));
  assert.deepEqual(
    ended.map(({ type }) => type),
    ['response.created', 'response.queued', 'error', 'response.failed'],
  );
  assert.deepEqual([ended.at(-1)?.response?.status, ended.at(-1)?.response?.error], ['cancelled', null]);
});

test('an answer that begins anew: who saw the first is told so, everybody else sees the second', () => {
  const first: FrameBody[] = [attempt(1), { type: 'text', text: 'Wrong' }];
  const frames: FrameBody[] = [...first, restart(2), attempt(2), { type: 'text', text: 'Right' }];
  const seen = read(first).events.findLast(({ type }) => type === 'response.output_text.delta')?.sequence_number ?? 0;

  const live = read(frames);
  assert.equal(live.void, true);
  assert.deepEqual(live.events.at(-1), { ...live.events.at(-1), type: 'error', code: 'interrupted' });
  assert.doesNotMatch(JSON.stringify(live.events), /Right/);

  const late = read(frames, { known: 5 });
  assert.equal(late.void, false);
  assert.doesNotMatch(JSON.stringify(late.events), /Wrong/);
  assert.deepEqual([late.events[0]?.type, late.events[0]?.response?.status], ['response.created', 'in_progress']);
  assert.equal(late.events[0]?.sequence_number, seen + 1, 'numbers go on: none means two things');
  assert.equal(late.events.at(-1)?.type, 'response.completed');

  for (const known of [0, 5]) {
    assert.equal(read(frames, { after: seen, known }).void, true, 'it had something of the first');
    const resumed = read(frames, { after: seen + 2, known });
    assert.equal(resumed.void, false);
    assert.deepEqual(resumed.events, late.events.slice(2));
  }
  const early = read(frames, { after: 2, known: 5 });
  assert.equal(early.void, false, 'it had nothing of the answer yet');
  assert.deepEqual(early.events, late.events);

  const twice: FrameBody[] = [...frames, restart(3), attempt(3), { type: 'text', text: 'At last' }];
  const last = read(twice, { known: 8 });
  assert.doesNotMatch(JSON.stringify(last.events), /Wrong|Right/);
  assert.equal(read(twice, { after: seen + 2, known: 8 }).void, false);
  assert.equal(read(twice, { after: seen + 3, known: 8 }).void, true);
});
