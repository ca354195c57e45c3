/** `Bus` inside one process. */
import type { Bus, BusMessage } from '../contract/ports.ts';

export function createMemoryBus(): Bus {
  const topics = new Map<string, Set<(message: BusMessage) => void>>();
  return {
    publish(topic, message) {
      const listeners = topics.get(topic);
      if (!listeners) return;
      for (const listener of [...listeners]) listener(message);
    },
    follow(topic, listener) {
      const listeners = topics.get(topic) ?? new Set();
      listeners.add(listener);
      topics.set(topic, listeners);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
      };
    },
    async close() {
      topics.clear();
    },
  };
}
