/** Going on in the middle of an answer, as each vendor wants to be asked for it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Quirks } from '../../../src/contract/quirks.ts';
import { openai } from '../../../src/dialects/openai/index.ts';
import { ask, encode, hi, native, quirksOf, unsupported, user } from './openai-kit.ts';

describe('going on from a prefix', () => {
  const shown = 'Once upon a';
  const last = (vendor: string, model: string) => encode(vendor, model, ask([user('tell')]), shown);

  it('is marked as each vendor wants it', () => {
    const mistral = last('mistral', 'mistral-large-latest');
    assert.deepEqual(mistral.body.messages.at(-1), { role: 'assistant', content: shown, prefix: true });
    assert.deepEqual([mistral.path, mistral.instead], ['/chat/completions', undefined]);

    const deepseek = last('deepseek', 'deepseek-v4-flash');
    assert.deepEqual(deepseek.body.messages.at(-1), { role: 'assistant', content: shown, prefix: true });
    assert.deepEqual([deepseek.path, deepseek.instead], ['/beta/chat/completions', '/v1']);
    assert.deepEqual(deepseek.body.thinking, { type: 'disabled' });

    const kimi = last('moonshot', 'kimi-k2.6');
    assert.deepEqual(kimi.body.messages.at(-1), { role: 'assistant', content: shown, partial: true });
    assert.deepEqual(kimi.body.thinking, { type: 'disabled' });
    assert.equal('thinking' in last('moonshot', 'moonshot-v1-8k').body, false);

    const qwen = last('dashscope', 'qwen-plus');
    assert.deepEqual(qwen.body.messages.at(-1), { role: 'assistant', content: shown, partial: true });
    assert.equal(qwen.body.enable_thinking, false);

    const groq = last('groq', 'llama-3.3-70b-versatile');
    assert.deepEqual(groq.body.messages.at(-1), { role: 'assistant', content: shown });
  });

  it('leaves the call alone when there is none, and is refused where an answer would begin anew', () => {
    const plain = encode('deepseek', 'deepseek-v4-flash', ask([user('tell')]));
    assert.deepEqual(
      [plain.path, 'thinking' in plain.body, plain.body.messages.length],
      ['/chat/completions', false, 1],
    );
    for (const [vendor, model] of [
      ['openai', 'gpt-4o'],
      ['moonshot', 'kimi-k3'],
      ['perplexity', 'sonar'],
      ['together', 'any'],
    ] as const) {
      assert.equal(openai.vendor.goesOn?.({ provider: vendor, model, quirks: quirksOf(vendor) }), false);
      assert.throws(() => encode(vendor, model, ask([user('tell')]), shown), unsupported);
    }
    assert.equal(openai.vendor.goesOn?.({ provider: 'mistral', model: 'x', quirks: quirksOf('mistral') }), true);
  });

  it("works on the caller's own body, and goes on where the caller himself began the answer", () => {
    const body = { messages: [hi, { role: 'assistant', content: 'Well, ' }], brand_new: 1 };
    const { body: sent } = encode('mistral', 'm', native(body), shown);
    assert.deepEqual(sent.messages, [hi, { role: 'assistant', content: `Well, ${shown}`, prefix: true }]);
    assert.equal(sent.brand_new, 1);
    assert.deepEqual(body.messages.at(-1), { role: 'assistant', content: 'Well, ' });
  });

  it('keeps what the caller says to the template, and adds to it', () => {
    const quirks: Quirks = {
      prefix: { body: { continue_final_message: true, chat_template_kwargs: { enable_thinking: false } } },
    };
    const { body } = encode(
      'vllm',
      'm',
      native({ messages: [hi], chat_template_kwargs: { mode: 'x' } }),
      shown,
      quirks,
    );
    assert.deepEqual(body.chat_template_kwargs, { mode: 'x', enable_thinking: false });
    assert.equal(body.continue_final_message, true);
  });

  it('keeps to no grammar that would begin anew: JSON mode is dropped, a schema refused', () => {
    const json = encode('mistral', 'm', native({ messages: [hi], response_format: { type: 'json_object' } }), '{"a":');
    assert.equal('response_format' in json.body, false);
    assert.match(json.notices[0]?.detail ?? '', /^response_format/);
    const schema = { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } };
    assert.throws(
      () => encode('mistral', 'm', native({ messages: [hi], response_format: schema }), '{"a":'),
      unsupported,
    );
    // Told in words, a schema holds on.
    const words = encode('deepseek', 'deepseek-v4-pro', native({ messages: [hi], response_format: schema }), '{"a":');
    assert.match(String(words.body.messages[0]?.content), /JSON Schema/);
  });
});
