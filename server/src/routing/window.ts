/** Counts of the last minute, in a ring of slots: one observation costs O(1), and so does reading. */

export const SLOTS = 12;

/** Two counts of one slot. What they count is said by who keeps the window: calls and faults, or calls and tokens. */
export type SlotRow = readonly [slot: number, first: number, second: number];

export interface Counts {
  first: number;
  second: number;
}

/**
 * Slots are numbered by the time since the epoch, so that those of several processes can be added. What another process
 * says of itself replaces what it said before.
 */
export class Window {
  readonly #slotMs: number;
  readonly #own = [new Float64Array(SLOTS), new Float64Array(SLOTS)] as const;
  readonly #sum = [0, 0] as [number, number];
  readonly #total: Counts = { first: 0, second: 0 };
  #others: Map<string, readonly SlotRow[]> | null = null;
  /** Of `others`; made anew in each slot, and when one of them speaks. */
  #heard: Counts | null = null;
  #slot = -1;
  /** Slots before this one are forgotten, whoever counted them. */
  #from = 0;

  /** `widthMs` is the length of the whole window. */
  constructor(widthMs: number) {
    this.#slotMs = widthMs / SLOTS;
  }

  add(now: number, first: number, second: number): void {
    this.#advance(now);
    const cell = this.#slot % SLOTS;
    const [a, b] = this.#own;
    a[cell] = (a[cell] ?? 0) + first;
    b[cell] = (b[cell] ?? 0) + second;
    this.#sum[0] += first;
    this.#sum[1] += second;
  }

  /** The object is used again by the next call. */
  total(now: number): Readonly<Counts> {
    this.#advance(now);
    const total = this.#total;
    total.first = this.#sum[0];
    total.second = this.#sum[1];
    if (this.#others !== null) {
      this.#heard ??= this.#hear(this.#others);
      total.first += this.#heard.first;
      total.second += this.#heard.second;
    }
    return total;
  }

  /** What was counted until now says nothing any more. */
  forget(now: number): void {
    this.#advance(now);
    this.#clear();
    this.#from = this.#slot + 1;
    this.#heard = null;
  }

  /** What this process itself counted, for the others. */
  rows(now: number): SlotRow[] {
    this.#advance(now);
    const rows: SlotRow[] = [];
    for (let slot = Math.max(0, this.#slot - SLOTS + 1); slot <= this.#slot; slot++) {
      const first = this.#own[0][slot % SLOTS] ?? 0;
      const second = this.#own[1][slot % SLOTS] ?? 0;
      if (first > 0 || second > 0) rows.push([slot, first, second]);
    }
    return rows;
  }

  /** Empty `rows`: that process has nothing to say any more. */
  hear(process: string, rows: readonly SlotRow[]): void {
    this.#others ??= new Map();
    if (rows.length === 0) this.#others.delete(process);
    else this.#others.set(process, rows);
    if (this.#others.size === 0) this.#others = null;
    this.#heard = null;
  }

  /** Until when something of this window counts, at most: milliseconds from `now`. */
  nextSlotMs(now: number): number {
    return this.#slotMs - (now % this.#slotMs);
  }

  #hear(others: ReadonlyMap<string, readonly SlotRow[]>): Counts {
    const heard: Counts = { first: 0, second: 0 };
    for (const rows of others.values()) {
      for (const [slot, first, second] of rows) {
        if (slot <= this.#slot - SLOTS || slot > this.#slot || slot < this.#from) continue;
        heard.first += first;
        heard.second += second;
      }
    }
    return heard;
  }

  #clear(): void {
    for (const column of this.#own) column.fill(0);
    this.#sum[0] = 0;
    this.#sum[1] = 0;
  }

  #advance(now: number): void {
    const slot = Math.floor(now / this.#slotMs);
    if (slot === this.#slot) return;
    this.#heard = null;
    // A clock that was put back a little counts on in the newest slot; one that was put back far begins anew.
    if (slot < this.#slot) {
      if (this.#slot - slot < SLOTS) return;
      this.#clear();
      this.#from = 0;
      this.#slot = slot;
      return;
    }
    if (slot - this.#slot >= SLOTS) {
      this.#clear();
    } else {
      for (let old = this.#slot + 1; old <= slot; old++) {
        const cell = old % SLOTS;
        this.#sum[0] -= this.#own[0][cell] ?? 0;
        this.#sum[1] -= this.#own[1][cell] ?? 0;
        this.#own[0][cell] = 0;
        this.#own[1][cell] = 0;
      }
    }
    this.#slot = slot;
  }
}
