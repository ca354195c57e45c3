/**
 * A collection for things that come and go with every request. A `Set` or `Map` that lives long and is added to and
 * deleted from all the time keeps the young garbage collector from freeing what passed through it: its outgrown tables
 * stay linked in the old space until a full collection. Measured on the OpenAI door: collections of 60 ms instead of
 * 2 ms, and twice the CPU time of a request. Here a place that was left is empty at once.
 */
export class Bag<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Answers the place, by which it is taken out again. */
  add(item: T): number {
    const place = this.#free.pop() ?? this.#items.length;
    this.#items[place] = item;
    return place;
  }

  /** Each place is removed once; it may be given to another item at once. */
  remove(place: number): void {
    this.#items[place] = undefined;
    this.#free.push(place);
  }

  at(place: number): T | undefined {
    return this.#items[place];
  }

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** What is added while this runs may or may not be seen; what is removed is not. */
  *[Symbol.iterator](): Generator<T> {
    for (let place = 0; place < this.#items.length; place++) {
      const item = this.#items[place];
      if (item !== undefined) yield item;
    }
  }
}
