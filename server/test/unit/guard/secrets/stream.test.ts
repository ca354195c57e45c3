/** Text in pieces: the same findings wherever it is cut, nothing shown too early, prose not held back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createScanner, type Scanner } from '../../../../src/guard/secrets/engine.ts';
import type { Finding } from '../../../../src/guard/secrets/rule.ts';
import { PII_RULES, SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { createStreamScanner, type Safe } from '../../../../src/guard/secrets/stream.ts';
import { compileTenantRule } from '../../../../src/guard/secrets/tenant.ts';
import { corpus } from './corpus.ts';
import { message } from './prose.ts';
import { BASE64, createRandom } from './random.ts';

const scanner = createScanner(SECRET_RULES);

/** What a stream of these pieces shows: the text, and the findings in its places. */
function streamed(pieces: readonly string[], by: Scanner = scanner): { text: string; findings: Finding[] } {
  const stream = createStreamScanner(by);
  const findings: Finding[] = [];
  let text = '';
  const take = (safe: Safe): void => {
    for (const one of safe.findings) {
      assert.ok(one.start >= 0 && one.end <= safe.text.length, 'a finding lies whole in the text it comes with');
      findings.push({ ...one, start: one.start + text.length, end: one.end + text.length });
    }
    text += safe.text;
  };
  for (const piece of pieces) take(stream.push(piece));
  take(stream.end());
  assert.equal(stream.held, 0);
  return { text, findings };
}

function sliced(text: string, sizes: readonly number[]): string[] {
  const pieces: string[] = [];
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

describe('a stream', () => {
  it('finds every secret of the corpus the same, cut at every place', () => {
    for (const { form, text } of corpus(createRandom(3))) {
      const whole = { text, findings: scanner.scan(text) };
      for (let cut = 0; cut <= text.length; cut++) {
        assert.deepEqual(streamed([text.slice(0, cut), text.slice(cut)]), whole, `${form}, cut at ${cut}`);
      }
      assert.deepEqual(streamed([...text]), whole, `${form}, one by one`);
    }
  });

  it('finds what encodings hide the same, cut at every place', () => {
    const random = createRandom(11);
    const hide: readonly ((text: string) => string)[] = [
      (text) => Buffer.from(text).toString('base64'),
      (text) => Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n'),
      encodeURIComponent,
      (text) => JSON.stringify({ text }),
      (text) => [...text].join('\u200b'),
      (text) => text.replaceAll('_', '\\u005f').replaceAll('-', '&#45;'),
    ];
    for (const [turn, { form, text }] of corpus(random)
      .filter((one) => one.text.length < 200)
      .entries()) {
      const hidden = `see ${hide[turn % hide.length]?.(text)} there`;
      const whole = { text: hidden, findings: scanner.scan(hidden) };
      for (let cut = 0; cut <= hidden.length; cut++) {
        assert.deepEqual(streamed([hidden.slice(0, cut), hidden.slice(cut)]), whole, `${form}, cut at ${cut}`);
      }
    }
  });

  it('finds the same in any mixture in any slices', () => {
    const random = createRandom(23);
    const samples = corpus(random);
    const noise = fc.constantFrom(
      'the ',
      'key ',
      'key=',
      'sk-',
      'gh',
      'AK',
      '://',
      '-----BEGIN ',
      'eyJ',
      '"',
      '\\',
      '\\n',
      '%',
      '&#',
      '\u200b',
      '[[',
      '==',
      '\n',
      'Basic ',
      '@',
      '日本 ',
    );
    const piece = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...samples).map((one) => one.text) },
      { weight: 1, arbitrary: fc.constantFrom(...samples).map((one) => Buffer.from(one.text).toString('base64')) },
      { weight: 1, arbitrary: fc.constantFrom(...samples).map((one) => JSON.stringify(one.text)) },
      { weight: 4, arbitrary: noise },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 1, max: 80 }).map((length) => createRandom(length).text(length, BASE64)),
      },
    );
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 9 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
        (pieces, sizes) => {
          const text = pieces.join('');
          assert.deepEqual(streamed(sliced(text, sizes)), { text, findings: scanner.scan(text) });
        },
      ),
      { numRuns: 400 },
    );
  });

  it('finds data about people and what tenants look for the same, cut at every place', () => {
    const tenant = [
      compileTenantRule({ id: 'ticket', pattern: 'ACME-[0-9]{6}' }),
      compileTenantRule({ id: 'badge', pattern: '[A-Z]{2}[0-9]{5}[A-Z]', literals: [] }),
    ];
    const people = createScanner([...PII_RULES, ...tenant]);
    const text =
      'Call +49 170 1234567 or (415) 555-0132, write to ada.l@mail.example.org; DE89 3704 0044 0532 0130 00, RSSMRA85T10A562S, AB 12 34 56 C, AB123456C, X1234567L. See ACME-123456 and ZX12345Q.';
    const whole = { text, findings: people.scan(text) };
    assert.equal(whole.findings.length, 10, JSON.stringify(whole.findings));
    for (let cut = 0; cut <= text.length; cut++)
      assert.deepEqual(streamed([text.slice(0, cut), text.slice(cut)], people), whole, `cut at ${cut}`);
    assert.deepEqual(streamed([...text], people), whole);
  });

  it('shows no character of a secret before its finding', () => {
    for (const { form, text, start, secret } of corpus(createRandom(7))) {
      if (form === 'Terraform Cloud') continue;
      const stream = createStreamScanner(scanner);
      let shown = 0;
      for (const char of text) {
        const safe = stream.push(char);
        const before = shown;
        shown += safe.text.length;
        // Once shown is past the beginning, the finding must have come with it, whole.
        if (before <= start && shown > start)
          assert.ok(
            shown >= start + secret.length || safe.findings.length > 0,
            `${form}: ${shown - start} characters shown`,
          );
      }
    }
  });

  it('holds back next to nothing of prose that comes word by word', (test) => {
    const random = createRandom(41);
    let pushes = 0;
    let waiting = 0;
    let held = 0;
    let most = 0;
    for (let count = 0; count < 60; count++) {
      const stream = createStreamScanner(scanner);
      for (const piece of message(random).match(/\s*\S{1,6}/g) ?? []) {
        stream.push(piece);
        pushes++;
        if (stream.held > 0) waiting++;
        held += stream.held;
        most = Math.max(most, stream.held);
      }
    }
    test.diagnostic(
      `${(held / pushes).toFixed(2)} characters held on average, something in ${((waiting / pushes) * 100).toFixed(0)} of 100 pieces, ${most} at most`,
    );
    assert.ok(held / pushes < 2.5);
    assert.ok(most < 40);
  });

  it('lets go of what turns out to be nothing, and never holds more than a private key', () => {
    const stream = createStreamScanner(scanner);
    assert.equal(
      stream.push('Look at sk-').text + stream.push('ating rinks, now. ').text,
      'Look at sk-ating rinks, now. ',
    );
    const random = createRandom(2);
    const long = createStreamScanner(scanner);
    long.push(`-----BEGIN RSA ${'PRIVATE'} KEY-----\n`);
    for (let line = 0; line < 3000; line++) {
      long.push(`${random.text(64)}\n`);
      assert.ok(long.held <= 80_000, `${long.held}`);
    }
  });

  it('begins anew after its end', () => {
    const stream = createStreamScanner(scanner);
    const secret = `gh${'p_'}${createRandom(1).text(36)}`;
    stream.push(secret.slice(0, 20));
    assert.equal(stream.end().text, secret.slice(0, 20));
    stream.push(secret.slice(20));
    assert.deepEqual(stream.end().findings, []);
  });
});
