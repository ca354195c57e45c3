import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GoblinError } from '../../../src/contract/errors.ts';
import { rawPlaceOf } from '../../../src/edge/raw-path.ts';

const at = (path: string) => rawPlaceOf(`/mcp/v1/raw/vendor${path}`);

function codeOf(url: string): string {
  try {
    rawPlaceOf(url);
    return 'taken';
  } catch (error) {
    assert.ok(error instanceof GoblinError, String(error));
    return error.code;
  }
}

test('paths of vendors are taken as they are', () => {
  for (const path of [
    '/files',
    '/files/',
    '/files/file-abc123/content',
    '/v2/classify',
    '/models/gemini-2.5-pro:countTokens',
    '/accounts/me/models?limit=20&after=a%2Fb&order=asc',
    '/batches/a%20b%C3%BC',
    '/model/amazon.nova-reel-v1%3A0/invoke',
    '/a;v=1/b,c/(d)',
    '/.well-known/x',
    '/.../x',
    '/files?q=a+b&x=[1]&y={"a":1}&z=..%2F..',
  ]) {
    assert.deepEqual(at(path), { provider: 'vendor', path }, path);
  }
});

test('what could lead elsewhere is refused', () => {
  const tricks = [
    '/../admin',
    '/..',
    '/.',
    '/files/..',
    '/files/../../etc',
    '/%2e%2e/admin',
    '/%2E./admin',
    '/.%2e',
    '/files/%2e%2e%2fadmin',
    '/files%2f..%2f..',
    '/files%2Fx',
    '/files%5cx',
    '/files\\..\\x',
    '/\\evil.example/x',
    '//evil.example/x',
    '/files//x',
    '/',
    '/http://evil.example/',
    '/https:%2f%2fevil.example',
    '/%252e%252e/x',
    '/%25252e/x',
    '/..;/admin',
    '/..;a=b/admin',
    '/.;/x',
    '/%20../x',
    '/..%20/x',
    '/%EF%BC%8E%EF%BC%8E/x',
    '/%E2%80%A5/x',
    '/a%EF%BC%8Fb',
    '/%c0%ae%c0%ae/x',
    '/%ff',
    '/%zz',
    '/%',
    '/%0d%0aHost:%20evil',
    '/a%00b',
    '/a%c2%85b',
    '/a b',
    '/a\tb',
    '/ä',
    '/a#b',
    '/files?x=1#y',
    '/files?a\\b',
    '/files?key=mine',
    '/files?KEY=mine',
    '/files?%6bey=mine',
    '/files?a=1&access_token=mine',
    '/files?api-key=mine',
    '/files?X-Amz-Signature=mine',
    '/files?x-goog-api-key=mine',
  ];
  for (const path of tricks) assert.equal(codeOf(`/mcp/v1/raw/vendor${path}`), 'invalid_request', path);
});

test('a provider is a plain name, and the address is ours', () => {
  for (const url of [
    '/mcp/v1/raw/',
    '/mcp/v1/raw/vendor',
    '/mcp/v1/raw//files',
    '/mcp/v1/raw/../files',
    '/mcp/v1/raw/ven%64or/files',
    '/mcp/v1/raw/Vendor/files',
    '/mcp/v1/raw/vendor@evil/files',
    '/mcp/v1/raw/vendor:8080/files',
    'http://evil.example/mcp/v1/raw/vendor/files',
    '//evil.example/mcp/v1/raw/vendor/files',
    '/mcp/v1/Raw/vendor/files',
  ]) {
    assert.equal(codeOf(url), 'not_found', url);
  }
});

/** Pieces that tricks are made of, in any order. */
const piece = fc.constantFrom(
  ...[
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '\\',
    '%25',
    '%',
    ';',
    '?',
    '#',
    '@',
    ':',
    'a',
    'files',
    ' ',
    '%20',
  ],
  ...[
    '%00',
    '%0a',
    '%c0%ae',
    '%EF%BC%8E',
    '%E2%80%A6',
    'http:',
    '&key=',
    'ä',
    '~',
    '+',
    '%c3%a4',
    '2e',
    '5c',
    '\u2024',
  ],
);

test('whatever is taken stays below the base, however often it is decoded', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const path = `/${pieces.join('')}`;
      if (codeOf(`/mcp/v1/raw/vendor${path}`) !== 'taken') return;
      taken++;
      const url = new URL(`https://vendor.example/base/v1${path}`);
      assert.equal(url.host, 'vendor.example');
      assert.equal(url.href, `https://vendor.example/base/v1${path}`, 'nothing of it was folded');
      let plain = path.split('?', 1)[0] ?? '';
      for (let round = 0; round < 3; round++) {
        assert.ok(!/(^|\/)\s*\.{1,2}\s*(;[^/]*)?(\/|$)/.test(plain.normalize('NFKC')), plain);
        assert.ok(!/\\|\/\//.test(plain), plain);
        plain = decodeURIComponent(plain);
      }
    }),
    { numRuns: 20_000 },
  );
  assert.ok(taken > 300, `${taken} of them were taken`);
});
