import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AssistantContent, Message } from '../../../../src/contract/call.ts';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { CLAUDE, encode, GPT_OSS, LLAMA, LOOK, NOVA } from './kit.ts';

const words = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom(' ', '', 'x', '\n'));
const text = words.map((value) => ({ type: 'text' as const, text: value }));
const id = fc.oneof(
  fc.constantFrom('a', 'call_1', 'c00000001', 'tooluse_x', 'a b', 'y'.repeat(70)),
  fc.string({ maxLength: 4 }),
);
const call: fc.Arbitrary<AssistantContent> = fc.record({
  type: fc.constant('tool_call' as const),
  id,
  name: fc.constantFrom('look', 'look<|x|>', ''),
  arguments: fc.constantFrom('', '{}', '{"a":1}', '[1]', '{"a'),
});
const thought: fc.Arbitrary<AssistantContent> = words.map((value) => ({ type: 'reasoning' as const, text: value }));
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.array(text, { maxLength: 2 }).map((content): Message => ({ role: 'system', content })),
  fc.array(text, { maxLength: 3 }).map((content): Message => ({ role: 'user', content })),
  fc.array(fc.oneof(text, call, thought), { maxLength: 3 }).map((content): Message => ({ role: 'assistant', content })),
  fc
    .record({ id, content: fc.array(text, { maxLength: 2 }) })
    .map((made): Message => ({ role: 'tool', toolCallId: made.id, content: made.content })),
);

type Block = {
  text?: string;
  toolUse?: { toolUseId: string; name: string; input: unknown };
  toolResult?: { toolUseId: string; content: Block[] };
};

/** All that was said, in the order in which Converse is told it. */
function heard(blocks: readonly Block[]): string[] {
  return blocks.flatMap((block) => (block.toolResult ? heard(block.toolResult.content) : [block.text ?? '']));
}

test('whatever the conversation, Converse gets one that it takes, and every word of it', () => {
  const models = fc.constantFrom(CLAUDE, LLAMA, NOVA, GPT_OSS, 'mistral.mistral-large-2407-v1:0');
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), models, (messages, model) => {
      let json: { messages: { role: string; content: Block[] }[]; system?: Block[]; toolConfig?: unknown };
      try {
        ({ json } = encode(
          [...messages, { role: 'user', content: [{ type: 'text', text: 'end' }] }],
          { tools: [LOOK] },
          model,
        ));
      } catch (error) {
        assert.ok(error instanceof GoblinError && error.code === 'unsupported_by_target', String(error));
        return;
      }
      const ids = model.includes('mistral') ? /^[a-zA-Z0-9]{9}$/ : /^[a-zA-Z0-9_.:-]{1,64}$/;
      json.messages.forEach((turn, n) => {
        assert.equal(turn.role, n % 2 === 0 ? 'user' : 'assistant');
        assert.ok(turn.content.length > 0);
        for (const block of turn.content) {
          if (block.text !== undefined) assert.notEqual(block.text.trim(), '');
          const { toolUse, toolResult } = block;
          if (toolUse) {
            assert.match(toolUse.toolUseId, ids);
            assert.match(toolUse.name, /^[a-zA-Z0-9_-]{1,64}$/);
            assert.ok(typeof toolUse.input === 'object' && toolUse.input !== null && !Array.isArray(toolUse.input));
          }
          if (toolResult) {
            assert.match(toolResult.toolUseId, ids);
            assert.ok(toolResult.content.length > 0);
          }
        }
      });
      const said = [
        ...(json.system ?? []).map((block) => block.text ?? ''),
        ...json.messages.flatMap((turn) => heard(turn.content)),
      ];
      const wanted = messages.flatMap((made) =>
        made.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])),
      );
      for (const value of wanted) if (value.trim() !== '') assert.ok(said.includes(value), JSON.stringify(value));
    }),
    { numRuns: 1000 },
  );
});

test('ids that differ stay different, and a call finds its result', () => {
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 6 }), fc.boolean(), (all, short) => {
      const talk: Message[] = [
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
        {
          role: 'assistant',
          content: all.map((made) => ({ type: 'tool_call', id: made, name: 'look', arguments: '' })),
        },
        ...all.map(
          (made): Message => ({ role: 'tool', toolCallId: made, content: [{ type: 'text', text: made || 'none' }] }),
        ),
      ];
      const model = short ? 'mistral.mistral-large-2407-v1:0' : CLAUDE;
      const [, uses, results] = encode(talk, { tools: [LOOK] }, model).json.messages as { content: Block[] }[];
      const used = uses?.content.map((block) => block.toolUse?.toolUseId);
      assert.deepEqual(
        results?.content.map((block) => block.toolResult?.toolUseId),
        used,
      );
      assert.equal(new Set(used).size, all.length);
    }),
    { numRuns: 500 },
  );
});
