/** What leaves by the side: nothing that looks like a secret, whatever stands around it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { GoblinError } from '../../../../src/contract/errors.ts';
import { sentence, toProblem } from '../../../../src/edge/problem.ts';
import { priced, silent } from '../../../../src/execution/account.ts';
import { createAssembly } from '../../../../src/execution/assembly.ts';
import { scrub, scrubDeep } from '../../../../src/guard/secrets/scrub.ts';

const random = (bytes: number): string => `aB3${randomBytes(bytes).toString('base64url').slice(3)}`;
const OWN = [`gob_${random(32)}`, `gor_${random(32)}`, `gst_${random(24)}`, `op_${random(24)}`];
const AWS = ['AKIA', 'Z7Q3M5N2P6R4T6V4'].join('');

describe('what is scrubbed', () => {
  it('has no key of our own, wherever it stands', () => {
    for (const key of OWN) {
      for (const text of [
        `GET /mcp/v1/request?key=${key} HTTP/1.1`,
        `https://${key}@goblin.example/v1`,
        `https://x:${key}@goblin.example/v1`,
        `authorization: Bearer ${key}`,
        `Authorization: Basic ${Buffer.from(`user:${key}`).toString('base64')}`,
        `x-api-key: ${key}`,
        `cookie: a=b; __Host-goblin=${key}; c=d`,
        `{"headers":{"authorization":"Bearer ${key}"}}`,
        JSON.stringify({ body: JSON.stringify({ key }) }),
        `/?token%3D${key}%26x`,
        `no such key: ${key}.`,
        `(${key})`,
        `'${key}'`,
      ]) {
        const clean = scrub(text);
        assert.ok(!clean.includes(key) && !clean.includes(key.slice(4, 24)), clean);
        assert.ok(!clean.includes(Buffer.from(key).toString('base64').slice(2, 20)), clean);
      }
    }
  });

  it('stays the same where there is nothing, and keeps what is around a secret', () => {
    const plain = 'The provider did not answer within 60000 ms (openai/gpt-4o, attempt 2, key_Ab3dEf6hIj9l).';
    assert.equal(scrub(plain), plain);
    assert.equal(scrub(`a ${AWS} b ${AWS} c`), 'a [secret:aws_access_key] b [secret:aws_access_key] c');
    assert.equal(scrub(''), '');
    const id = {
      request_id: '0198c9d1-7c1e-7b6e-9a53-6f1c1f2b3a4d',
      key: 'key_Ab3dEf6hIj9l',
      ms: 12,
      ok: true,
      none: null,
    };
    assert.deepEqual(scrubDeep(id), id);
  });

  it('is looked through to the bottom: objects, lists, errors, names that announce a value', () => {
    const error = new Error(`connect postgres://app:s3cr3tW0rd@db.acme.io/app refused`);
    const fields = {
      a: [{ b: AWS }],
      error,
      password: 'hunter22!x',
      deep: { 'api-key': 'Zx81aB3dE6gH9jK2mN5p' },
      [AWS]: 1,
    };
    const clean = JSON.stringify(scrubDeep(fields));
    for (const secret of [AWS, 's3cr3tW0rd', 'hunter22!x', 'Zx81aB3dE6gH9jK2mN5p'])
      assert.ok(!clean.includes(secret), clean);
    assert.ok(clean.includes('refused'));
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    assert.ok(JSON.stringify(scrubDeep(loop)).length < 1000);
  });

  it('is cut where a text is endless', () => {
    assert.ok(scrub(`${'word '.repeat(100_000)}${AWS}`).length < 70_000);
  });
});

describe('errors', () => {
  it('of ours quote no secret: details, and what is wrong with which field', () => {
    const faults = [
      { path: `labels.${AWS}`, message: 'is not known' },
      { path: 'a', message: `is ${AWS}, which is too long` },
    ];
    const error = new GoblinError('invalid_request', `There is no model ${AWS}.`, { errors: faults });
    const { body } = toProblem(error);
    assert.ok(!body.includes(AWS) && body.includes('There is no model [secret:aws_access_key].'), body);
    assert.ok(!sentence(error.code, error.detail, error.errors).includes(AWS));
    assert.ok(!sentence(error.code, error.detail).includes(AWS));
  });

  it('of vendors are kept without what they repeat of us', () => {
    const failure = {
      code: 'upstream_rejected' as const,
      status: 400,
      detail: `Incorrect key provided: ${OWN[0]}, ${AWS}`,
    };
    const start = { attempt: 1, provider: 'p', model: 'm', reason: '', inputPico: 0, outputPico: 0 };
    const provider = { name: 'p', free: true } as Parameters<typeof priced>[2];
    const call = { kind: 'answer' as const, messages: [] };
    const { error } = priced(call, createAssembly(), provider, start, silent(failure), 'failed', () => null);
    assert.equal(error?.detail, 'Incorrect key provided: [secret:goblin_key], [secret:aws_access_key]');
  });
});
