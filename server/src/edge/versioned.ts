/** What documents of a tenant of which each change is a version have in common, seen from outside. */
import { Type } from '@sinclair/typebox';
import { GoblinError } from '../contract/errors.ts';
import { refuse } from './body.ts';
import { iso } from './shapes.ts';

/** Null: the newest. Throws `invalid_request`. */
function askedVersion(said: string | undefined): number | null {
  if (said === undefined) return null;
  const version = Number(said);
  if (!Number.isInteger(version) || version < 1 || version > 1_000_000_000) {
    refuse([{ path: 'version', message: 'takes a whole number from 1 on' }]);
  }
  return version;
}

/** The version that is asked for. Null: there is none yet. Throws `not_found` for one that there is not. */
export async function readVersion<T>(
  said: string | undefined,
  read: (version: number | null) => Promise<T | null>,
): Promise<T | null> {
  const asked = askedVersion(said);
  const found = await read(asked);
  if (!found && asked !== null) throw new GoblinError('not_found', 'There is no such version.');
  return found;
}

export const ChangedOut = {
  changed_by: Type.Union([Type.String(), Type.Null()]),
  changed_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
};

export const changedOf = (found: { actor: string; createdAt: number } | null) => ({
  changed_by: found?.actor ?? null,
  changed_at: found ? iso(found.createdAt) : null,
});

export const SavedOut = Type.Object({ tenant: Type.String(), version: Type.Integer() });
