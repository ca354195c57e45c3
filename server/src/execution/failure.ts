/** What a caller is told of a run that failed: whose failure it is, and when it is of use to come back. */
import { ERRORS } from '../contract/errors.ts';
import type { ProviderFailure } from '../contract/part.ts';
import type { PlannedTarget, Provider } from '../contract/provider.ts';
import { comeBackMs } from '../routing/come-back.ts';
import type { RunDeps } from './terms.ts';

/**
 * The failure of the run, after another attempt. Who would not go on from what was shown has not failed: it is still the
 * failure of whoever broke off.
 */
export const failureOf = (latest: ProviderFailure, before: ProviderFailure | null, prefix: string): ProviderFailure =>
  before !== null && prefix !== '' && latest.code === 'unsupported_by_target' ? before : latest;

/**
 * The same, with the time until the first of `targets` (all that the request may go to) can be called again, where that
 * is known to be later than now. `failed` is the one that failed last: what its vendor asked for holds for it alone.
 */
export function withComeBack(
  deps: Pick<RunDeps, 'health'> & { provider(name: string): Provider | null },
  failure: ProviderFailure,
  targets: readonly PlannedTarget[],
  failed: PlannedTarget | null,
): ProviderFailure {
  if (!ERRORS[failure.code].callerRetry) return failure;
  const now = Date.now();
  const waits: number[] = [];
  for (const { provider: name, model } of targets) {
    const provider = deps.provider(name);
    if (provider === null) continue;
    const ms = deps.health.waitMs(provider, model, now);
    const asked = failed?.provider === name && failed.model === model ? (failure.retryAfterMs ?? 0) : 0;
    waits.push(Math.max(ms, asked));
  }
  const retryAfterMs = comeBackMs(waits);
  const { retryAfterMs: _asked, ...rest } = failure;
  return retryAfterMs > 0 ? { ...rest, retryAfterMs } : rest;
}
