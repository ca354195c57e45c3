/** Recall and precision by family, for every form in every surrounding, under every encoding, and cut into pieces. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { createStreamScanner } from '../../../../src/guard/secrets/stream.ts';
import { CONNECTIONS } from './corpus-connections.ts';
import { KEY_FILES } from './corpus-keys.ts';
import { PLACES, type Place } from './corpus-places.ts';
import { VENDORS } from './corpus-vendors.ts';
import { createRandom } from './random.ts';
import { ENCODINGS, SURROUNDINGS } from './surroundings.ts';

const scanner = createScanner(SECRET_RULES);
const LEAST = 0.95;

interface Tally {
  all: number;
  found: number;
  /** Findings that cover nothing of the secret. */
  beside: number;
  missed: Map<string, number>;
}

const tally = (): Tally => ({ all: 0, found: 0, beside: 0, missed: new Map() });

function count(into: Tally, form: string, text: string, start: number, length: number): void {
  const findings = scanner.scan(text);
  const end = start + length;
  into.all++;
  into.beside += findings.filter((one) => one.end <= start || one.start >= end).length;
  if (findings.some((one) => one.start <= start && one.end >= end)) into.found++;
  else into.missed.set(form, (into.missed.get(form) ?? 0) + 1);
}

function told(family: string, { all, found, beside, missed }: Tally): string {
  const worst = [...missed]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 5)
    .map(([form, times]) => `${form} ${times}`);
  const precision = found / Math.max(1, found + beside);
  return `${family}: ${all} texts, recall ${(found / all).toFixed(4)}, precision ${precision.toFixed(4)}${worst.length > 0 ? `; missed: ${worst.join(', ')}` : ''}`;
}

function isGood(family: string, one: Tally): void {
  assert.ok(one.found / one.all >= LEAST, told(family, one));
  assert.ok(one.found / (one.found + one.beside) >= 0.98, told(family, one));
}

describe('recall and precision by family', () => {
  it('finds tokens whole, whatever is around them', (test) => {
    const families = new Map<string, Tally>();
    const forms = new Map<string, Tally>();
    for (const [at, [family, form, make]] of VENDORS.entries()) {
      const one = families.get(family) ?? tally();
      families.set(family, one);
      const own = tally();
      forms.set(form, own);
      for (const [place, { name, before, after }] of SURROUNDINGS.entries()) {
        for (let seed = 1; seed <= 4; seed++) {
          const secret = make(createRandom(seed * 10_007 + at * 131 + place));
          count(one, `${form} in ${name}`, before + secret + after, before.length, secret.length);
          count(own, name, before + secret + after, before.length, secret.length);
        }
      }
    }
    for (const [family, one] of families) {
      test.diagnostic(told(family, one));
      isGood(family, one);
    }
    // A form that is not known at all must not hide behind the others.
    for (const [form, one] of forms) assert.ok(one.found / one.all >= 0.9, told(form, one));
  });

  const byPlace: readonly (readonly [string, readonly Place[]])[] = [
    ['files, code, headers and talk', PLACES],
    ['connections', CONNECTIONS],
    ['private keys', KEY_FILES],
  ];
  for (const [family, places] of byPlace) {
    it(`finds what its place gives away: ${family}`, (test) => {
      const all = tally();
      const bad: string[] = [];
      for (const [at, [form, around, make]] of places.entries()) {
        const own = tally();
        const start = around.indexOf('§');
        for (let seed = 1; seed <= 30; seed++) {
          const secret = make(createRandom(seed * 7919 + at));
          const text = around.slice(0, start) + secret + around.slice(start + 1);
          count(all, form, text, start, secret.trimEnd().replace(/(?:\\n)+$/, '').length);
          count(own, form, text, start, secret.trimEnd().replace(/(?:\\n)+$/, '').length);
        }
        if (own.found / own.all < 0.75) bad.push(told(form, own));
      }
      test.diagnostic(told(family, all));
      assert.deepEqual(bad, []);
      isGood(family, all);
    });
  }

  it('finds them under every encoding', (test) => {
    for (const [place, { name, make: hide }] of ENCODINGS.entries()) {
      const one = tally();
      for (const [at, [, form, make]] of VENDORS.entries()) {
        const random = createRandom(at * 131 + place);
        const secret = make(random);
        if (scanner.scan(secret).length === 0) continue;
        one.all++;
        if (scanner.scan(hide(secret, random)).length > 0) one.found++;
        else one.missed.set(form, 1);
      }
      test.diagnostic(told(name, one));
      assert.ok(one.all > 100 && one.found / one.all >= LEAST, told(name, one));
    }
  });
});

/** Of these the part that says what they are comes late: by then a stream has shown what is before it. */
const LATE = /identifiable/;

describe('the same in pieces', () => {
  it('finds every token cut at every place, with nothing of it shown', () => {
    for (const [at, [, form, make]] of VENDORS.entries()) {
      const secret = make(createRandom(at + 1));
      const text = `Use ${secret} for it.`;
      if (LATE.test(form) || scanner.scan(text).length === 0) continue;
      const step = Math.max(1, Math.floor(text.length / 40));
      for (let cut = 1; cut < text.length; cut += step) {
        const stream = createStreamScanner(scanner);
        const parts = [stream.push(text.slice(0, cut)), stream.push(text.slice(cut)), stream.end()];
        let shown = '';
        for (const { text: piece, findings } of parts) {
          let from = 0;
          for (const one of findings) {
            shown += piece.slice(from, one.start);
            from = one.end;
          }
          shown += piece.slice(from);
        }
        assert.ok(!shown.includes(secret.slice(-12)), `${form} cut at ${cut}: ${shown}`);
        assert.ok(!shown.includes(secret.slice(0, 16)), `${form} cut at ${cut}: ${shown}`);
      }
    }
  });

  it('of a token that says late what it is, the end is never shown', () => {
    for (const [at, [, form, make]] of VENDORS.entries()) {
      if (!LATE.test(form)) continue;
      const secret = make(createRandom(at + 1));
      const text = `Use ${secret} for it.`;
      for (let cut = 1; cut < text.length; cut++) {
        const stream = createStreamScanner(scanner);
        const findings = [stream.push(text.slice(0, cut)), stream.push(text.slice(cut)), stream.end()].flatMap((part) =>
          part.findings.map((one) => ({ ...one, text: part.text.slice(one.start, one.end) })),
        );
        const last = findings.at(-1);
        assert.ok(last && secret.endsWith(last.value), `${form} cut at ${cut}`);
        // What is put in its place later is exactly what was taken out.
        assert.equal(last.text, last.value);
      }
    }
  });
});
