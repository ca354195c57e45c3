/** Numbers from texts: the same in every process, so that a conversation finds its target again wherever it goes on. */

/** 32 bits (FNV-1a, mixed). Not for secrets. */
export function hashOf(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** Spreads 32 bits: neighbours become strangers. */
export function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The lot that one of several draws under a seed: the lowest wins. Each wins as often as its weight says, and when one
 * is taken away only its own share is dealt anew. Infinite for a weight of 0.
 */
export function lot(hash: number, seed: number, weight: number): number {
  if (!(weight > 0)) return Number.POSITIVE_INFINITY;
  return -Math.log((mix(hash ^ mix(seed)) + 1) / 4294967297) / weight;
}
