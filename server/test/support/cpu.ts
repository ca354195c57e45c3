/** What work costs this thread in time of the processor: other processes, and standing still, do not count. */

const used = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** Milliseconds. */
export function cpuOf(work: () => unknown): number {
  const began = used();
  work();
  return used() - began;
}

/** The work, and the most that was done between two turns of the event loop, in milliseconds. */
export async function heldBy<R>(work: () => Promise<R>): Promise<{ value: R; longest: number; all: number }> {
  const began = used();
  let longest = 0;
  let last = began;
  const look = () => {
    const now = used();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const watch = setInterval(look, 1);
  try {
    const value = await work();
    look();
    return { value, longest, all: last - began };
  } finally {
    clearInterval(watch);
  }
}
