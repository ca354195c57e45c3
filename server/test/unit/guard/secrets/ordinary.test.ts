/** False alarms: on what is full of random strings, and on mail and prose with such things in them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createScanner } from '../../../../src/guard/secrets/engine.ts';
import { SECRET_RULES } from '../../../../src/guard/secrets/rules/index.ts';
import { ORDINARY } from './ordinary.ts';
import { message } from './prose.ts';
import { createRandom } from './random.ts';

const scanner = createScanner(SECRET_RULES);
const EACH = 60;

describe('what is no secret', () => {
  for (const [kind, make] of ORDINARY) {
    it(`finds nothing in ${kind}`, () => {
      const alarms: string[] = [];
      for (let seed = 1; seed <= EACH; seed++) {
        const text = make(createRandom(seed * 613));
        for (const { rule, value, via } of scanner.scan(text)) alarms.push(`${rule} (${via}): ${value.slice(0, 80)}`);
      }
      // By chance a random string has the form of another one.
      assert.ok(alarms.length <= 1, `${alarms.length} in ${EACH}: ${alarms.slice(0, 4).join(' | ')}`);
    });
  }

  it('raises an alarm on less than 5 of 1,000 mails with such things pasted into them', (test) => {
    const random = createRandom(4711);
    const MAILS = 3000;
    let wrong = 0;
    const rules = new Map<string, number>();
    for (let count = 0; count < MAILS; count++) {
      const [, make] = random.pick(ORDINARY);
      const found = scanner.scan(`${message(random)}\n${make(random)}\n\n${message(random)}`);
      if (found.length > 0) wrong++;
      for (const { rule } of found) rules.set(rule, (rules.get(rule) ?? 0) + 1);
    }
    test.diagnostic(`${wrong} of ${MAILS} mails; ${[...rules].map(([rule, times]) => `${rule} ${times}`).join(', ')}`);
    assert.ok(wrong / MAILS < 0.005, `${wrong} of ${MAILS}`);
  });
});
