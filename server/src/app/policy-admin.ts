/** Policies from outside: read, saved, and tried on what was asked before. */
import { GoblinError } from '../contract/errors.ts';
import type { PolicyAdmin } from '../edge/policies.ts';
import { MOST_PAST, type PastRequest, readPast, tell } from '../guard/policy/past.ts';
import type { PolicySet } from '../guard/policy/set.ts';
import type { House } from './assembly.ts';

/** How long others wait for their turn while past requests are looked at. */
const TURN_MS = 10;

export function policyAdminOf({ policy, sql }: Pick<House, 'policy' | 'sql'>): PolicyAdmin {
  const { policies } = policy;

  /** Those in force, those that would be; what differs. Others have their turn in between. */
  async function compare(
    past: readonly PastRequest[],
    before: readonly PolicySet[],
    after: readonly PolicySet[],
  ): Promise<Record<string, unknown>[]> {
    const changed: Record<string, unknown>[] = [];
    let turn = performance.now();
    for (const { id, facts, provider, model, costPico } of past) {
      if (performance.now() - turn > TURN_MS) {
        await new Promise(setImmediate);
        turn = performance.now();
      }
      const target = policy.targetOf(provider, model, () => costPico);
      const was = tell(before, facts, target);
      const then = tell(after, facts, target);
      if (was.decision === then.decision) continue;
      changed.push({
        request: id,
        at: new Date(facts.at).toISOString(),
        key: facts.key,
        task_type: facts.task,
        target: `${provider}/${model}`,
        before: was.decision,
        after: then.decision,
        reason: then.reason ?? was.reason,
      });
    }
    return changed;
  }

  async function past(tenant: string, sinceMs: number, sets: readonly PolicySet[]): Promise<PastRequest[]> {
    if (sql === null) throw new GoblinError('unavailable', 'There is no record to look into.');
    return await readPast(
      sql,
      tenant,
      sinceMs,
      sets.some(({ seesSpent }) => seesSpent),
    );
  }

  return {
    installation: policies.file,
    async read(tenant, version) {
      const found = await policies.read(tenant, version);
      return found && { ...found, policies: found.document };
    },
    save: policies.save,
    async test(tenant, sinceMs, wanted) {
      const now = policies.inForce(tenant);
      const tried = async (before: readonly PolicySet[], after: readonly PolicySet[]) => {
        const rows = await past(tenant, sinceMs, [...before, ...after]);
        const looked = rows.slice(0, MOST_PAST);
        const changed = await compare(looked, before, after);
        return { requests: looked.length, truncated: rows.length > MOST_PAST, changed };
      };
      if (wanted === null) return await tried([], now);
      return await policies.trial(wanted, (set) => tried(now, [...policies.ofFile, set]));
    },
  };
}
