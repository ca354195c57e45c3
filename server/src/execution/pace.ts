/**
 * When a caller is told what a vendor says. One read from the socket may bring many chunks: all that they say is told at
 * once, when the last of them was seen. While a caller is too slow to hear it, nothing more is read.
 */
export interface Pace {
  /** Something was said. */
  said(): void;
  /** Tells what waits, now. */
  hurry(): void;
  readonly paused: boolean;
  /** The caller hears again. False: he was never too slow. */
  resume(): boolean;
}

/** `flush`: false when the caller is too slow. `pause`: stops the reading. Neither is called once `over` says so. */
export function createPace(flush: () => boolean, pause: () => void, over: () => boolean): Pace {
  let waits = false;
  let paused = false;

  function tell(): void {
    waits = false;
    if (over() || flush()) return;
    paused = true;
    pause();
  }

  return {
    said() {
      if (waits) return;
      waits = true;
      process.nextTick(tell);
    },
    hurry() {
      if (waits) flush();
    },
    get paused() {
      return paused;
    },
    resume() {
      const was = paused;
      paused = false;
      return was;
    },
  };
}
