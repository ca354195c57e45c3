/** How much of a budget a process takes at a time. All amounts are picodollars. */

export interface SliceWish {
  /** What is neither spent nor in anybody's slice; infinite without a hard limit. */
  left: number;
  /** For the request that cannot wait. */
  need: number;
  /** For all that wait in this process, that one included. */
  waiting: number;
  /** What this process is likely to need soon after. */
  ahead: number;
  /** Processes that take from budgets. */
  processes: number;
}

/** Of its even share, what a process takes before somebody waits for it. */
const AHEAD_SHARE = 4;

/**
 * 0 when what is left does not do. Else never more than what is left: what waits as far as it is the process's even
 * share, and of what will come a part of that, so that slices get smaller as the budget runs out and no process sits on
 * what another one needs.
 */
export function sliceSize({ left, need, waiting, ahead, processes }: SliceWish): number {
  if (left < need) return 0;
  const share = Math.floor(left / Math.max(1, processes));
  const wanted = Math.min(waiting, share) + Math.min(ahead, Math.floor(share / AHEAD_SHARE));
  return Math.min(left, Math.max(need, Math.floor(wanted)));
}

/**
 * What stays for others to take. `exposed`: spent, and what is in slices. Beyond 2^53 a number is rounded: then it is
 * made smaller than it may be, so that no sum of slices is above the limit.
 */
export function leftOf(hardPico: number | null, exposedPico: number): number {
  if (hardPico === null) return Number.POSITIVE_INFINITY;
  const left = hardPico - exposedPico;
  const blur = Math.max(hardPico, exposedPico) > Number.MAX_SAFE_INTEGER ? Math.ceil(hardPico * 2 ** -50) : 0;
  return Math.max(0, Math.floor(left - blur));
}
