/**
 * One period of a budget as one process uses it: holds come out of its slice, in memory; the slice is renewed beside the
 * requests, and what is not needed goes back. Nothing here can spend what the database has not given it.
 */

import type { PurseName, Taken } from '../../ledger/slices.ts';
import { sliceSize } from '../../money/slices.ts';

export interface PurseDeps {
  take(name: PurseName, size: (leftPico: number) => number): Promise<Taken>;
  giveBack(slice: number, pico: number): Promise<void>;
  /** The slice is made what its holds and `keepPico` come to. */
  recount(slice: number, keepPico: number): Promise<void>;
  processes(): number;
  /** Milliseconds, never back. */
  now(): number;
}

/** What a request holds of one slice. */
export interface Hold {
  slice: number;
  pico: number;
}

/** How a purse stood when something was refused. */
export interface Standing {
  name: PurseName;
  leftPico: number;
  spentPico: number;
  hardPico: number | null;
}

/** A refusal is believed this long; something may have come back. */
const FRESH_MS = 100;
/** How long an acceptance whose answer was lost may still arrive. */
const LOST_MS = 60_000;
/** Beats without any use after which all of a slice goes back. */
const QUIET_BEATS = 2;
/** So many times what was used in a second may lie in a slice. */
const ENOUGH = 4;
const FORGET_MS = 120_000;

export class Purse {
  readonly name: PurseName;
  readonly #deps: PurseDeps;
  #slice = 0;
  #purse = 0;
  /** Of the slice, what nobody holds; and what is held by requests that the database does not know of yet. */
  #free = 0;
  #unwritten = 0;
  /** Of all, as of the last answer. */
  #left = Number.POSITIVE_INFINITY;
  #spent = 0;
  #hard: number | null;
  #freshUntil = 0;
  #asking: Promise<void> | null = null;
  #waiting = 0;
  #least = Number.POSITIVE_INFINITY;
  #pace = 0;
  #since = 0;
  #quiet = 0;
  #usedAt: number;
  /** The slice may hold more than is known here. */
  #doubt = false;
  #busy = false;

  constructor(name: PurseName, deps: PurseDeps) {
    this.name = name;
    this.#deps = deps;
    this.#hard = name.budget.hardPico;
    this.#usedAt = deps.now();
  }

  /** Its number in the database; 0 before it was asked for. */
  get purse(): number {
    return this.#purse;
  }

  /** Nothing of it is here. */
  get idle(): boolean {
    return this.empty && this.#deps.now() - this.#usedAt > FORGET_MS;
  }

  get empty(): boolean {
    return this.#free === 0 && this.#unwritten === 0 && this.#asking === null && !this.#busy && !this.#doubt;
  }

  ready(pico: number): boolean {
    return this.#slice !== 0 && this.#free >= pico;
  }

  /** Right after `ready`. */
  use(pico: number): Hold {
    this.#free -= pico;
    this.#unwritten += pico;
    this.#since += pico;
    this.#quiet = 0;
    this.#usedAt = this.#deps.now();
    const ahead = Math.max(this.#pace, this.#since);
    if (this.#free < ahead / 2 && this.#asking === null && this.#left > pico) void this.ask(0).catch(() => {});
    return { slice: this.#slice, pico };
  }

  /** The database has the hold. */
  written({ pico }: Hold): void {
    this.#unwritten -= pico;
  }

  /** The database never had it. */
  undo({ slice, pico }: Hold): void {
    this.#unwritten -= pico;
    if (slice === this.#slice) this.#free += pico;
  }

  /** Whether the database has it is not known. */
  lost({ pico }: Hold): void {
    setTimeout(() => {
      this.#unwritten -= pico;
      this.#doubt = true;
    }, LOST_MS).unref();
  }

  /** The slice is gone: others believed that this process was dead. */
  gone(slice: number): void {
    if (slice !== this.#slice) return;
    this.#slice = 0;
    this.#free = 0;
    this.#freshUntil = 0;
  }

  /** Null: it is worth asking. */
  refusal(pico: number): Standing | null {
    if (this.#deps.now() >= this.#freshUntil || pico <= this.#free + this.#left) return null;
    return {
      name: this.name,
      leftPico: this.#free + this.#left,
      spentPico: this.#spent,
      hardPico: this.#hard,
    };
  }

  /** Resolves when there is news; rejects when the database cannot be asked. */
  ask(pico: number): Promise<void> {
    this.#waiting += pico;
    if (pico > 0) this.#least = Math.min(this.#least, pico);
    this.#asking ??= this.#round().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #round(): Promise<void> {
    // Whoever else comes in this turn is asked for along the way.
    await new Promise((resolve) => setImmediate(resolve));
    const least = Number.isFinite(this.#least) ? this.#least : 0;
    const need = Math.max(0, least - this.#free);
    const waiting = Math.max(need, this.#waiting - this.#free);
    const ahead = Math.max(
      0,
      ENOUGH * Math.max(this.#pace, this.#since, least) - Math.max(0, this.#free - this.#waiting),
    );
    this.#waiting = 0;
    this.#least = Number.POSITIVE_INFINITY;
    const size = (left: number) => sliceSize({ left, need, waiting, ahead, processes: this.#deps.processes() });
    let taken: Taken;
    try {
      taken = await this.#deps.take(this.name, size);
    } catch (error) {
      this.#doubt = true;
      throw error;
    }
    // Another slice than before: the old one is gone, and all that was free of it.
    if (taken.slice !== this.#slice) this.#free = 0;
    this.#slice = taken.slice;
    this.#purse = taken.purse;
    this.#free += taken.grantedPico;
    this.#left = taken.leftPico;
    this.#spent = taken.spentPico;
    this.#hard = taken.hardPico;
    this.#freshUntil = this.#deps.now() + FRESH_MS;
  }

  /** Once a second. `all`: the process stops. */
  async beat(all = false): Promise<void> {
    this.#pace = (this.#pace + this.#since) / 2;
    this.#quiet = this.#since === 0 ? this.#quiet + 1 : 0;
    this.#since = 0;
    if (this.#busy || this.#asking !== null || (this.#slice === 0 && !this.#doubt)) return;
    this.#busy = true;
    try {
      // Which slice it was is asked for by taking nothing.
      if (this.#slice === 0) await this.ask(0);
      if (this.#doubt && this.#unwritten === 0) {
        await this.#deps.recount(this.#slice, this.#free);
        this.#doubt = false;
      }
      const keep = all || this.#quiet >= QUIET_BEATS ? 0 : Math.ceil(ENOUGH * this.#pace);
      const surplus = this.#free - keep;
      if (surplus > 0 && (keep === 0 || surplus > keep)) {
        this.#free -= surplus;
        await this.#deps.giveBack(this.#slice, surplus);
      }
    } catch {
      this.#doubt = true;
    } finally {
      this.#busy = false;
    }
  }
}
