/** Secrets in a configuration file: the place is told, never the value. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../../../src/app/config.ts';
import { writtenSecrets } from '../../../../src/guard/secrets/written.ts';

const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');

test('by value and by name, to the bottom, and nothing else', () => {
  const file = {
    providers: {
      own: { base_url: 'https://user:s3cr3tW0rd@models.acme.io/v1', headers: { authorization: `Bearer ${AWS}` } },
      other: {
        key_env: 'OTHER_API_KEY',
        headers: { 'x-token': 'Zx81aB3dE6gH9jK2mN5p' },
        models: ['gpt-4o-mini-2024-07-18'],
      },
    },
    aliases: { fast: ['openai/gpt-4o-mini', AWS] },
    policy_file: './policies/house.cedar',
    secrets: { kinds: { credential: 'redact' } },
    guardrails: { before: { url: 'http://127.0.0.1:9000/check' } },
  };
  assert.deepEqual(writtenSecrets(file), [
    'providers.own.base_url',
    'providers.own.headers.authorization',
    'providers.other.headers.x-token',
    'aliases.fast.1',
  ]);
  assert.deepEqual(writtenSecrets({ aliases: { [AWS]: ['openai/gpt-4o'] } }), ['aliases.[secret:aws_access_key]']);
  assert.deepEqual(writtenSecrets(null), []);
  assert.deepEqual(writtenSecrets({ a: 1, b: [true, null], c: '' }), []);
});

test('the configuration knows the places', () => {
  const folder = mkdtempSync(join(tmpdir(), 'goblin-written-'));
  try {
    const provider = { base_url: 'http://127.0.0.1:1/v1', models: ['m'], headers: { 'x-api-key': AWS } };
    writeFileSync(join(folder, 'goblin.yaml'), JSON.stringify({ providers: { own: provider } }));
    const config = readConfig(folder, {});
    assert.deepEqual(config.writtenSecrets, ['providers.own.headers.x-api-key']);
    rmSync(join(folder, 'goblin.yaml'));
    assert.deepEqual(readConfig(folder, {}).writtenSecrets, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
