/** Counts calls with the same prompt, so that a fault can be over after some of them. */
const MAX_KEYS = 100_000;

/** The function answers whether this call is still among the first `times` of its key. */
export function createTally(): (key: string, times: number | undefined) => boolean {
  const seen = new Map<string, number>();
  return (key, times) => {
    if (times === undefined) return true;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    if (seen.size > MAX_KEYS) {
      const oldest = seen.keys().next().value;
      if (oldest !== undefined) seen.delete(oldest);
    }
    return count <= times;
  };
}
