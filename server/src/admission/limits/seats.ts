/** How many at once: seats that this process holds of those of all. A seat is free as soon as its request has ended. */
import { AHEAD_PART, type Counter, type CounterDeps, inTime, type Refusal } from './window.ts';

/** Said anew this often: a process that is silent loses its seats (`SEAT_MS`). */
const RENEW_MS = 4000;
const FRESH_MS = 100;
/** When somebody's request will end is not known. */
const RETRY_MS = 1000;

export class Seats implements Counter {
  readonly id: string;
  limit: number;
  readonly #deps: CounterDeps;
  #used = 0;
  /** The most of this second and the one before, and of this one alone. */
  #peak = 0;
  #most = 0;
  /** Those that the others know of. */
  #held = 0;
  #left = 0;
  #freshUntil = 0;
  #renewAt = 0;
  #waiting = 0;
  #asking: Promise<void> | null = null;

  constructor(id: string, limit: number, deps: CounterDeps) {
    this.id = id;
    this.limit = limit;
    this.#deps = deps;
  }

  get idle(): boolean {
    return this.#used === 0 && this.#held === 0 && this.#asking === null;
  }

  ready(): boolean {
    return this.#used < (this.#deps.shared() ? this.#held : this.#deps.share(this.limit, true));
  }

  use(): void {
    this.#used++;
    this.#most = Math.max(this.#most, this.#used);
    this.#peak = Math.max(this.#peak, this.#used);
  }

  release(): void {
    this.#used--;
    if (this.#deps.shared() && this.#held - this.#used > this.#spare()) void this.ask(0);
  }

  refusal(): Refusal | null {
    if (!this.#deps.shared()) return { retryMs: RETRY_MS };
    const full = this.#used >= this.#held + Math.max(0, this.#left);
    return full && this.#deps.now() < this.#freshUntil ? { retryMs: RETRY_MS } : null;
  }

  ask(seats: number): Promise<void> {
    this.#waiting += seats;
    this.#asking ??= this.#round().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #round(): Promise<void> {
    const { rates, now } = this.#deps;
    await new Promise((resolve) => setImmediate(resolve));
    if (rates === null) return;
    const used = this.#used;
    const need = used + Math.min(1, this.#waiting);
    const want = used + this.#waiting + this.#spare();
    this.#waiting = 0;
    const ask = { id: this.id, limit: this.limit, used, need, want: Math.max(need, want) };
    // Those that go back are not given to anybody meanwhile.
    this.#held = Math.min(this.#held, ask.want);
    const grant = await inTime(Promise.resolve(rates.seats(ask))).catch(() => null);
    if (grant === null) {
      // What the others know of us now is not known: it is said anew at the next beat.
      this.#renewAt = 0;
      this.#deps.slow();
      return;
    }
    this.#held = grant.seats;
    this.#left = grant.left;
    this.#freshUntil = now() + FRESH_MS;
    this.#renewAt = now() + RENEW_MS;
  }

  /** Kept free for the next ones: as many as were used of late, where there are many. */
  #spare(): number {
    const part = this.#left / (AHEAD_PART * this.#deps.processes());
    return Math.max(0, Math.floor(Math.min(Math.max(1, this.#peak - this.#used), part)));
  }

  /** Once a second. */
  beat(): void {
    this.#peak = Math.max(this.#most, this.#used);
    this.#most = this.#used;
    if (!this.#deps.shared() || this.#asking !== null) return;
    const surplus = this.#held - this.#used > this.#spare();
    if (surplus || (this.#held > 0 && this.#deps.now() >= this.#renewAt)) void this.ask(0);
  }

  /** The counts of all are there again, or have forgotten us. */
  say(): void {
    this.#renewAt = 0;
    this.#freshUntil = 0;
    // None is known to be ours before it is said anew.
    this.#held = 0;
    if (this.#used > 0) void this.ask(0);
  }

  view(): { left: number; resetMs: number } {
    const most = this.#deps.shared() ? this.#left + this.#held : this.#deps.share(this.limit, true);
    return { left: Math.max(0, Math.min(this.limit, most) - this.#used), resetMs: 0 };
  }
}
