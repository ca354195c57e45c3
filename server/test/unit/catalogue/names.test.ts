import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMovingAlias, looksLikeChat, looksStable, undated } from '../../../src/catalogue/names.ts';

test('chat models are told from the others by their names', () => {
  for (const chat of [
    'gpt-4o-mini',
    'llama3.2:3b',
    'meta-llama/Llama-3.2-11B-Vision-Instruct',
    'qwen2.5-coder:7b',
    'claude-haiku-4-5',
    'glm-4.7-flashx',
    'sonar',
    'gemma-3-27b-it',
    'hf:openai/gpt-oss-120b',
  ]) {
    assert.equal(looksLikeChat(chat), true, chat);
  }
  for (const other of [
    'text-embedding-3-small',
    'nomic-embed-text:latest',
    'all-minilm',
    'mxbai-embed-large',
    'whisper-large-v3-turbo',
    'gpt-4o-mini-tts',
    'gpt-4o-transcribe',
    'gpt-realtime-mini',
    'gpt-image-1',
    'dall-e-3',
    'black-forest-labs/FLUX.1-dev',
    'omni-moderation-latest',
    'llama-guard-3-8b',
    'openai/gpt-oss-safeguard-20b',
    'qwen3guard-gen-8b',
    'mistral-ocr-latest',
    'gemini-3.1-flash-live-preview',
    'text-davinci-003',
    'BAAI/bge-m3',
    'jina-reranker-v2',
  ]) {
    assert.equal(looksLikeChat(other), false, other);
  }
});

test('names that promise to stay', () => {
  for (const name of ['gpt-4o-mini', 'claude-sonnet-5', 'expert-7b', 'deepseek-v4-flash']) {
    assert.equal(looksStable(name), true, name);
  }
  for (const name of ['gemini-3-pro-preview', 'deepseek-v3.2-exp', 'gemma-3-27b-it:free', 'x:batch', 'grok-beta']) {
    assert.equal(looksStable(name), false, name);
  }
});

test('dates and moving aliases', () => {
  assert.equal(undated('claude-3-5-haiku-20241022'), 'claude-3-5-haiku');
  assert.equal(undated('GPT-4o-2024-08-06'), 'gpt-4o');
  assert.equal(undated('mistral-small-latest'), 'mistral-small');
  assert.equal(undated('mistral-small-2603'), 'mistral-small-2603');
  assert.equal(isMovingAlias('claude-3-5-haiku-latest'), true);
  assert.equal(isMovingAlias('gpt-4o'), false);
});
