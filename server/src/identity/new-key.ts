/** What a new key is asked to be, checked: said when it is made, not found out when it is used. */
import type { Permission, Role } from '../contract/caller.ts';
import { type FieldError, GoblinError } from '../contract/errors.ts';
import { readDayOrTime } from '../contract/time.ts';
import { nameFault } from '../guard/secrets/named.ts';
import { KEY_PERMISSIONS, type NewKey } from './keys.ts';
import { isModelName } from './models.ts';
import { isPermission, isRole, ROLE_NAMES, ROLES } from './roles.ts';

export interface KeyFields {
  name?: string;
  /** Id or name. */
  team?: string;
  /** Id of an account. */
  user?: string;
  role?: string;
  scopes?: readonly string[];
  models?: readonly string[];
  expires_at?: string;
}

export type ReadKey = Omit<NewKey, 'tenant' | 'role' | 'models'> & { role: Role; models: readonly string[] | null };

/** `at` stands before the names of fields in errors; `now` is in milliseconds. Throws one `invalid_request`. */
export function readKeyFields(fields: KeyFields, at: string, now: number): ReadKey {
  const errors: FieldError[] = [];
  const wrong = (path: string, message: string) => errors.push({ path: at + path, message });
  const fault = fields.name === undefined ? null : nameFault(fields.name);
  if (fault !== null) wrong('name', fault);
  const role = fields.role ?? 'service';
  if (!isRole(role)) wrong('role', `must be one of ${ROLE_NAMES.join(', ')}`);
  const has: readonly Permission[] = isRole(role) ? ROLES[role] : [];
  const scopes = fields.scopes ?? (role === 'service' ? KEY_PERMISSIONS : has);
  for (const scope of scopes) {
    if (!isPermission(scope)) wrong('scopes', `${scope} is not a permission`);
    else if (isRole(role) && scope !== 'self' && !has.includes(scope)) wrong('scopes', `${role} has not ${scope}`);
  }
  for (const [index, model] of (fields.models ?? []).entries()) {
    if (!isModelName(model)) wrong(`models.${index}`, 'must be a model, e.g. openai/gpt-4o-mini or anthropic/*');
  }
  const expiresAt = fields.expires_at === undefined ? null : readDayOrTime(fields.expires_at);
  if (fields.expires_at !== undefined && (expiresAt ?? 0) <= now) {
    wrong('expires_at', 'must be a time in the future, as in 2027-01-31T12:00:00Z');
  }
  const [first] = errors;
  if (first) throw new GoblinError('invalid_request', `${first.path} ${first.message}.`, { errors });
  return {
    name: fields.name ?? null,
    team: fields.team ?? null,
    account: fields.user ?? null,
    role: role as Role,
    scopes: scopes as Permission[],
    models: fields.models ?? null,
    expiresAt,
  };
}
