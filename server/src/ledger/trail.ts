/** Knows when something was added to the trail, so that it is sealed only then. */
import type { Sql } from '../contract/ports.ts';

export interface Trail extends Sql {
  /** When a statement that adds events was last under way, by `performance.now()`. */
  writtenAt(): number;
}

export function watchTrail(sql: Sql): Trail {
  const adds = new Map<string, boolean>();
  let at = Number.NEGATIVE_INFINITY;

  let open = 0;

  const addsEvents = (text: string): boolean => {
    let found = adds.get(text);
    if (found === undefined) {
      found = text.includes('into mcp_event');
      // Statements are constants; one that is made anew each time must not fill the memory.
      if (adds.size < 1000) adds.set(text, found);
    }
    return found;
  };

  function over(): void {
    open--;
    at = performance.now();
  }

  return {
    ...sql,
    writtenAt: () => (open > 0 ? performance.now() : at),
    query(text, values) {
      if (!addsEvents(text)) return sql.query(text, values);
      open++;
      return sql.query<never>(text, values).finally(over);
    },
    transaction(work) {
      let began = false;
      const inside = sql.transaction((inner) =>
        work({
          query(text, values) {
            if (!began && addsEvents(text)) {
              began = true;
              open++;
            }
            return inner.query(text, values);
          },
        }),
      );
      return inside.finally(() => {
        if (began) over();
      });
    },
  };
}
