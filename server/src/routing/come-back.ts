/** When it is of use to come back: what `Retry-After` says of targets that may not be called now. */

/** Nobody knows when somebody acts: until then it is asked once a minute. */
const UNTIL_SOMEBODY_ACTS_MS = 60_000;

/** Milliseconds until the first of these waits is over; 0 when one is over now, or there are none. */
export function comeBackMs(waits: Iterable<number>): number {
  let soonest = Number.POSITIVE_INFINITY;
  let any = false;
  for (const ms of waits) {
    any = true;
    if (ms < soonest) soonest = ms;
  }
  if (!any) return 0;
  return Number.isFinite(soonest) ? Math.max(0, soonest) : UNTIL_SOMEBODY_ACTS_MS;
}
