/** Who listens to an attached request: its caller, and whoever asked the same again meanwhile. */
import type { AnswerListener } from '../contract/flow.ts';
import type { Part } from '../contract/part.ts';

export interface Audience extends AnswerListener {
  empty(): boolean;
  add(listener: AnswerListener): void;
  /** False when it was gone already. */
  remove(listener: AnswerListener): boolean;
}

/** Only the first caller gets a vendor's own words: whoever came later has not heard how they began. */
export function createAudience(first: AnswerListener): Audience {
  const all: AnswerListener[] = [first];
  return {
    empty: () => all.length === 0,
    add: (listener) => void all.push(listener),
    remove(listener) {
      const at = all.indexOf(listener);
      if (at !== -1) all.splice(at, 1);
      return at !== -1;
    },
    attempt(start, restart) {
      for (const one of all) one.attempt(start, restart);
    },
    notice(notice) {
      for (const one of all) one.notice(notice);
    },
    event(parts: readonly Part[], data) {
      for (const one of all) one.event(parts, one === first ? data : null);
    },
    recorded() {
      for (const one of all) one.recorded();
    },
    flush() {
      let room = true;
      for (const one of all) if (!one.flush()) room = false;
      return room;
    },
    done(outcome) {
      for (const one of all.splice(0)) one.done(outcome);
    },
  };
}
