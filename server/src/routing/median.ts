/** The middle of the values that came last, within a tenth of it, without keeping them. */

/** Each cell is a fifth wider than the one before: 96 of them reach from 1 to 40 million. */
const STEP = Math.log(1.2);
const CELLS = 96;
/** Each value weighs a little more than the one before, so that half of the weight lies in the last 64. */
const GROWTH = 2 ** (1 / 64);
const HEAVIEST = 2 ** 20;

export class Median {
  readonly #cells = new Float32Array(CELLS);
  #weight = 1;
  #sum = 0;
  #value: number | null = null;
  #fresh = true;

  /** Values below 1 count as 1; what is no number counts not at all. */
  add(value: number): void {
    if (!Number.isFinite(value)) return;
    const cell = Math.min(CELLS - 1, Math.floor(Math.log(Math.max(1, value)) / STEP));
    this.#cells[cell] = (this.#cells[cell] ?? 0) + this.#weight;
    this.#sum += this.#weight;
    this.#weight *= GROWTH;
    this.#fresh = false;
    if (this.#weight < HEAVIEST) return;
    this.#sum = 0;
    for (let i = 0; i < CELLS; i++) {
      const scaled = (this.#cells[i] ?? 0) / this.#weight;
      this.#cells[i] = scaled;
      this.#sum += scaled;
    }
    this.#weight = 1;
  }

  /** Null before the first value. */
  value(): number | null {
    if (this.#fresh) return this.#value;
    this.#fresh = true;
    let below = 0;
    for (let i = 0; i < CELLS; i++) {
      const here = this.#cells[i] ?? 0;
      if (here > 0 && below + here >= this.#sum / 2) {
        const inside = (this.#sum / 2 - below) / here;
        this.#value = Math.exp((i + inside) * STEP);
        break;
      }
      below += here;
    }
    return this.#value;
  }

  clear(): void {
    this.#cells.fill(0);
    this.#weight = 1;
    this.#sum = 0;
    this.#value = null;
    this.#fresh = true;
  }
}
