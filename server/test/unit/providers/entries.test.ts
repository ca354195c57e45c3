/** What an entry of `goblin.yaml` may say of a provider: its keys, its models, its dialect. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quirksFor } from '../../../src/contract/quirks.ts';
import { parseSettings, settle } from '../../../src/settings/settings.ts';
import { only, refused } from './registry-kit.ts';

describe('several keys', () => {
  const env = { A_KEY: 'sk-a', B_KEY: 'sk-b', OPENAI_API_KEY: 'sk-o' };
  const list = `providers: { openai: { keys: [
    { env: A_KEY, requests_per_minute: 60, models: [gpt-4o] }, { env: B_KEY, weight: 3, tokens_per_minute: 1000 }] } }`;

  it('stand in the order of their weights, each with its own limits, and the first is the key', () => {
    const { key, keys } = only(env, list);
    assert.equal(key, 'sk-b');
    assert.deepEqual(keys, [
      { id: 'B_KEY', key: 'sk-b', weight: 3, requestsPerMinute: null, tokensPerMinute: 1000, models: null },
      { id: 'A_KEY', key: 'sk-a', weight: 1, requestsPerMinute: 60, tokensPerMinute: null, models: ['gpt-4o'] },
    ]);
    assert.deepEqual(
      only({ ...env, MCP_OPENAI_API_KEY: 'sk-m' }, list).keys?.map(({ id }) => id),
      ['MCP_OPENAI_API_KEY'],
    );
    assert.deepEqual(
      only(env).keys?.map(({ id, weight }) => [id, weight]),
      [['OPENAI_API_KEY', 1]],
    );
    assert.deepEqual(only(env, 'providers: { openai: { key_env: A_KEY } }').key, 'sk-a');
  });

  it('are refused when one is missing, doubled, or no key', () => {
    const keys = (text: string) => `providers: { openai: { keys: [${text}] } }`;
    refused(env, keys('{ env: A_KEY }, { env: C_KEY }'), /keys\.1\.env names C_KEY, which is not set/);
    refused({ ...env, B_KEY: 'sk-a' }, keys('{ env: A_KEY }, { env: B_KEY }'), /the same key twice \(A_KEY, B_KEY\)/);
    refused(env, keys('{ env: A_KEY }, { env: A_KEY }'), /the same key twice/);
    refused({ ...env, A_KEY: 'sk-a b' }, keys('{ env: A_KEY }'), /^A_KEY has blanks/);
    refused(env, 'providers: { openai: { key_env: A_KEY, keys: [{ env: B_KEY }] } }', /both keys and key_env/);
    refused(env, keys('{ env: A_KEY, weight: 0 }'), /keys\.0\.weight/);
    refused(env, keys(''), /keys/);
  });
});

describe('entries', () => {
  it('describe models beside their names, with their prices', () => {
    const yaml = `providers:
  house:
    base_url: http://gpu-1:8000/v1
    models: [plain, { id: big, context: 8192, tools: true, schema: false, embeds: false, price: { input: 1, output: 2 } }, { id: vectors, embeds: true }]
    prefix: continue_final_message
    think_tags: true`;
    const { models, abilities, quirks, auth } = only({}, yaml);
    assert.deepEqual(models, ['plain', 'big', 'vectors']);
    assert.deepEqual(abilities, {
      big: { contextWindow: 8192, tools: true, schema: false, embeds: false },
      vectors: { embeds: true, chat: false },
    });
    assert.deepEqual(
      [quirks.prefix, quirks.thinkTags, auth],
      [{ body: { continue_final_message: true, add_generation_prompt: false } }, true, 'none'],
    );
    assert.deepEqual(settle(parseSettings(yaml, 'y')).prices, { 'house/big': { input: 1, output: 2 } });
    refused(
      {},
      `${yaml}\nprices: { house/big: { input: 1, output: 2 } }`,
      /the price of house\/big stands there twice/,
    );
    refused(
      {},
      'providers: { h: { base_url: "http://x", models: [{ id: m, tools: maybe }] } }',
      /providers\.h\.models\.0\.tools/,
    );
    refused(
      {},
      'providers: { h: { base_url: "http://x", dialect: soap } }',
      /providers\.h\.dialect: takes openai, responses/,
    );
  });

  it('say for all models whether a vendor goes on from a prefix', () => {
    const { quirks } = only({ GROQ_API_KEY: 'sk-g' }, 'providers: { groq: { prefix: none } }');
    assert.equal(quirksFor(quirks, 'llama-3.3-70b-versatile').prefix, null);
    assert.deepEqual(quirksFor(quirks, 'openai/gpt-oss-20b').effort, { words: ['low', 'medium', 'high'] });
  });

  it('choose another dialect where the address speaks it', () => {
    const ollama = only({ OLLAMA_BASE_URL: 'http://gpu-1:11434/v1' }, 'providers: { ollama: { dialect: ollama } }');
    assert.deepEqual([ollama.dialect, ollama.baseUrl, ollama.free], ['ollama', 'http://gpu-1:11434', true]);
    assert.equal(
      only({ OPENAI_API_KEY: 'sk-o' }, 'providers: { openai: { dialect: responses } }').baseUrl,
      'https://api.openai.com/v1',
    );
    refused({ OPENAI_API_KEY: 'sk-o' }, 'providers: { openai: { dialect: gemini } }', /its own address speaks openai/);
    const yaml = 'providers: { minimax: { dialect: anthropic, base_url: "https://api.minimax.io/anthropic" } }';
    const minimax = only({ MINIMAX_API_KEY: 'sk-m' }, yaml);
    assert.deepEqual(
      [minimax.baseUrl, minimax.headers, minimax.quirks],
      ['https://api.minimax.io/anthropic/v1', { 'anthropic-version': '2023-06-01' }, {}],
    );
  });
});
