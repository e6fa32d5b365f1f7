/** A set of byte ranges that melt together where they meet or overlap. */

/** Ranges in order, none touching the next. */
export class RangeUnion {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** How many separate ranges there are. */
  get count(): number {
    return this.#starts.length;
  }

  /** Start and end (exclusive) of each, in order. */
  *[Symbol.iterator](): Generator<readonly [number, number]> {
    for (const [i, start] of this.#starts.entries()) yield [start, this.#ends[i]!];
  }

  /** Adds the bytes from `start` to `end` (exclusive). */
  add(start: number, end: number): void {
    if (start >= end) return;
    // All ranges from `first` to `last` (exclusive) meet or overlap the new one.
    const first = countBelow(this.#ends, start);
    const last = countBelow(this.#starts, end + 1);
    const from = first < last ? Math.min(start, this.#starts[first]!) : start;
    const to = first < last ? Math.max(end, this.#ends[last - 1]!) : end;
    this.#starts.splice(first, last - first, from);
    this.#ends.splice(first, last - first, to);
  }

  /** Whether the byte at `offset` is in the set. */
  has(offset: number): boolean {
    const index = countBelow(this.#starts, offset + 1) - 1;
    return index >= 0 && offset < this.#ends[index]!;
  }
}

/** How many of the ascending `values` are below `limit`. */
function countBelow(values: readonly number[], limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
