/** Collects what a caller must change, each with the path in the caller's own body. */
import { type FieldError, GoblinError } from '../../contract/errors.ts';

export type FieldErrors = FieldError[];

/** More would help nobody, and an answer to a hostile body must not be larger than the body. */
const MOST = 20;

export function wrong(errors: FieldErrors, path: string, message: string): void {
  if (errors.length < MOST) errors.push({ path, message });
}

/** Throws `invalid_request` when anything was collected. */
export function throwIfWrong(errors: FieldErrors): void {
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
  throw new GoblinError('invalid_request', `${first.path}: ${first.message}${more}`, { errors });
}

/** What a value is, for messages. Never the value itself: it may be a secret or ten megabytes. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
