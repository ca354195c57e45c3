/** One timer for every clock of the process: a request arms and re-arms for the price of a number. */

export interface Alarm {
  /** Rings `ms` from now, once, unless set again or stopped. */
  set(ms: number): void;
  stop(): void;
}

export interface Wheel {
  alarm(ring: () => void): Alarm;
}

/** Resolution in milliseconds: an alarm rings at most this much late. */
const TICK = 25;

export function createWheel(): Wheel {
  const armed = new Set<{ at: number; ring: () => void }>();
  let timer: NodeJS.Timeout | null = null;

  function tick(): void {
    const now = performance.now();
    for (const entry of armed) {
      if (entry.at > now) continue;
      armed.delete(entry);
      entry.ring();
    }
    if (armed.size === 0 && timer) {
      clearInterval(timer);
      timer = null;
    }
  }

  return {
    alarm(ring) {
      const entry = { at: 0, ring };
      return {
        set(ms) {
          entry.at = performance.now() + ms;
          armed.add(entry);
          timer ??= setInterval(tick, TICK).unref();
        },
        stop() {
          armed.delete(entry);
        },
      };
    },
  };
}
