/** Short ways to write down rules. */
import type { Rule } from '../rule.ts';

/** A token that its first characters give away. Below 2.8 bits a character nobody's random string falls. */
export function token(id: string, title: string, literals: string, pattern: RegExp, more: Partial<Rule> = {}): Rule {
  return {
    id,
    title,
    kind: 'credential',
    ...(literals === '' ? {} : { literals: literals.split(' ') }),
    pattern,
    minEntropy: 2.8,
    action: 'redact',
    ...more,
  };
}
