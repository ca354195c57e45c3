/** What vendors of the OpenAI dialect want otherwise: reasoning, effort, turns, schemas. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { VENDORS } from '../../../src/catalogue/vendors.ts';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { ask, assistant, encode, hi, native, unsupported, user } from './openai-kit.ts';

describe('reasoning of earlier turns', () => {
  const call = ask([user('1'), assistant('a', 'why'), user('2'), assistant('b')]);
  const history = native({
    messages: [
      hi,
      { role: 'assistant', content: 'a', reasoning_content: 'why' },
      hi,
      { role: 'assistant', content: 'b' },
    ],
  });

  it('goes back in the way of each vendor, from our words and from the caller’s own body', () => {
    for (const each of [call, history]) {
      const of = (vendor: string, model = 'm') => encode(vendor, model, each);
      const sent = (vendor: string, model?: string) => [1, 3].map((at) => of(vendor, model).body.messages[at]);
      assert.deepEqual(sent('groq'), [
        { role: 'assistant', content: 'a', reasoning: 'why' },
        { role: 'assistant', content: 'b' },
      ]);
      assert.deepEqual(sent('mistral'), [
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: [{ type: 'text', text: 'why' }], closed: true },
            { type: 'text', text: 'a' },
          ],
        },
        { role: 'assistant', content: 'b' },
      ]);
      assert.deepEqual(sent('minimax'), [
        { role: 'assistant', content: '<think>why</think>\n\na' },
        { role: 'assistant', content: 'b' },
      ]);
      assert.deepEqual(sent('openai'), [
        { role: 'assistant', content: 'a' },
        { role: 'assistant', content: 'b' },
      ]);
      assert.deepEqual(
        of('openai').notices.map(({ code }) => code),
        ['dropped'],
      );
      // V4 wants the field in every turn; the older names take it only since the last question.
      assert.deepEqual(sent('deepseek', 'deepseek-v4-flash'), [
        { role: 'assistant', content: 'a', reasoning_content: 'why' },
        { role: 'assistant', content: 'b', reasoning_content: '' },
      ]);
      assert.deepEqual(sent('deepseek', 'deepseek-reasoner'), [
        { role: 'assistant', content: 'a' },
        { role: 'assistant', content: 'b' },
      ]);
      assert.deepEqual(of('deepseek', 'deepseek-reasoner').notices, []);
      assert.deepEqual(sent('together')[0], { role: 'assistant', content: 'a', reasoning_content: 'why' });
    }
  });

  it('stays inside a loop of tool calls for the older names of DeepSeek', () => {
    const calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }];
    const turn = { role: 'assistant', content: '', reasoning_content: 'why', tool_calls: calls };
    const body = { messages: [hi, turn, { role: 'tool', tool_call_id: 'c', content: 'r' }] };
    assert.deepEqual(encode('deepseek', 'deepseek-reasoner', native(body)).body.messages[1], turn);
  });

  it('empty fields that clients send back are taken away without a word', () => {
    const body = { messages: [hi, { role: 'assistant', content: 'a', refusal: null, annotations: [] }, hi] };
    const { body: sent, notices } = encode('mistral', 'm', native(body));
    assert.deepEqual([sent.messages[1], notices], [{ role: 'assistant', content: 'a' }, []]);
  });
});

describe('reasoning_effort', () => {
  const sent = (vendor: string, model: string, reasoningEffort: string) => {
    const { body, notices } = encode(vendor, model, ask([user('x')], { reasoningEffort }));
    const { reasoning_effort, thinking, enable_thinking } = body;
    return [reasoning_effort, thinking ?? enable_thinking, notices.map(({ code }) => code).join()];
  };

  it('becomes the vendor’s words, or its switch, or is dropped with a notice', () => {
    assert.deepEqual(sent('openai', 'gpt-5', 'minimal'), ['minimal', undefined, '']);
    assert.deepEqual(sent('openai', 'o3', 'minimal'), ['low', undefined, 'changed']);
    assert.deepEqual(sent('openai', 'gpt-4o', 'high'), [undefined, undefined, 'dropped']);
    assert.deepEqual(sent('openai', 'gpt-4o', 'none'), [undefined, undefined, '']);
    assert.deepEqual(sent('deepseek', 'deepseek-v4-pro', 'medium'), ['high', undefined, 'changed']);
    assert.deepEqual(sent('deepseek', 'deepseek-v4-pro', 'xhigh'), ['max', undefined, 'changed']);
    assert.deepEqual(sent('deepseek', 'deepseek-v4-pro', 'none'), [undefined, { type: 'disabled' }, '']);
    assert.deepEqual(sent('moonshot', 'kimi-k2.6', 'high'), [undefined, { type: 'enabled' }, 'changed']);
    assert.deepEqual(sent('moonshot', 'kimi-k2.6', 'none'), [undefined, { type: 'disabled' }, '']);
    assert.deepEqual(sent('moonshot', 'kimi-k3', 'high'), ['high', undefined, '']);
    assert.deepEqual(sent('moonshot', 'moonshot-v1-8k', 'high'), [undefined, undefined, 'dropped']);
    assert.deepEqual(sent('zai', 'glm-5.3', 'low'), [undefined, { type: 'enabled' }, 'changed']);
    assert.deepEqual(sent('dashscope', 'qwen-plus', 'low'), [undefined, true, 'changed']);
    assert.deepEqual(sent('dashscope', 'qwen-plus', 'none'), [undefined, false, '']);
    assert.deepEqual(sent('minimax', 'MiniMax-M3', 'none'), [undefined, { type: 'disabled' }, '']);
    assert.deepEqual(sent('groq', 'openai/gpt-oss-20b', 'xhigh'), ['high', undefined, 'changed']);
    assert.deepEqual(sent('groq', 'qwen/qwen3-32b', 'high'), ['default', undefined, 'changed']);
    assert.deepEqual(sent('mistral', 'mistral-small-2603', 'low'), ['high', undefined, 'changed']);
    assert.deepEqual(sent('mistral', 'mistral-small-2603', 'minimal'), ['none', undefined, 'changed']);
    assert.deepEqual(sent('xai', 'grok-4', 'high'), [undefined, undefined, 'dropped']);
    assert.deepEqual(sent('xai', 'grok-4.5', 'high'), ['high', undefined, '']);
    assert.deepEqual(sent('together', 'any', 'sideways'), ['sideways', undefined, '']);
  });

  it('does not overrule who uses the vendor’s own switch', () => {
    const body = { messages: [hi], thinking: { type: 'disabled' }, reasoning_effort: 'high' };
    const { body: sent } = encode('zai', 'glm-5.3', native(body));
    assert.deepEqual([sent.thinking, 'reasoning_effort' in sent], [{ type: 'disabled' }, false]);
  });

  it('is read from OpenRouter’s place, and only OpenRouter gets it there', () => {
    const call = native({ messages: [hi], reasoning: { effort: 'low' } });
    assert.deepEqual(encode('openrouter', 'x/y', call).body.reasoning, { effort: 'low' });
    const { body } = encode('groq', 'openai/gpt-oss-20b', call);
    assert.deepEqual([body.reasoning, body.reasoning_effort], [undefined, 'low']);
  });
});

describe('other habits', () => {
  it('fields under other names, refused ones, and the role of instructions', () => {
    const call = native({ messages: [{ role: 'developer', content: 'd' }, hi], seed: 7, logit_bias: { 1: 1 } });
    const { body, notices } = encode('mistral', 'm', call);
    assert.deepEqual(
      [body.random_seed, 'seed' in body, 'logit_bias' in body, 'stream_options' in body],
      [7, false, false, false],
    );
    assert.deepEqual(body.messages[0], { role: 'system', content: 'd' });
    assert.match(notices[0]?.detail ?? '', /^logit_bias/);
    assert.equal(encode('openai', 'o3', call).body.messages[0]?.role, 'developer');
    assert.equal(encode('openai', 'o3', native({ messages: [hi], temperature: 0.2 })).body.temperature, undefined);
    assert.equal(encode('openai', 'gpt-4o', native({ messages: [hi], temperature: 0.2 })).body.temperature, 0.2);
  });

  it('a schema is told in words where only JSON mode is known', () => {
    const format = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object', required: ['a'] } } };
    const system = { role: 'system', content: 'Be brief.' };
    const call = native({ messages: [system, hi], response_format: format });
    const { body, notices } = encode('deepseek', 'deepseek-v4-flash', call);
    assert.deepEqual(body.response_format, { type: 'json_object' });
    assert.equal(body.messages.length, 2);
    assert.match(
      String(body.messages[0]?.content),
      /^Be brief\.\n\n.*JSON Schema: \{"type":"object","required":\["a"\]\}$/s,
    );
    assert.equal(notices[0]?.code, 'changed');
    const alone = encode('zai', 'glm', native({ messages: [hi], response_format: format })).body.messages;
    assert.deepEqual(
      alone.map(({ role }) => role),
      ['system', 'user'],
    );
    assert.deepEqual(encode('openai', 'gpt-4o', call).body.response_format, format);
    assert.deepEqual(encode('moonshot', 'kimi-k2.5', call).body.response_format, format);
  });

  it('strict turns: system in front, roles one after the other, the user last', () => {
    const messages = [
      { role: 'assistant', content: 'Welcome!' },
      hi,
      { role: 'user', content: [{ type: 'text', text: 'there' }] },
      { role: 'system', content: 's' },
      { role: 'assistant', content: 'a' },
      { role: 'assistant', content: 'b' },
      hi,
    ];
    const { body, notices } = encode('perplexity', 'sonar', native({ messages }));
    assert.deepEqual(body.messages, [
      { role: 'system', content: 's' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'text', text: 'there' },
        ],
      },
      { role: 'assistant', content: 'a\n\nb' },
      hi,
    ]);
    assert.deepEqual(
      notices.map(({ code }) => code),
      ['changed', 'dropped'],
    );
    assert.throws(() => encode('perplexity', 'sonar', ask([user('x'), assistant('y')])), unsupported);
  });

  it('Azure’s deployments stand in the path, whatever their names are', () => {
    const quirks: Quirks = {
      paths: {
        chat: '/deployments/{model}/chat/completions?api-version=2024-10-21',
        embeddings: '/deployments/{model}/embeddings',
      },
    };
    const wire = openai.vendor.encode(ask([user('x')]), { provider: 'azure', model: 'a/b c?d', quirks }, false);
    assert.equal(wire.path, '/deployments/a%2Fb%20c%3Fd/chat/completions?api-version=2024-10-21');
  });

  it('the body keeps its meaning with every vendor: all texts are there, in their order', () => {
    const text = fc.string({ minLength: 1, maxLength: 12 }).map((s) => `«${s}»`);
    const turns = fc.array(fc.record({ said: text, answered: text }), { minLength: 1, maxLength: 5 });
    const names = VENDORS.filter(({ dialect }) => dialect === 'openai').map(({ name }) => name);
    fc.assert(
      fc.property(turns, text, fc.constantFrom(...names), (history, question, vendor) => {
        const messages = [
          ...history.flatMap(({ said, answered }) => [user(said), assistant(answered)]),
          user(question),
        ];
        const { body } = encode(vendor, 'some-model', ask(messages, { temperature: 0.5, maxTokens: 7 }));
        const said = JSON.stringify(body.messages.map(({ content }) => content));
        let at = 0;
        for (const expected of [...history.flatMap(({ said, answered }) => [said, answered]), question]) {
          at = said.indexOf(JSON.stringify(expected).slice(1, -1), at);
          assert.notEqual(at, -1, `${vendor}: ${expected}`);
          at += expected.length;
        }
        assert.equal(body.max_tokens ?? body.max_completion_tokens, 7);
      }),
    );
  });
});
