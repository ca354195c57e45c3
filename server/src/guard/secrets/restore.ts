/** Puts values back for placeholders, in whole texts and in streams. */
import { createJsonDepth } from './json-depth.ts';
import { placeholderAt } from './placeholder.ts';
import type { TextForm } from './redact.ts';

export interface Restorer {
  /** The text that is decided, with values for placeholders. Only the beginning of a placeholder is held back. */
  push(text: string): string;
  end(): string;
  /** Something is held back. */
  readonly holds: boolean;
}

const BRACKET = '[';

/**
 * `mapping` is what the redactor of this conversation made: a placeholder of anybody else is text like any other.
 * In `json` form values are escaped for the string that they stand in, strings within strings too.
 */
export function createRestorer(mapping: ReadonlyMap<string, string>, form: TextForm = 'text'): Restorer {
  let held = '';
  const depth = form === 'json' ? createJsonDepth() : null;

  function valueFor(placeholder: string): string | undefined {
    const value = mapping.get(placeholder);
    if (value === undefined || !depth) return value;
    let escaped = value;
    for (let level = depth.level(); level > 0; level--) escaped = JSON.stringify(escaped).slice(1, -1);
    return escaped;
  }

  function restore(text: string, final: boolean): string {
    let out = '';
    let at = 0;
    for (let next = text.indexOf(BRACKET); next !== -1; next = text.indexOf(BRACKET, Math.max(next + 1, at))) {
      const found = placeholderAt(text, next);
      if (found === null) continue;
      if (found !== '') {
        depth?.read(text.slice(at, next));
        const value = valueFor(found);
        if (value === undefined) {
          depth?.read(text.charAt(next));
          out += text.slice(at, next + 1);
          at = next + 1;
          continue;
        }
        out += text.slice(at, next) + value;
        at = next + found.length;
        continue;
      }
      if (!final && couldBe(text.slice(next))) {
        depth?.read(text.slice(at, next));
        held = text.slice(next);
        return out + text.slice(at, next);
      }
    }
    depth?.read(text.slice(at));
    held = '';
    return at === 0 ? text : out + text.slice(at);
  }

  function couldBe(beginning: string): boolean {
    for (const placeholder of mapping.keys()) if (placeholder.startsWith(beginning)) return true;
    return false;
  }

  return {
    push(text) {
      if (!depth && held === '' && !text.includes(BRACKET)) return text;
      return restore(held + text, false);
    },
    end: () => restore(held, true),
    get holds() {
      return held !== '';
    },
  };
}

/** A whole text with values for the placeholders of `mapping`. */
export function restoreText(text: string, mapping: ReadonlyMap<string, string>, form: TextForm = 'text'): string {
  if (mapping.size === 0 || !text.includes(BRACKET)) return text;
  const restorer = createRestorer(mapping, form);
  return restorer.push(text) + restorer.end();
}
