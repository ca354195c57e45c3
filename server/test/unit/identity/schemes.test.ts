import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { readExport } from '../../../src/identity/export-file.ts';
import { readKeyFields } from '../../../src/identity/new-key.ts';
import { hashesOf, hashKey, readHash } from '../../../src/identity/schemes.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('hashes of other gateways', () => {
  it('are made as those make them', () => {
    assert.equal(hashKey('sk-1234', 'sha256').toString('hex'), sha256('sk-1234'));
    assert.equal(hashKey('sk-helicone-abc', 'helicone').toString('hex'), sha256('Bearer sk-helicone-abc'));
    const long = 'a'.repeat(48);
    assert.equal(hashKey(`sk-t0-123456789012-${long}`, 'tensorzero').toString('hex'), sha256(long));
  });

  it('are looked for under each scheme, and a scheme that cannot be is left out', () => {
    assert.deepEqual(
      hashesOf('sk-1').map(({ scheme }) => scheme),
      ['goblin', 'sha256', 'helicone'],
    );
    assert.deepEqual(hashesOf(`sk-t0-123456789012-${'b'.repeat(48)}`).at(-1), {
      scheme: 'tensorzero',
      hash: sha256('b'.repeat(48)),
    });
  });

  it('are read from hex and base64, and nothing else', () => {
    const hex = sha256('x');
    const bytes = Buffer.from(hex, 'hex');
    for (const text of [hex, hex.toUpperCase(), bytes.toString('base64'), bytes.toString('base64url')]) {
      assert.deepEqual(readHash(text), bytes, text);
    }
    for (const text of ['', hex.slice(1), `${hex}0`, 'g'.repeat(64), 7, null, `${bytes.toString('base64')}=`])
      assert.equal(readHash(text), null);
  });
});

describe('an export', () => {
  it('of LiteLLM is read, with its own names', () => {
    const rows = [
      {
        token: sha256('a'),
        key_name: 'sk-...wxyz',
        key_alias: 'ci',
        models: [],
        expires: null,
        blocked: null,
        spend: 1.5,
      },
      { token: sha256('b'), key_name: 'sk-...1234', models: ['gpt-4o', 'claude-*'], expires: '2030-01-01T00:00:00Z' },
      { token: sha256('c'), models: ['all-proxy-models'] },
      { token: sha256('d'), blocked: true },
      { token: sha256('e'), models: ['no-default-models'] },
    ];
    for (const text of [JSON.stringify(rows), rows.map((row) => JSON.stringify(row)).join('\n')]) {
      const { keys, left } = readExport(text);
      assert.deepEqual(keys, [
        { hash: sha256('a'), name: 'ci', last_four: 'wxyz' },
        { hash: sha256('b'), last_four: '1234', models: ['gpt-4o', 'claude-*'], expires_at: '2030-01-01T00:00:00Z' },
        { hash: sha256('c') },
      ]);
      assert.deepEqual(
        left.map(({ line }) => line),
        [4, 5],
      );
    }
  });

  it('has times as databases write them: in UTC where they have no zone', () => {
    const times = ['2030-01-01 00:00:00.123456', '2030-01-01T00:00:00.5', '2030-01-01 01:00:00+01', 'never'];
    const rows = times.map((expires) => JSON.stringify({ token: sha256('a'), expires }));
    assert.deepEqual(
      readExport(rows.join('\n')).keys.map((key) => key.expires_at),
      ['2030-01-01T00:00:00.123456Z', '2030-01-01T00:00:00.5Z', '2030-01-01T01:00:00+01:00', 'never'],
    );
  });

  it('of Helicone and TensorZero is read; so are bare hashes', () => {
    const { keys, left } = readExport(
      [
        JSON.stringify({ api_key_hash: sha256('a'), api_key_name: 'Zoë', soft_delete: false }),
        JSON.stringify({ api_key_hash: sha256('b'), soft_delete: true }),
        JSON.stringify({ hash: sha256('c'), description: 'x', disabled_at: null }),
        sha256('d'),
      ].join('\r\n'),
    );
    assert.deepEqual(
      keys.map(({ name }) => name),
      ['Zo?', 'x', undefined],
    );
    assert.equal(left.length, 1);
  });

  it('that is none says where', () => {
    assert.throws(() => readExport('{"a":1}\n{broken'), /Line 2/);
    assert.throws(() => readExport('[1,2]'), /not one of objects/);
    assert.deepEqual(readExport('').keys, []);
    assert.throws(() => readExport('[sk-secret]'), { message: 'The file begins as a list does, but is not JSON.' });
    assert.deepEqual(readExport('\n\nsk-in-the-clear').left, [
      { line: 3, why: 'its hash is no SHA-256 in hex or base64', wrong: true },
    ]);
  });
});

describe('the fields of a key', () => {
  const now = Date.parse('2027-01-01T00:00:00Z');
  it('are checked when it is made', () => {
    const wrong: [Parameters<typeof readKeyFields>[0], RegExp][] = [
      [{ role: 'king' }, /role must be one of/],
      [{ scopes: ['request:fly'] }, /is not a permission/],
      [{ scopes: ['key:write'] }, /service has not key:write/],
      [{ models: ['a b'] }, /models.0 must be a model/],
      [{ expires_at: '2026-12-31T00:00:00Z' }, /in the future/],
      [{ expires_at: 'tomorrow' }, /in the future/],
      [{ expires_at: '2027-02-30T00:00:00Z' }, /expires_at must be a time in the future, as in/],
    ];
    for (const [fields, why] of wrong) assert.throws(() => readKeyFields(fields, '', now), why);
    assert.throws(() => readKeyFields({ models: ['ok', ' '] }, 'keys.3.', now), /keys\.3\.models\.1/);
    const read = readKeyFields({ role: 'viewer', models: ['openai/*'], expires_at: '2027-02-01T00:00:00Z' }, '', now);
    assert.deepEqual(read.scopes, ['self', 'request:read', 'operations:read']);
    assert.equal(read.expiresAt, Date.parse('2027-02-01T00:00:00Z'));
  });
});
