/** Knows when something was added to the trail, so that it is sealed only then. */
import type { Sql } from '../contract/ports.ts';

export interface Trail extends Sql {
  /** When a statement that adds events was last sent, by `performance.now()`. */
  writtenAt(): number;
}

export function watchTrail(sql: Sql): Trail {
  const adds = new Map<string, boolean>();
  let at = Number.NEGATIVE_INFINITY;

  const see = (text: string): void => {
    let found = adds.get(text);
    if (found === undefined) {
      found = text.includes('into mcp_event');
      // Statements are constants; one that is made anew each time must not fill the memory.
      if (adds.size < 1000) adds.set(text, found);
    }
    if (found) at = performance.now();
  };
  return {
    ...sql,
    writtenAt: () => at,
    query(text, values) {
      see(text);
      return sql.query(text, values);
    },
    transaction: (work) =>
      sql.transaction((inner) =>
        work({
          query(text, values) {
            see(text);
            return inner.query(text, values);
          },
        }),
      ),
  };
}
