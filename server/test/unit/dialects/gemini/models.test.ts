/** The models that Google's lists hold, by the names that calls are made with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gemini } from '../../../../src/dialects/gemini/index.ts';

test('the list of models: what answers or embeds, by bare names', () => {
  const list = {
    models: [
      { name: 'models/gemini-3.8-flash', supportedGenerationMethods: ['generateContent', 'countTokens'] },
      { name: 'models/gemini-embedding-001', supportedGenerationMethods: ['embedContent'] },
      { name: 'models/veo-3', supportedGenerationMethods: ['predictLongRunning'] },
      { name: 'tunedModels/mine', supportedGenerationMethods: ['generateContent'] },
      { name: 7 },
      null,
    ],
  };
  assert.deepEqual(gemini.vendor.models(list), ['gemini-3.8-flash', 'gemini-embedding-001', 'tunedModels/mine']);
  assert.deepEqual(gemini.vendor.models({ publisherModels: [{ name: 'publishers/google/models/gemini-3.8-flash' }] }), [
    'gemini-3.8-flash',
  ]);
  for (const none of [null, [], {}, { models: 'x' }]) assert.deepEqual(gemini.vendor.models(none), []);
});
