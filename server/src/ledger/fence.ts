/**
 * The second fence around a tenant (migration 4): a condition that names the tenant to PostgreSQL before any row is
 * looked at, whatever else the statement says or forgets. The tenant is its first value. It stands beside the tenant's
 * own condition, in the very query that reads the table with the policy.
 *
 * It costs no round trip: the planner takes a condition without columns for a filter that is tried once, above the scan,
 * and the setting lasts as long as the statement. A test looks whether that is so (`test/contract/fence.test.ts`).
 */
export const FENCE = `(select set_config('goblin.tenant', $1, true)) = $1`;

/** The same for a tenant that may be null, which stands for all. */
export const FENCE_IF_NAMED = `(select set_config('goblin.tenant', coalesce($1, ''), true)) = coalesce($1, '')`;
