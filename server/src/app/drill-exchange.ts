/** What the processes tell each other of fire drills, over the bus: at once what changed, and all of it again while there is any. */
import { type Bus, DRILLS } from '../contract/ports.ts';
import type { Drills } from '../execution/drills.ts';

/** A message may be lost, and a process may have started since. */
const AGAIN_MS = 3000;

export interface DrillExchange {
  /** Something was changed here. */
  tell(): void;
  close(): void;
}

export function startDrillExchange(drills: Drills, bus: Bus): DrillExchange {
  let timer: NodeJS.Timeout | null = null;

  const tell = (): void => {
    const said = drills.export();
    if (said.length > 0) bus.publish(DRILLS, { type: 'drills', said });
    // Without a drill nothing ticks.
    else stop();
  };
  const stop = (): void => {
    if (timer) clearInterval(timer);
    timer = null;
  };
  const keepTelling = (): void => {
    timer ??= setInterval(tell, AGAIN_MS).unref();
  };
  const unfollow = bus.follow(DRILLS, (message) => {
    if (message.type !== 'drills') return;
    drills.import(message.said);
    keepTelling();
  });
  return {
    tell() {
      tell();
      keepTelling();
    },
    close() {
      stop();
      unfollow();
    },
  };
}
