/** Any parts in any order, through the Anthropic door and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { VendorField } from '../../../src/contract/call.ts';
import type { ToolCallPart, VisiblePart } from '../../../src/contract/part.ts';
import { anthropic } from '../../../src/dialects/anthropic/index.ts';
import { createAssembly } from '../../../src/execution/assembly.ts';
import { checkOrder, encoded, type Json, newEncoder, USAGE } from './messages-stream.ts';
import { assemble, read } from './read.ts';

const text = (value: string): VisiblePart => ({ type: 'text', text: value });
const thought = (value: string, vendor?: VendorField): VisiblePart => ({
  type: 'reasoning',
  text: value,
  ...(vendor ? { vendor } : {}),
});
const signed = (signature: string): VendorField => ({ dialect: 'anthropic', fields: { type: 'thinking', signature } });
const tool = (index: number, args: string, more: Partial<ToolCallPart> = {}): VisiblePart => ({
  type: 'tool_call',
  index,
  arguments: args,
  ...more,
});

const words = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('', '\n\n', '"', '\\', '🎉', 'é\u2028'));
const vendor = fc.option(
  fc.constantFrom<VendorField>(
    signed('EqRkAA=='),
    { dialect: 'anthropic', fields: { type: 'redacted_thinking', data: 'Emw' } },
    { dialect: 'responses', fields: { item: { id: 'rs_1', encrypted_content: 'x'.repeat(50) } } },
    { dialect: 'gemini', fields: { thoughtSignature: 'CiQB/+==' } },
  ),
  { nil: undefined },
);
const anyPart: fc.Arbitrary<VisiblePart> = fc.oneof(
  words.map(text),
  fc.tuple(words, vendor).map(([value, field]) => thought(value, field)),
  fc.tuple(fc.nat({ max: 3 }), fc.json({ maxDepth: 1 })).map(([index, json]) => tool(index, `{"v":${json}}`)),
);

/** Tool calls get their id and name with the first fragment; each is told in pieces, mixed with those of others. */
function told(drawn: readonly VisiblePart[], cuts: readonly number[]): VisiblePart[] {
  const out: VisiblePart[] = [];
  const open: VisiblePart[] = [];
  const seen = new Set<number>();
  drawn.forEach((part, i) => {
    if (part.type !== 'tool_call') {
      out.push(part);
      return;
    }
    if (seen.has(part.index)) return;
    seen.add(part.index);
    const cut = (cuts[i % Math.max(1, cuts.length)] ?? 0) % (part.arguments.length + 1);
    out.push({ ...part, id: `call/${part.index}`, name: `f${part.index}`, arguments: part.arguments.slice(0, cut) });
    open.push({ ...part, arguments: part.arguments.slice(cut) });
    if (open.length > 1) out.push(...open.splice(0, 1));
  });
  return [...out, ...open];
}

test('any parts in any order: our own decoder reads back the same text, reasoning and calls', () => {
  fc.assert(
    fc.property(fc.array(anyPart, { maxLength: 14 }), fc.array(fc.nat({ max: 40 })), (drawn, cuts) => {
      const parts = told(drawn, cuts);
      const stream = encoded(parts, 'tool_calls');
      checkOrder(stream);
      const before = assemble(parts);
      const after = assemble(read(anthropic, stream));
      assert.equal(after.text, before.text);
      assert.equal(after.reasoning, before.reasoning);
      assert.equal(after.end, 'tool_calls');
      assert.deepEqual(after.usage, USAGE);
      const plain = (calls: typeof before.tools) =>
        calls
          .filter(Boolean)
          .map(({ name, arguments: args }) => [name, args])
          .sort();
      assert.deepEqual(plain(after.tools), plain(before.tools));
    }),
    { numRuns: 1000 },
  );
});

test('what a client sends back of a message is what the vendor has said, fields and all', async () => {
  const { door } = anthropic;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPart, { minLength: 1, maxLength: 10 }),
      fc.array(fc.nat({ max: 40 })),
      async (drawn, cuts) => {
        const parts = told(drawn, cuts);
        const assembly = createAssembly();
        for (const part of parts) assembly.add(part);
        const answer = { parts: assembly.parts(), finishReason: 'stop' as const, usage: USAGE };
        const whole = JSON.parse(newEncoder().whole(answer, {})) as { content: Json[] };
        const back = door?.decode({
          messages: [
            { role: 'user', content: 'x' },
            { role: 'assistant', content: whole.content },
          ],
        });
        const said = back?.call.messages[1]?.content ?? [];
        const meaning = (list: readonly { type: string }[]) => {
          const units: unknown[][] = [];
          for (const part of list) {
            const { type, text: value, vendor: field, id, name, arguments: args } = part as unknown as Json;
            const last = units.at(-1);
            // Redacted reasoning has no text of its own: what stood before it is reasoning by itself.
            const redacted = (field as VendorField | undefined)?.fields.type === 'redacted_thinking';
            if (type === 'tool_call') units.push([id, name, JSON.parse(String(args))]);
            else if (value === '' && field === undefined) continue;
            else if (type === 'text' && last?.[0] === 'text') last[1] = `${last[1]}${value}`;
            else if (redacted && value !== '') units.push([type, value, undefined], [type, '', field]);
            else units.push([type, value, field]);
          }
          return units;
        };
        assert.deepEqual(meaning(said), meaning(assembly.parts()));
      },
    ),
    { numRuns: 500 },
  );
});
