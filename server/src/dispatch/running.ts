/** What runs in this process, attached and detached: cancel, shutdown and the heartbeat find it here. */
import { Bag } from '../contract/bag.ts';
import { type Bus, CANCELS } from '../contract/ports.ts';
import type { Place } from '../execution/attached.ts';
import type { StopReason } from '../execution/terms.ts';

interface Entry {
  id: string;
  stop(reason: StopReason): void;
  /** `performance.now()` when the record was known to have it; infinite before. */
  since: number;
}

export interface Running {
  register(id: string, stop: (reason: StopReason) => void): Place;
  stopAll(reason: StopReason): void;
  size(): number;
  /** Requests that came to an end here since the start. */
  ended(): number;
  /**
   * `held`: what the record said that this process runs, asked at `asked`. Whatever runs here and is not among them
   * belongs to another process by now, or has ended: it is stopped. Answers those that nobody here runs.
   */
  compare(held: readonly string[], asked: number): string[];
}

export function createRunning(bus: Bus): Running {
  const running = new Bag<Entry>();
  let ended = 0;
  bus.follow(CANCELS, (message) => {
    if (message.type !== 'cancel') return;
    for (const entry of running) if (entry.id === message.id) entry.stop('cancelled');
  });
  return {
    register(id, stop) {
      const entry: Entry = { id, stop, since: Number.POSITIVE_INFINITY };
      const place = running.add(entry);
      return {
        recorded() {
          entry.since = performance.now();
        },
        leave() {
          ended++;
          running.remove(place);
        },
      };
    },
    stopAll(reason) {
      for (const { stop } of running) stop(reason);
    },
    size: () => running.size,
    ended: () => ended,
    compare(held, asked) {
      if (held.length === 0 && running.size === 0) return [];
      const there = new Set(held);
      const here = new Set<string>();
      for (const entry of running) {
        here.add(entry.id);
        if (entry.since < asked && !there.has(entry.id)) entry.stop('lost');
      }
      return held.filter((id) => !here.has(id));
    },
  };
}
