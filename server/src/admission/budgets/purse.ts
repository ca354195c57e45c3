/**
 * One period of a budget as one process uses it: holds come out of its slice, in memory; the slice is renewed beside the
 * requests, and what is not needed goes back. Nothing here can spend what the database has not given it.
 */

import type { PurseName, Taken } from '../../ledger/slices.ts';
import { sliceSize } from '../../money/slices.ts';

export interface PurseDeps {
  take(name: PurseName, size: (leftPico: number) => number): Promise<Taken>;
  giveBack(slice: number, pico: number): Promise<void>;
  /** The slice is made what its holds and `keepPico` come to; false when it is no more. */
  recount(slice: number, keepPico: number): Promise<boolean>;
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
/** How long new requests wait, at most, so that a slice can be counted. */
const STILL_MS = 500;

export class Purse {
  readonly name: PurseName;
  readonly #deps: PurseDeps;
  #slice = 0;
  #purse = 0;
  /** Of the slice, what nobody holds; and what is held by requests that the database does not know of yet. */
  #free = 0;
  #unwritten = 0;
  /** Held by requests of which it is not known whether the database knows them. */
  #lost = 0;
  /** Of all, as of the last answer. */
  #left = Number.POSITIVE_INFINITY;
  #spent = 0;
  #hard: number | null;
  #freshUntil = 0;
  #asking: Promise<void> | null = null;
  #counting: Promise<void> | null = null;
  #still: () => void = () => {};
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
    const held = this.#free + this.#unwritten + this.#lost;
    return held === 0 && this.#asking === null && !this.#busy && !this.#doubt;
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
    if (this.#unwritten === 0) this.#still();
  }

  /** The database never had it. */
  undo(hold: Hold): void {
    if (hold.slice === this.#slice) this.#free += hold.pico;
    this.written(hold);
  }

  /** Whether the database has it is not known. */
  lost(hold: Hold): void {
    this.#lost += hold.pico;
    this.written(hold);
    setTimeout(() => {
      this.#lost -= hold.pico;
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
    await this.#counting?.catch(() => {});
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
      if (this.#doubt && this.#lost === 0) {
        this.#counting = this.#count();
        await this.#counting.finally(() => {
          this.#counting = null;
        });
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

  /** Meanwhile nothing is taken, and nothing comes out of the slice: new requests wait, and ask. */
  async #count(): Promise<void> {
    const slice = this.#slice;
    let parked = 0;
    const park = () => {
      parked += this.#free;
      this.#free = 0;
      this.#freshUntil = 0;
    };
    park();
    try {
      await this.#stillness();
      // Some may have come back.
      park();
      if (this.#unwritten > 0 || this.#lost > 0) return;
      // Of a slice that is no more, the doubt stays: what was taken and not heard of lies in another one.
      if (await this.#deps.recount(slice, parked)) this.#doubt = false;
      else this.gone(slice);
    } finally {
      if (slice === this.#slice) this.#free += parked;
    }
  }

  /** All that is held is written, or it takes too long. */
  async #stillness(): Promise<void> {
    if (this.#unwritten === 0) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, STILL_MS);
      this.#still = () => {
        clearTimeout(late);
        resolve();
      };
    });
    this.#still = () => {};
  }
}
