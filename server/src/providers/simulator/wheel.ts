/**
 * One timer for everything that is due later. Thousands of slow streams then cost one timer and a short scan,
 * not a timer for each token.
 */
export interface Due {
  /** Milliseconds of `performance.now()`. */
  at: number;
  run(): void;
}

export interface Wheel {
  add(due: Due): void;
  remove(due: Due): void;
  close(): void;
}

export function createWheel(): Wheel {
  const waiting = new Set<Due>();
  let timer: NodeJS.Timeout | null = null;
  let armedFor = Number.POSITIVE_INFINITY;

  function arm(at: number): void {
    if (timer !== null) clearTimeout(timer);
    armedFor = at;
    timer = setTimeout(turn, Math.max(1, at - performance.now()));
  }

  function turn(): void {
    timer = null;
    armedFor = Number.POSITIVE_INFINITY;
    // Half a millisecond early is nearer than a whole one late: timers tick in milliseconds.
    const now = performance.now() + 0.5;
    const ready: Due[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const due of waiting) {
      if (due.at <= now) ready.push(due);
      else if (due.at < next) next = due.at;
    }
    for (const due of ready) waiting.delete(due);
    if (next < Number.POSITIVE_INFINITY) arm(next);
    for (const due of ready) due.run();
  }

  return {
    add(due) {
      waiting.add(due);
      if (due.at < armedFor) arm(due.at);
    },
    remove(due) {
      waiting.delete(due);
      if (waiting.size === 0 && timer !== null) {
        clearTimeout(timer);
        timer = null;
        armedFor = Number.POSITIVE_INFINITY;
      }
    },
    close() {
      waiting.clear();
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
