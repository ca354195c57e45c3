/** One timer for all streams of a process. */
import { Bag } from '../contract/bag.ts';

/** Streams whose headers wait for the first visible part, and streams that need a sign of life. */
export interface Pulse {
  add(beat: (now: number) => void): () => void;
  close(): void;
}

export function createPulse(): Pulse {
  const beats = new Bag<(now: number) => void>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const beat of beats) beat(now);
  }, 1000).unref();
  return {
    add(beat) {
      const place = beats.add(beat);
      let on = true;
      return () => {
        if (on) beats.remove(place);
        on = false;
      };
    },
    close: () => clearInterval(timer),
  };
}
