/** `Queue` inside one process: a flag and whoever waits for it. */
import type { Queue } from '../contract/ports.ts';

export function createMemoryQueue(): Queue {
  let ticket = false;
  const waiting = new Set<() => void>();
  return {
    wake() {
      ticket = true;
      for (const resume of [...waiting]) resume();
    },
    wait(ms, signal) {
      if (ticket || signal.aborted) {
        ticket = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const done = () => {
          ticket = false;
          clearTimeout(timer);
          waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        waiting.add(done);
        signal.addEventListener('abort', done);
      });
    },
    up: () => true,
    async close() {
      for (const resume of [...waiting]) resume();
    },
  };
}
