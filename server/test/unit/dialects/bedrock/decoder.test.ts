import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Part } from '../../../../src/contract/part.ts';
import { createBedrockDecoder } from '../../../../src/dialects/bedrock/decoder.ts';
import { bedrock } from '../../../../src/dialects/bedrock/index.ts';
import { assemble } from '../read.ts';
import * as f from './fixtures.ts';
import { event, exception, message, read } from './frames.ts';

const failureOf = (parts: readonly Part[]) => {
  const last = parts.at(-1);
  return last?.type === 'failure' ? last.failure.code : null;
};
const usage = (input: number, output: number, cached = 0, written = 0) => ({
  inputTokens: input,
  outputTokens: output,
  cachedInputTokens: cached,
  cacheWriteTokens: written,
  reasoningTokens: 0,
  source: 'reported',
});

test('text, the end, and the usage that comes after it', () => {
  const parts = read(f.HELLO);
  assert.deepEqual(
    parts.map((part) => part.type),
    ['text', 'text', 'text', 'finish', 'usage'],
  );
  const { text, end, usage: counted } = assemble(parts);
  assert.deepEqual({ text, end, counted }, { text: 'Hello Wörld 🎉!', end: 'stop', counted: usage(12, 5) });
});

test('usage before the end counts too, and is never summed', () => {
  const first = f.metadata({ inputTokens: 100, outputTokens: 25 });
  const out = assemble(read([...f.HELLO.slice(0, -2), first, f.stop('end_turn'), ...f.HELLO.slice(-1)]));
  assert.deepEqual(out.usage, usage(12, 5));
});

test('tool calls, one of them without arguments', () => {
  const out = assemble(read(f.TOOLS));
  assert.equal(out.text, 'Let me look.');
  assert.deepEqual(out.tools, [
    { id: 'tooluse_hbTgdi0CSLq_hM4P8csZJA', name: 'top_song', arguments: '{"sign": "WZPZ"}' },
    { id: 'functions.now:1', name: 'now', arguments: '{}' },
  ]);
  assert.equal(out.end, 'tool_calls');
});

test('arguments that are cut short stay as they came', () => {
  const cut = [
    f.start,
    f.blockStart(0, { toolUse: { name: 't', toolUseId: 'a' } }),
    f.delta(0, { toolUse: { input: '{"a": [1,' } }),
    f.blockStop(0),
    f.stop('max_tokens'),
  ];
  const out = assemble(read(cut));
  assert.deepEqual([out.tools[0]?.arguments, out.end], ['{"a": [1,', 'length']);
});

test('reasoning with Claude’s signature, and usage with caches', () => {
  const out = assemble(read(f.THINKING));
  assert.deepEqual([out.reasoning, out.text], ['Let me count the r.', 'Three.']);
  assert.deepEqual(out.marks, [{ dialect: 'anthropic', fields: { type: 'thinking', signature: f.SIGNATURE } }]);
  assert.deepEqual(out.usage, usage(1551, 94, 1500, 48));
});

test('sealed reasoning comes in pieces and is one value', () => {
  const half = Math.floor(f.SEALED.length / 2);
  const parts = read([
    f.start,
    f.thought(0, { redactedContent: f.SEALED.slice(0, half) }),
    f.thought(0, { redactedContent: f.SEALED.slice(half) }),
    f.blockStop(0),
    f.text(1, 'OK'),
    f.stop('end_turn'),
  ]);
  assert.deepEqual(assemble(parts).marks, [{ dialect: 'bedrock', fields: { redactedContent: f.SEALED } }]);
});

test('tools that ran at the vendor are not the caller’s', () => {
  const out = assemble(
    read([
      f.start,
      f.blockStart(0, { toolUse: { name: 'nova_grounding', toolUseId: 'a', type: 'server_tool_use' } }),
      f.delta(0, { toolUse: { input: '{}' } }),
      f.blockStop(0),
      f.blockStart(1, { toolResult: { toolUseId: 'a', type: 'nova_grounding_result' } }),
      f.delta(1, { toolResult: [{ json: {} }] }),
      f.blockStop(1),
      f.text(2, 'Found.'),
      f.delta(2, { citation: { location: {} } }),
      f.stop('end_turn'),
    ]),
  );
  assert.deepEqual([out.tools, out.text, out.end], [[], 'Found.', 'stop']);
});

test('every reason to stop', () => {
  const ends: Record<string, string | null> = {
    end_turn: 'stop',
    stop_sequence: 'stop',
    tool_use: 'tool_calls',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    guardrail_intervened: 'content_filter',
    content_filtered: 'content_filter',
    malformed_model_output: 'upstream_protocol',
    malformed_tool_use: 'upstream_protocol',
    something_new: 'stop',
  };
  for (const [reason, end] of Object.entries(ends)) {
    assert.equal(assemble(read([f.start, f.text(0, 'a'), f.stop(reason)])).end, end, reason);
    const whole = JSON.stringify({ ...f.WHOLE, stopReason: reason });
    assert.equal(assemble(bedrock.vendor.whole(whole, {})).end, end, reason);
  }
  const nameless = event('messageStop', {});
  assert.equal(assemble(read([...f.TOOLS.slice(0, -2), nameless])).end, 'tool_calls');
});

test('exceptions inside a stream with status 200', () => {
  const classes: [string, object, string][] = [
    ['throttlingException', { message: 'Too many tokens, please wait before trying again.' }, 'upstream_rate_limited'],
    ['modelStreamErrorException', { message: 'x', originalStatusCode: 500 }, 'upstream_unavailable'],
    ['internalServerException', { message: 'The system encountered an unexpected error' }, 'upstream_unavailable'],
    ['serviceUnavailableException', {}, 'upstream_unavailable'],
    ['validationException', { message: 'The text field is blank' }, 'upstream_rejected'],
    ['validationException', { message: 'Input is too long for requested model.' }, 'upstream_context_too_long'],
    ['modelTimeoutException', { message: 'x' }, 'upstream_timeout'],
    ['accessDeniedException', { message: 'x' }, 'upstream_forbidden'],
    ['somethingNewException', { message: 'x' }, 'upstream_unavailable'],
    ['', { message: 'x' }, 'upstream_unavailable'],
  ];
  for (const [name, data, code] of classes) {
    assert.equal(failureOf(read([f.start, exception(name, data)])), code, `at once: ${name}`);
    const parts = read([...f.HELLO.slice(0, 3), exception(name, data), ...f.HELLO.slice(3)]);
    assert.equal(failureOf(parts), code, name);
    assert.equal(assemble(parts).text, 'Hello Wörld 🎉', 'what was shown stays, what follows is not heard');
  }
  const overloaded = { message: 'x', originalStatusCode: 529, originalMessage: 'overloaded_error: Overloaded' };
  assert.equal(failureOf(read([exception('modelStreamErrorException', overloaded)])), 'upstream_overloaded');
});

test('an error message without a payload, an unnamed error, an exception sent as an event', () => {
  const error = Buffer.from(`${JSON.stringify({ code: 'InternalServerException', message: 'x' })}`);
  const decoder = createBedrockDecoder();
  assert.equal(failureOf([...decoder.push({ name: 'error', data: error.toString() })]), 'upstream_unavailable');
  assert.equal(failureOf(read([event('throttlingException', { message: 'x' })])), 'upstream_rate_limited');
  assert.equal(failureOf(read([event('', { message: 'boom' })])), 'upstream_unavailable');
  assert.equal(failureOf(read([message([], '{"error":{"message":"context length"}}')])), 'upstream_context_too_long');
});

test('a stream without its end is no answer', () => {
  for (const frames of [[], [f.start], f.HELLO.slice(0, 2), f.TOOLS.slice(0, 6), f.HELLO.slice(0, -2)]) {
    assert.equal(failureOf(read(frames)), 'upstream_truncated');
  }
  const all = Buffer.concat(f.HELLO);
  const end = all.length - (f.HELLO.at(-1)?.length ?? 0);
  assert.equal(failureOf(read([all.subarray(0, end - 1)])), 'upstream_truncated');
  assert.equal(assemble(read([all.subarray(0, end + 5)])).end, 'stop');
});

test('after the end only usage is heard', () => {
  const late = [f.text(0, 'more'), exception('throttlingException', { message: 'x' }), event('metadata', 'not JSON')];
  const parts = read([...f.HELLO.slice(0, -1), ...late, ...f.HELLO.slice(-1)]);
  assert.deepEqual(assemble(parts), assemble(read(f.HELLO)));
  assert.equal(parts.filter((part) => part.type === 'finish').length, 1);
});

test('events that are not JSON break the answer; those of kinds to come do not', () => {
  assert.equal(failureOf(read([f.start, event('contentBlockDelta', 'hello')])), 'upstream_protocol');
  assert.equal(failureOf(read([f.start, event('contentBlockDelta', '[1]')])), 'upstream_protocol');
  assert.equal(failureOf(read([f.start, event('contentBlockDelta', '')])), 'upstream_protocol');
  const odd = [event('heartbeat', {}), event('contentBlockDelta', {}), event('contentBlockStart', { start: 3 })];
  assert.deepEqual(assemble(read([...odd, ...f.HELLO])), assemble(read(f.HELLO)));
});

test('insane usage is not believed', () => {
  const insane = [
    null,
    {},
    { inputTokens: -1, outputTokens: 3 },
    { inputTokens: 1e12, outputTokens: 3 },
    { inputTokens: '7', outputTokens: 3 },
    { inputTokens: 0, outputTokens: 0 },
  ];
  for (const counts of insane) {
    assert.equal(assemble(read([...f.HELLO.slice(0, -1), event('metadata', { usage: counts })])).usage, null);
  }
  const odd = { inputTokens: 5, outputTokens: 3, cacheReadInputTokens: -4, cacheWriteInputTokens: 1.5 };
  assert.deepEqual(assemble(read([...f.HELLO.slice(0, -1), f.metadata(odd)])).usage, usage(5, 3));
});

test('a whole answer gives the same parts', () => {
  const out = assemble(bedrock.vendor.whole(JSON.stringify(f.WHOLE), {}));
  assert.equal(out.text, 'The most popular song on WZPZ is Elemental Hotel');
  assert.equal(out.reasoning, 'A station.');
  assert.deepEqual(out.marks, [{ dialect: 'anthropic', fields: { type: 'thinking', signature: f.SIGNATURE } }]);
  assert.deepEqual(out.tools, [{ id: 'tooluse_1', name: 'top_song', arguments: '{"sign":"WZPZ"}' }]);
  assert.deepEqual([out.end, out.usage], ['tool_calls', usage(125, 60)]);
  const content = [{ reasoningContent: { redactedContent: f.SEALED } }, { toolUse: { toolUseId: 'a', name: 't' } }];
  const sealed = assemble(bedrock.vendor.whole(JSON.stringify({ ...f.WHOLE, output: { message: { content } } }), {}));
  assert.deepEqual(sealed.marks, [{ dialect: 'bedrock', fields: { redactedContent: f.SEALED } }]);
  assert.deepEqual(sealed.tools, [{ id: 'a', name: 't', arguments: '{}' }]);
});

test('a whole answer that is none', () => {
  const { stopReason: _, ...endless } = f.WHOLE;
  const bodies: [string, string][] = [
    ['', 'upstream_truncated'],
    [JSON.stringify(f.WHOLE).slice(0, 200), 'upstream_truncated'],
    [JSON.stringify(endless), 'upstream_truncated'],
    ['<html>', 'upstream_protocol'],
    ['{}', 'upstream_protocol'],
    ['[]', 'upstream_protocol'],
    ['{"output":{}}', 'upstream_protocol'],
    ['{"message":"Too many requests, please wait before trying again."}', 'upstream_unavailable'],
    ['{"__type":"ThrottlingException","message":"x"}', 'upstream_rate_limited'],
    // What Bedrock says with status 200 to a path that it does not know.
    ['{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}', 'upstream_rejected'],
  ];
  for (const [body, code] of bodies) assert.equal(failureOf(bedrock.vendor.whole(body, {})), code, body);
});

test('any slicing of the bytes gives the same parts', () => {
  const streams = fc.constantFrom(f.HELLO, f.TOOLS, f.THINKING, [
    ...f.HELLO.slice(0, 3),
    exception('throttlingException', { message: 'x' }),
  ]);
  fc.assert(
    fc.property(
      streams,
      fc.array(fc.nat({ max: 2500 }), { maxLength: 40 }),
      fc.option(fc.nat({ max: 2500 })),
      (frames, cuts, cut) => {
        const all = Buffer.concat(frames).subarray(0, cut ?? undefined);
        const at = [...new Set(cuts.map((place) => Math.min(place, all.length)))].sort((a, b) => a - b);
        const chunks = [...at, all.length].map((to, i) => all.subarray(at[i - 1] ?? 0, to));
        assert.deepEqual(read(chunks), read([all]));
      },
    ),
    { numRuns: 1000 },
  );
});

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\ud83d', '\ude00', '\0', 'é', '"p":', '"text":'),
    maxLength: 5,
  }),
  fc.constantFrom('x'.repeat(60), '', '","p":"abc"}', '"}'),
);
const padding = fc.constantFrom(
  undefined,
  '',
  'abc',
  'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012',
  'a"b',
  'a b',
);

test('fast and slow decoding give the same parts', () => {
  const common = fc
    .record({ at: fc.nat({ max: 1 }), text: piece, p: padding, thinks: fc.boolean() })
    .map(({ at, text, p, thinks }) => ({
      name: 'contentBlockDelta',
      data: { contentBlockIndex: at, delta: thinks ? { reasoningContent: { text } } : { text }, p },
    }));
  const rare = fc.constantFrom<{ name: string; data: object }>(
    { name: 'contentBlockStop', data: { contentBlockIndex: 0 } },
    {
      name: 'contentBlockDelta',
      data: { contentBlockIndex: 0, delta: { text: 'a', reasoningContent: { text: 'b' } } },
    },
    { name: 'contentBlockDelta', data: { contentBlockIndex: 0, delta: { reasoningContent: { signature: 's' } } } },
    { name: 'contentBlockStart', data: { contentBlockIndex: 2, start: { toolUse: { name: 't', toolUseId: 'i' } } } },
    { name: 'contentBlockDelta', data: { contentBlockIndex: 2, delta: { toolUse: { input: '{"text":"a"}' } } } },
    { name: 'messageStop', data: { stopReason: 'end_turn' } },
    { name: 'metadata', data: { usage: { inputTokens: 3, outputTokens: 4 } } },
    { name: 'exception:throttlingException', data: { message: 'x' } },
  );
  const weighted = fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: rare });
  fc.assert(
    fc.property(fc.array(weighted, { maxLength: 30 }), fc.boolean(), (list, spaced) => {
      const run = (fast: boolean) => {
        const decoder = createBedrockDecoder({ fast });
        const parts = list.flatMap(({ name, data }) => {
          const text = JSON.stringify(data);
          return [...decoder.push({ name, data: spaced ? text.replaceAll('":', '": ') : text })];
        });
        return [...parts, ...decoder.end()];
      };
      assert.deepEqual(run(true), run(false));
    }),
    { numRuns: 3000 },
  );
});
