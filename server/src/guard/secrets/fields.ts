/** Names of fields in objects: whoever sends them chooses them, so they may hold what values may. */
import type { Scanner } from './engine.ts';
import type { Finding } from './rule.ts';
import type { Look } from './turns.ts';

/** Names in which a scanner found nothing: nearly all are the same few ones in every request. */
const clean = new WeakMap<Scanner, Set<string>>();
const MOST_NAMES = 4096;
/** Longer ones are no names, and are searched each time. */
const MOST_CHARS = 64;
const NONE: readonly Finding[] = [];

/** What `look` finds, which is asked once for names in which the scanner finds nothing. */
export function scanName(scanner: Scanner, name: string, look: Look = scanner.scan): readonly Finding[] {
  const known = clean.get(scanner) ?? new Set();
  if (known.has(name)) return NONE;
  const findings = look(name);
  if (findings.length > 0 || name.length > MOST_CHARS) return findings;
  if (known.size >= MOST_NAMES) known.clear();
  clean.set(scanner, known.add(name));
  return NONE;
}

/** How a name that must not be shown stands in a place: by its number among those of its object, from 0. */
export const hiddenName = (index: number): string => `[name ${index}]`;

/** An object of fields in their order. Of two with the same name the second one gets a number, so that none is lost. */
export function fromFields(fields: readonly (readonly [name: string, value: unknown])[]): Record<string, unknown> {
  const names = new Set(fields.map(([name]) => name));
  if (names.size === fields.length) return Object.fromEntries(fields);
  const taken = new Set<string>();
  return Object.fromEntries(
    fields.map(([name, value]) => {
      let own = name;
      for (let n = 2; taken.has(own) || (own !== name && names.has(own)); n++) own = `${name} (${n})`;
      taken.add(own);
      return [own, value];
    }),
  );
}
