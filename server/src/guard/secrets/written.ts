/** Secrets that somebody wrote into a configuration file, where everybody reads them who reads the file. */
import { scrub, scrubDeep } from './scrub.ts';

/** The places of values and names that look like secrets, as `providers.own.headers.authorization`; never the secrets. */
export function writtenSecrets(value: unknown): string[] {
  const places: string[] = [];
  walk(value, '', places);
  return places;
}

function walk(value: unknown, place: string, places: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, one] of Object.entries(value)) {
    const shown = scrub(name);
    const at = place === '' ? shown : `${place}.${shown}`;
    if (shown !== name) places.push(at);
    if (typeof one !== 'string') walk(one, at, places);
    // With its name, which may be all that tells.
    else if (shown === name && (scrubDeep({ [name]: one }) as Record<string, unknown>)[name] !== one) places.push(at);
  }
}
