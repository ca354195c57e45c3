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

/**
 * The same for an address that is called back and stored in clear: as it is written, and without the escapes behind which
 * a secret would not be seen.
 */
export function checkAddress(path: string, url: string): void {
  const plain = url.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
  for (const said of new Set([url, plain])) {
    checkNames({ [path]: said }, 'the address is stored as it is and what is sent there is signed, so leave it out');
  }
}
