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
  /** The first, for which no tables are made: who opens an image to ask about it reads one block. */
  #first: { readonly block: number; readonly answer: T } | undefined;
  /** The numbers of the blocks, by their last bits. */
  #blocks: Int32Array | undefined;
  #answers: T[] = [];

  /** What was found out of a block; `undefined` if it is to be found out anew. */
  get(block: number): T | undefined {
    if (this.#blocks === undefined) {
      return this.#first?.block === block ? this.#first.answer : undefined;
    }
    const slot = block & (SLOTS - 1);
    return this.#blocks[slot] === block ? this.#answers[slot] : undefined;
  }

  /** Keeps what was found out of a block, and gives it back. */
  keep(block: number, answer: T): T {
    if (this.#blocks === undefined) {
      const first = this.#first;
      this.#first = { block, answer };
      if (first === undefined) return answer;
      this.#blocks = new Int32Array(SLOTS).fill(-1);
      // All of them at once: one that begins with a high number would be a hash table.
      this.#answers = new Array(SLOTS);
      this.keep(first.block, first.answer);
    }
    const slot = block & (SLOTS - 1);
    this.#blocks[slot] = block;
    this.#answers[slot] = answer;
    return answer;
  }

  /** Forgets all blocks, after the table has changed. */
  clear(): void {
    this.#blocks = undefined;
    this.#first = undefined;
  }
}
