/**
 * Ranges of a file, or of a region, that something lies in: no two of them may overlap.
 *
 * @module
 */

/** A range and what lies there. */
export interface OccupiedRange {
  /** For error messages. */
  readonly name: string;
  /** Bytes. */
  readonly offset: number;
  /** Bytes, more than 0. */
  readonly length: number;
}

/** A set of ranges without overlap, kept in order. */
export class OccupiedRanges {
  readonly #ranges: OccupiedRange[] = [];

  /** A range that shares bytes with the given one, if there is any. */
  overlapping(offset: number, length: number): OccupiedRange | undefined {
    // The ranges are disjoint and in order: only the last that begins before the end can overlap.
    const candidate = this.#ranges[this.#countBefore(offset + length) - 1];
    return candidate !== undefined && candidate.offset + candidate.length > offset
      ? candidate
      : undefined;
  }

  /** Adds a range that overlaps none of the present ones. */
  add(range: OccupiedRange): void {
    this.#ranges.splice(this.#countBefore(range.offset), 0, range);
  }

  /** All of them, in order. */
  [Symbol.iterator](): Iterator<OccupiedRange> {
    return this.#ranges.values();
  }

  /** How many ranges begin before `offset`. */
  #countBefore(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
