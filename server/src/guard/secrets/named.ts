/** Names that administrators give: they are stored, shown and told in events as they are. */
import { GoblinError } from '../../contract/errors.ts';
import { scrub } from './scrub.ts';

/** What is wrong with a name that is a key or a password, most likely put into the wrong place; null when nothing is. */
export function nameFault(
  name: string,
  instead = 'a name is stored and shown as it is, so give another one',
): string | null {
  return scrub(name) === name ? null : `looks like a secret; ${instead}`;
}

/** Throws `invalid_request` with the places, without the names themselves. */
export function checkNames(names: Readonly<Record<string, string | null | undefined>>, instead?: string): void {
  const errors = Object.entries(names).flatMap(([path, name]) => {
    const message = name ? nameFault(name, instead) : null;
    return message === null ? [] : [{ path, message }];
  });
  const [first] = errors;
  if (first) throw new GoblinError('invalid_request', `${first.path}: ${first.message}.`, { errors });
}
