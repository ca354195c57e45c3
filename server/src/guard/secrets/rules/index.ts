/** All rules, in the order in which the first of several that say the same is kept. */
import type { Rule } from '../rule.ts';
import { CLOUD_RULES } from './clouds.ts';
import { CODE_RULES } from './code.ts';
import { CONNECTION_RULES } from './connections.ts';
import { MODEL_RULES } from './models.ts';
import { NAMED_RULE_LIST, NAMED_RULES } from './named.ts';
import { PII_RULES } from './pii.ts';
import { PRIVATE_KEY_RULES } from './private-keys.ts';
import { SERVICE_RULES } from './services.ts';

/** Credentials and private keys: what is on by default. */
export const SECRET_RULES: readonly Rule[] = [
  ...PRIVATE_KEY_RULES,
  ...MODEL_RULES,
  ...CLOUD_RULES,
  ...CODE_RULES,
  ...SERVICE_RULES,
  ...CONNECTION_RULES,
  ...NAMED_RULES,
];
export { PII_RULES };

/** Every rule that a finding can name, for settings and screens. */
export const ALL_RULES: readonly Rule[] = [
  ...SECRET_RULES.filter((rule) => !NAMED_RULES.includes(rule)),
  ...NAMED_RULE_LIST,
  ...PII_RULES,
];
