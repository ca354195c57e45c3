/** What the bus is told when a request was ended from outside. */
import type { BusMessage } from './ports.ts';
import type { StoredFrame } from './record.ts';

/** Its last frame, where it has frames. */
export const endedBy = (frame: StoredFrame | null): BusMessage =>
  frame ? { type: 'frames', frames: [frame] } : { type: 'ended' };
