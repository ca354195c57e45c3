/** Vectors that a vendor answered: as many as were asked for, all of one length, and nothing in them but numbers. */

export function vectorsIn(value: unknown, inputs: number): number[][] | null {
  if (!Array.isArray(value) || value.length !== inputs) return null;
  const length: unknown = Array.isArray(value[0]) ? value[0].length : 0;
  if (inputs > 0 && length === 0) return null;
  return value.every((vector) => isVector(vector) && vector.length === length) ? value : null;
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((number) => typeof number === 'number' && Number.isFinite(number));
}
