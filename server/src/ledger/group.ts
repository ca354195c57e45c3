/**
 * Grouped writes: a group is whatever arrived while the group before it was being written. No timer: alone, an item
 * is written at once. Each member gets its own answer.
 */
import { GoblinError } from '../contract/errors.ts';

export interface GroupOptions {
  /** Items in one write at most. */
  most: number;
  /** Items that may wait; beyond that a caller is told to come back. */
  limit: number;
}

export interface Group<I, O> {
  add(item: I): Promise<O>;
  /** Items that wait or are being written. */
  size(): number;
  /** For how long the write that runs now has been running, in milliseconds. */
  writingFor(): number;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
}

interface Member<I, O> {
  item: I;
  resolve(value: O): void;
  reject(error: unknown): void;
}

/** `write` answers in the order of its items. A group that fails for its data is written again one by one. */
export function createGroup<I, O>(write: (items: I[]) => Promise<O[]>, options: GroupOptions): Group<I, O> {
  let waiting: Member<I, O>[] = [];
  let writing = 0;
  let began = 0;
  let running = false;
  let whenIdle: (() => void)[] = [];

  async function commit(members: Member<I, O>[]): Promise<void> {
    try {
      const answers = await write(members.map((member) => member.item));
      members.forEach((member, index) => {
        member.resolve(answers[index] as O);
      });
    } catch (error) {
      const only = members.length === 1 || (error instanceof GoblinError && error.code === 'unavailable');
      if (only) for (const member of members) member.reject(error);
      else for (const member of members) await commit([member]);
    }
  }

  async function loop(): Promise<void> {
    // Whatever else this turn of the event loop brings joins the first group.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const members = waiting.slice(0, options.most);
      waiting = waiting.length > options.most ? waiting.slice(options.most) : [];
      writing = members.length;
      began = performance.now();
      await commit(members);
      writing = 0;
    }
    running = false;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  }

  return {
    add(item) {
      if (waiting.length >= options.limit) {
        return Promise.reject(
          new GoblinError('unavailable', 'The record cannot keep up; try again in a moment.', { retryAfterMs: 1000 }),
        );
      }
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (!running) {
          running = true;
          void loop();
        }
      });
    },
    size: () => waiting.length + writing,
    writingFor: () => (writing === 0 ? 0 : performance.now() - began),
    idle: () => (running ? new Promise((resolve) => whenIdle.push(resolve)) : Promise.resolve()),
  };
}
