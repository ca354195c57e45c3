/** Placeholders there and back, byte for byte. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { createRedactor } from '../../../../src/guard/secrets/redact.ts';
import { createRestorer, restoreText } from '../../../../src/guard/secrets/restore.ts';
import type { Finding } from '../../../../src/guard/secrets/rule.ts';
import { SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { createStreamScanner } from '../../../../src/guard/secrets/stream.ts';
import { corpus } from './corpus.ts';
import { createRandom } from './random.ts';

const scanner = createScanner(SECRET_RULES);
const digest = (key: string) => (value: string) => createHmac('sha256', key).update(value).digest('hex');
const redactor = () => createRedactor({ keyedDigest: digest('tenant') });
const finding = (start: number, end: number, rule = 'password', kind: Finding['kind'] = 'credential'): Finding => ({
  rule,
  kind,
  start,
  end,
  value: 'x',
  via: 'plain',
});

function inPieces(
  text: string,
  sizes: readonly number[],
  mapping: ReadonlyMap<string, string>,
  form: 'text' | 'json' = 'text',
): string {
  const restorer = createRestorer(mapping, form);
  let out = '';
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    out += restorer.push(text.slice(at, at + size));
    at += size;
  }
  return out + restorer.end();
}
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 });

describe('redacting', () => {
  it('puts one placeholder for every finding, in a form that says what it was', () => {
    const text = 'a hunter2 b hunter2 c';
    const made = redactor();
    const out = made.redact(text, [finding(2, 9), finding(12, 19)]);
    assert.match(out, /^a (\[\[secret:password:[0-9a-f]{10}\]\]) b \1 c$/);
    assert.equal(made.mapping.size, 1);
    assert.equal(restoreText(out, made.mapping), text);
  });

  it('gives the same placeholder in every turn of a tenant, and another to another tenant', () => {
    const first = redactor().redact('hunter2', [finding(0, 7)]);
    assert.equal(redactor().redact('hunter2', [finding(0, 7)]), first);
    assert.notEqual(createRedactor({ keyedDigest: digest('other') }).redact('hunter2', [finding(0, 7)]), first);
  });

  it('merges findings that overlap, under the graver name', () => {
    const made = redactor();
    const out = made.redact('0123456789', [
      finding(1, 5, 'email', 'pii'),
      finding(3, 8, 'private_key', 'private_key'),
      finding(7, 9),
    ]);
    assert.match(out, /^0\[\[secret:private_key:[0-9a-f]{10}\]\]9$/);
    assert.equal(restoreText(out, made.mapping), '0123456789');
  });

  it('keeps two values apart whose digests begin alike', () => {
    const made = createRedactor({
      keyedDigest: (value) => `00000000000000${value.length.toString(16).padStart(2, '0')}`,
    });
    const text = 'ab abc';
    const out = made.redact(text, [finding(0, 2), finding(3, 6)]);
    assert.equal(made.mapping.size, 2);
    assert.equal(restoreText(out, made.mapping), text);
    const same = createRedactor({ keyedDigest: () => '0'.repeat(16) });
    assert.equal(restoreText(same.redact(text, [finding(0, 2), finding(3, 6)]), same.mapping), text);
  });

  it('refuses a digest that is none', () => {
    assert.throws(() => createRedactor({ keyedDigest: (value) => value }).redact('hunter2', [finding(0, 7)]), /digest/);
  });

  it('takes the placeholders of earlier turns along', () => {
    const first = redactor();
    const shown = first.redact('hunter2', [finding(0, 7)]);
    const second = createRedactor({ keyedDigest: digest('tenant'), mapping: first.mapping });
    second.redact('swordfish', [finding(0, 9)]);
    assert.equal(restoreText(`${shown}!`, second.mapping), 'hunter2!');
  });

  it('leaves no secret of the corpus in the text, and brings all back byte for byte in any slices', () => {
    for (const { form, text, secret } of corpus(createRandom(17))) {
      const made = redactor();
      const out = made.redact(text, scanner.scan(text));
      if (form !== 'Terraform Cloud') assert.ok(!out.includes(secret), form);
      assert.deepEqual(scanner.scan(out), [], `${form}: ${out}`);
      assert.equal(restoreText(out, made.mapping), text, form);
      for (const size of [1, 2, 3, 7, 19]) assert.equal(inPieces(out, [size], made.mapping), text, form);
    }
  });
});

describe('a stream that is scanned, redacted and restored', () => {
  it('shows placeholders on the way and gives back what came in, whatever the slices are', () => {
    const samples = corpus(createRandom(29));
    const pieces = fc.array(fc.constantFrom(...samples.map((one) => `${one.text}\n`), 'plain words, ', 'a[0] [[x]] '), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(pieces, sizes, (parts, cuts) => {
        const text = parts.join('');
        const made = redactor();
        const stream = createStreamScanner(scanner);
        let shown = '';
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const size = cuts[turn % cuts.length] ?? 1;
          const safe = stream.push(text.slice(at, at + size));
          shown += made.redact(safe.text, safe.findings);
          at += size;
        }
        const last = stream.end();
        shown += made.redact(last.text, last.findings);
        assert.equal(shown, redactor().redact(text, scanner.scan(text)));
        assert.equal(inPieces(shown, cuts, made.mapping), text);
      }),
      { numRuns: 150 },
    );
  });
});

describe('restoring', () => {
  it('is byte for byte whatever the text, the values and the slices are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', minLength: 1 })), {
          maxLength: 6,
        }),
        fc.string(),
        sizes,
        (parts, rest, cuts) => {
          const made = redactor();
          let shown = '';
          let text = '';
          for (const [between, value] of parts) {
            text += between + value;
            shown += between + made.redact(value, [finding(0, value.length)]);
          }
          assert.equal(inPieces(shown + rest, cuts, made.mapping), text + rest);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('escapes values in the strings of tool arguments, also of JSON inside a string', () => {
    const value = 'line "one"\nline\\two\t\u0001é';
    const made = redactor();
    const placeholder = made.redact(value, [finding(0, value.length)]);
    fc.assert(
      fc.property(sizes, fc.boolean(), (cuts, pretty) => {
        const inner = JSON.stringify({ key: `<${placeholder}>`, list: [placeholder] });
        const args = JSON.stringify(
          {
            cmd: `say "${placeholder}"`,
            deep: { body: inner, twice: JSON.stringify({ again: inner }) },
            [placeholder]: 1,
          },
          null,
          pretty ? 2 : 0,
        );
        const back = JSON.parse(inPieces(args, cuts, made.mapping, 'json'));
        assert.equal(back.cmd, `say "${value}"`);
        assert.deepEqual(JSON.parse(back.deep.body), { key: `<${value}>`, list: [value] });
        assert.deepEqual(JSON.parse(JSON.parse(back.deep.twice).again), { key: `<${value}>`, list: [value] });
        assert.equal(back[value], 1);
      }),
    );
  });

  it('knows a value in JSON text as the value that it is', () => {
    const made = redactor();
    const value = 'a"b\nc';
    const plain = made.redact(value, [finding(0, value.length)]);
    const args = JSON.stringify({ key: value });
    const start = args.indexOf('a');
    const shown = made.redact(args, [finding(start, args.length - 2)], 'json');
    assert.equal(shown, `{"key":"${plain}"}`);
    assert.equal(restoreText(shown, made.mapping, 'json'), args);
  });

  it('gives nobody the value of a placeholder that is not of this conversation', () => {
    const theirs = redactor();
    const placeholder = theirs.redact('hunter2', [finding(0, 7)]);
    const ours = redactor();
    ours.redact('swordfish', [finding(0, 9)]);
    assert.equal(restoreText(`say ${placeholder}`, ours.mapping), `say ${placeholder}`);
    assert.equal(inPieces(`say ${placeholder}`, [3], ours.mapping), `say ${placeholder}`);
  });

  it('leaves what only looks like a placeholder as it is, in any slices', () => {
    const made = redactor();
    const placeholder = made.redact('hunter2', [finding(0, 7)]);
    const near = [
      '[[',
      '[[[',
      '[[secret:',
      placeholder.slice(0, -1),
      placeholder.slice(0, -2),
      placeholder.toUpperCase(),
      `[${placeholder.slice(0, 20)}`,
      '[[secret:password:0000000000]]',
      '[x] [[y]] a[0][1]',
    ];
    for (const text of near) for (const size of [1, 2, 5, 99]) assert.equal(inPieces(text, [size], made.mapping), text);
    assert.equal(inPieces(`[[${placeholder}]]`, [1], made.mapping), '[[hunter2]]');
  });

  it('holds back only the beginning of a placeholder it knows', () => {
    const made = redactor();
    made.redact('hunter2', [finding(0, 7)]);
    const restorer = createRestorer(made.mapping);
    assert.equal(restorer.push('see a[1] and [[secret:pass'), 'see a[1] and ');
    assert.equal(restorer.push('ion fruit'), '[[secret:passion fruit');
    assert.equal(restorer.push('[[wiki]] [[sec'), '[[wiki]] ');
    assert.equal(restorer.end(), '[[sec');
  });
});
