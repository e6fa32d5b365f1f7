/**
 * Numbers of clusters, a bit for each: what a check must remember of a whole volume, bounded by its size.
 *
 * @module
 */

/** A set of numbers from 0 to below its length. */
export class BitSet {
  readonly #bytes: Uint8Array;

  constructor(length: number) {
    this.#bytes = new Uint8Array(Math.ceil(length / 8));
  }

  has(index: number): boolean {
    return (this.#bytes[index >>> 3]! >> (index & 7) & 1) === 1;
  }

  /** @returns Whether it was not there before. */
  add(index: number): boolean {
    const bit = 1 << (index & 7);
    const byte = this.#bytes[index >>> 3]!;
    this.#bytes[index >>> 3] = byte | bit;
    return (byte & bit) === 0;
  }
}
