import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isToken, readShape, saysTwice } from '../../../src/identity/token-shape.ts';
import { jws } from './kit.ts';

const KEY = 'k'.repeat(32);
const HEAD = { alg: 'HS256', typ: 'JWT' };

describe('the shape of a token', () => {
  it('is read', () => {
    const token = jws(HEAD, { iss: 'a', n: 1 }, KEY);
    assert.ok(isToken(token));
    assert.deepEqual(readShape(token), { header: HEAD, claims: { iss: 'a', n: 1 } });
  });

  it('is not that of a key of ours, nor of anything large', () => {
    for (const text of ['gob_abc', 'eyJhbGciOiJIUzI1NiJ9', '', 'a.b.c']) assert.equal(isToken(text), false, text);
    const large = jws(HEAD, { pad: 'x'.repeat(9000) }, KEY);
    assert.equal(isToken(large), false);
    assert.equal(readShape(large), null);
  });

  it('has three parts of base64url and nothing else', () => {
    const token = jws(HEAD, { iss: 'a' }, KEY);
    const [head = '', body = '', seal = ''] = token.split('.');
    const bad = [
      `${token} `,
      ` ${token}`,
      `${token}\n`,
      `${token}.x`,
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}..${seal}`,
      `${head}=.${body}.${seal}`,
      `${head}.${body}.${seal}==`,
      `${head}.${body.slice(0, 4)}+/${body.slice(4)}.${seal}`,
      `${head}.${body.slice(0, 4)} ${body.slice(4)}.${seal}`,
      `${Buffer.from('[]').toString('base64url')}.${body}.${seal}`,
      `${head}.${Buffer.from('null').toString('base64url')}.${seal}`,
      `${head}.${Buffer.from('{"a":1').toString('base64url')}.${seal}`,
    ];
    for (const text of bad) assert.equal(readShape(text), null, JSON.stringify(text));
  });

  it('has one spelling: bits that base64url leaves over are not free', () => {
    // "Q" and "R" end in the same byte when only two of their bits count.
    const one = `${jws(HEAD, { a: 12 }, KEY).split('.')[0]}`;
    const body = Buffer.from('{"a":12}').toString('base64url');
    const last = body.at(-1) ?? '';
    const other = body.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
    assert.equal(Buffer.from(other, 'base64url').toString(), '{"a":12}', 'the same bytes');
    assert.ok(readShape(`${one}.${body}.x`));
    assert.equal(readShape(`${one}.${other}.x`), null);
  });

  it('has no header that leads to a key, or to other rules', () => {
    for (const name of ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc']) {
      assert.equal(readShape(jws({ ...HEAD, [name]: 'https://evil.example/keys' }, { iss: 'a' }, KEY)), null, name);
    }
    assert.equal(readShape(jws({ typ: 'JWT' }, { iss: 'a' }, KEY)), null, 'no alg');
    assert.equal(readShape(jws({ alg: 7 }, { iss: 'a' }, KEY)), null, 'alg that is no text');
  });

  it('says nothing twice, however it is written', () => {
    for (const claims of [
      '{"role":"viewer","role":"owner"}',
      '{"role":"viewer","rol\\u0065":"owner"}',
      '{"a":{"b":1,"b":2}}',
      '{"a":[{"b":1},{"c":1,"c":2}]}',
      '{ "sub" : "a" , "x":[1,{"y":"}{\\""}], "sub":"b" }',
    ]) {
      assert.equal(readShape(jws(HEAD, claims, KEY)), null, claims);
    }
    assert.equal(readShape(jws('{"alg":"HS256","alg":"none"}', { iss: 'a' }, KEY)), null);
    for (const claims of ['{"a":{"b":1},"b":{"a":1}}', '{"a":[{"b":1},{"b":2}],"c":"\\"a\\":1"}', '{}']) {
      assert.ok(readShape(jws(HEAD, claims, KEY)), claims);
    }
  });

  it('agrees with what an encoder writes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        // What was parsed and written again says nothing twice.
        assert.equal(saysTwice(JSON.stringify(JSON.parse(text))), false);
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), (object, at) => {
        const names = Object.keys(object);
        const twice = names[at % names.length] as string;
        const text = JSON.stringify(object);
        assert.equal(saysTwice(`${text.slice(0, -1)},${JSON.stringify(twice)}:1}`), true);
      }),
    );
  });
});
