/** Policies from outside: read, saved, and tried on what was asked before. */
import { GoblinError } from '../contract/errors.ts';
import type { PolicyAdmin } from '../edge/policies.ts';
import { MOST_PAST, type PastRequest, readPast, tell } from '../guard/policy/past.ts';
import type { PolicySet } from '../guard/policy/set.ts';
import type { House } from './assembly.ts';

export function policyAdminOf({ policy, sql }: Pick<House, 'policy' | 'sql'>): PolicyAdmin {
  const { policies } = policy;

  /** Those in force, those that would be; what differs. */
  function compare(
    past: readonly PastRequest[],
    before: readonly PolicySet[],
    after: readonly PolicySet[],
  ): Record<string, unknown>[] {
    return past.flatMap(({ id, facts, provider, model, costPico }) => {
      const target = policy.targetOf(provider, model, () => costPico);
      const was = tell(before, facts, target);
      const then = tell(after, facts, target);
      if (was.decision === then.decision) return [];
      return [
        {
          request: id,
          at: new Date(facts.at).toISOString(),
          key: facts.key,
          task_type: facts.task,
          target: `${provider}/${model}`,
          before: was.decision,
          after: then.decision,
          reason: then.reason ?? was.reason,
        },
      ];
    });
  }

  return {
    installation: policies.file,
    async read(tenant, version) {
      const found = await policies.read(tenant, version);
      return found && { ...found, policies: found.document };
    },
    save: policies.save,
    async test(tenant, sinceMs, wanted) {
      if (sql === null) throw new GoblinError('unavailable', 'There is no record to look into.');
      const rows = await readPast(sql, tenant, sinceMs);
      const past = rows.slice(0, MOST_PAST);
      const now = policies.inForce(tenant);
      const changed =
        wanted === null
          ? compare(past, [], now)
          : await policies.trial(wanted, (set) => compare(past, now, [...policies.ofFile, set]));
      return { requests: past.length, truncated: rows.length > MOST_PAST, changed };
    },
  };
}
