/**
 * What the table of an image says of the blocks that were read lately: each entry is checked once, not at every
 * read of the block.
 *
 * @module
 */

/** A power of two: so many blocks at most. */
const SLOTS = 2048;

/** A block displaces another whose number has the same last bits. */
export class BlockMemo<T> {
  /** The numbers of the blocks, by their last bits. */
  #blocks: Int32Array | undefined;
  readonly #answers: T[] = [];

  /** What was found out of a block; `undefined` if it is to be found out anew. */
  get(block: number): T | undefined {
    const slot = block & (SLOTS - 1);
    return this.#blocks !== undefined && this.#blocks[slot] === block
      ? this.#answers[slot]
      : undefined;
  }

  /** Keeps what was found out of a block, and gives it back. */
  keep(block: number, answer: T): T {
    // Opening an image should not pay for it.
    this.#blocks ??= new Int32Array(SLOTS).fill(-1);
    const slot = block & (SLOTS - 1);
    this.#blocks[slot] = block;
    this.#answers[slot] = answer;
    return answer;
  }

  /** Forgets all blocks, after the table has changed. */
  clear(): void {
    this.#blocks = undefined;
  }
}
