/** A tree of digests: one root for many leaves, and for each leaf a short proof that it is under the root. SHA-256. */
import { createHash } from 'node:crypto';

/** Leaves and joints begin with different bytes, so that one cannot be taken for the other (RFC 9162). */
const LEAF = Buffer.from([0]);
const JOINT = Buffer.from([1]);

export const sha256 = (...parts: readonly (Buffer | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const leafOf = (text: string): Buffer => sha256(LEAF, text);
const join = (left: Buffer, right: Buffer): Buffer => sha256(JOINT, left, right);

/** One level up; who has no neighbour goes up as it is. */
function up(level: readonly Buffer[]): Buffer[] {
  const next: Buffer[] = [];
  for (let n = 0; n < level.length; n += 2) {
    const [left, right] = [level[n] as Buffer, level[n + 1]];
    next.push(right ? join(left, right) : left);
  }
  return next;
}

/** Of no leaves: the digest of nothing. */
export function rootOf(leaves: readonly Buffer[]): Buffer {
  let level = [...leaves];
  while (level.length > 1) level = up(level);
  return level[0] ?? sha256();
}

export interface ProofStep {
  side: 'left' | 'right';
  digest: string;
}

/** The neighbours on the way from a leaf to the root, as hex digits. */
export function proofOf(leaves: readonly Buffer[], index: number): ProofStep[] {
  const steps: ProofStep[] = [];
  let level = [...leaves];
  for (let at = index; level.length > 1; at >>= 1) {
    const neighbour = level[at ^ 1];
    if (neighbour) steps.push({ side: at & 1 ? 'left' : 'right', digest: neighbour.toString('hex') });
    level = up(level);
  }
  return steps;
}

/** The root that a leaf leads to by its proof. */
export function rootBy(leaf: Buffer, proof: readonly ProofStep[]): Buffer {
  let digest = leaf;
  for (const step of proof) {
    const other = Buffer.from(step.digest, 'hex');
    digest = step.side === 'left' ? join(other, digest) : join(digest, other);
  }
  return digest;
}
