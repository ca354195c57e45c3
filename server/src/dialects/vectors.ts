/** Vectors: those that a vendor answered, as base64, and in the record. */
import type { Vectors } from '../contract/dialect.ts';
import { isObject } from './json.ts';

/** As many as were asked for, all of one length, and nothing in them but numbers; else null. */
export function vectorsIn(value: unknown, inputs: number): number[][] | null {
  if (!Array.isArray(value) || value.length !== inputs) return null;
  const length: unknown = Array.isArray(value[0]) ? value[0].length : 0;
  if (inputs > 0 && length === 0) return null;
  return value.every((vector) => isVector(vector) && vector.length === length) ? value : null;
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((number) => typeof number === 'number' && Number.isFinite(number));
}

/** Little-endian floats of four bytes, whatever the machine. */
export function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (let at = 0; at < vector.length; at++) bytes.writeFloatLE(vector[at] ?? 0, at * 4);
  return bytes.toString('base64');
}

/** The way back; null when it is none. */
export function fromBase64(text: string): number[] | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0) return null;
  return Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4));
}

/** Bytes of vectors that the record keeps for whoever asks again by the same key: a thousand of 4,096 numbers. */
const MOST_KEPT = 16 * 1024 * 1024;

/** As a text gives them back: each number is the nearest float of four bytes. */
export const rounded = (vectors: Vectors): Vectors => vectors.map((vector) => vector.map(Math.fround));

/**
 * What the record says of vectors. `keep`: they themselves too, unless they are too many; nobody can tell them again
 * then.
 */
export function messageOfVectors(vectors: Vectors, keep: boolean): Record<string, unknown> {
  const dimensions = vectors[0]?.length ?? 0;
  const count = vectors.length;
  const kept = keep && count * dimensions * 4 <= MOST_KEPT;
  return { embeddings: { count, dimensions, ...(kept ? { base64: vectors.map(toBase64) } : {}) } };
}

/** The way back. Null for the message of an answer; `'gone'` when the vectors were not kept. */
export function vectorsOfMessage(message: Record<string, unknown>): Vectors | 'gone' | null {
  const { embeddings } = message;
  if (!isObject(embeddings)) return null;
  const texts = embeddings.base64;
  if (!Array.isArray(texts)) return 'gone';
  return (
    vectorsIn(
      texts.map((text) => fromBase64(String(text))),
      texts.length,
    ) ?? 'gone'
  );
}
