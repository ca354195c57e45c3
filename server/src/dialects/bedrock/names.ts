/** Ids and names in the alphabets that Converse takes (API reference: `ToolUseId`, `ToolName`). */
import type { Notice } from '../../contract/dialect.ts';
import { unsupported } from '../asked.ts';
import { note } from '../notices.ts';

const LONGEST = 64;

/**
 * Ids of other vendors may have characters that Converse refuses, or be too long; calls and results change alike. A new
 * id follows from the order of the calls, so that the beginning of a conversation stays the same from turn to turn and
 * prompt caches still hit.
 */
export function createIds(short: boolean): (id: string) => string {
  const allowed = short ? /^[a-zA-Z0-9]{9}$/ : /^[a-zA-Z0-9_.:-]{1,64}$/;
  const known = new Map<string, string>();
  const taken = new Set<string>();
  let made = 0;

  function make(): string {
    for (;;) {
      const id = short ? `c${String(++made).padStart(8, '0')}` : `call_${++made}`;
      if (!taken.has(id)) return id;
    }
  }

  return (id) => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const now = allowed.test(id) && !taken.has(id) ? id : make();
    known.set(id, now);
    taken.add(now);
    return now;
  };
}

/** A tool that is offered must keep its name: the call comes back under it. */
export function toolName(name: string): string {
  if (/^[a-zA-Z0-9_-]{1,64}$/.test(name)) return name;
  throw unsupported('this provider takes tool names of letters, digits, "_" and "-", up to 64 of them');
}

/** A name in an earlier turn, which a model may have made up. */
export function pastToolName(name: string, notices: Notice[]): string {
  if (/^[a-zA-Z0-9_-]{1,64}$/.test(name)) return name;
  note(notices, 'changed', 'tool names in earlier turns: characters that this provider refuses became "_"');
  return name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, LONGEST) || '_';
}
