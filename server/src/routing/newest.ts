/** What several processes say of one thing becomes one word: the newest. */

/** `at` is in milliseconds since the epoch; `version` grows with each change that its process knew of. */
export interface Dated {
  at: number;
  version: number;
}

const flat = (value: object): string => JSON.stringify(value, Object.keys(value).sort());

/** Whether `b` is to be believed rather than `a`. A total order, so it does not matter who asks, when or how often. */
export function isNewer(a: Dated, b: Dated): boolean {
  if (a.at !== b.at) return b.at > a.at;
  if (a.version !== b.version) return b.version > a.version;
  return flat(b) > flat(a);
}

/** Commutative, associative, and never older than either. */
export function newest<T extends Dated>(a: T, b: T): T {
  return isNewer(a, b) ? b : a;
}

/** The date of the next change: never before the last one, also when the clock was put back. */
export function after(last: Dated, now: number): Dated {
  return { at: Math.max(now, last.at), version: last.version + 1 };
}
