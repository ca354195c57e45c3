/** One timer for every clock of the process: a request arms and re-arms for the price of a number. */
import { Bag } from '../contract/bag.ts';

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
  const armed = new Bag<Clock>();
  let timer: NodeJS.Timeout | null = null;

  class Clock implements Alarm {
    readonly #ring: () => void;
    #at = 0;
    #place = -1;

    constructor(ring: () => void) {
      this.#ring = ring;
    }

    set(ms: number): void {
      this.#at = performance.now() + ms;
      if (this.#place < 0) this.#place = armed.add(this);
      timer ??= setInterval(tick, TICK).unref();
    }

    stop(): void {
      if (this.#place < 0) return;
      armed.remove(this.#place);
      this.#place = -1;
    }

    check(now: number): void {
      if (this.#at > now) return;
      this.stop();
      this.#ring();
    }
  }

  function tick(): void {
    const now = performance.now();
    for (const clock of armed) clock.check(now);
    if (armed.size === 0 && timer) {
      clearInterval(timer);
      timer = null;
    }
  }

  return { alarm: (ring) => new Clock(ring) };
}
