/** Rules of the scanner from outside: read, saved, and shown as they hold. */
import type { SecretRuleAdmin } from '../edge/secret-rules.ts';
import { ALL_RULES } from '../guard/secrets/rules/index.ts';
import type { House } from './assembly.ts';

const BUILT_IN = new Set(ALL_RULES.map(({ id }) => id));

export function secretRulesOf({ shields }: Pick<House, 'shields'>): SecretRuleAdmin {
  const { enabled, ...actions } = shields.house;
  return {
    installation: { enabled, actions },
    read: shields.read,
    save: shields.save,
    inForce: (tenant) =>
      shields.inForce(tenant).map(({ id, title, kind, action }) => ({
        ...{ id, description: title, kind, action },
        own: !BUILT_IN.has(id),
      })),
  };
}
