/**
 * Which blocks of a disk have a place in its file.
 *
 * @module
 */

/** Some of the blocks of a disk, which are numbered from 0 on. */
export interface BlockSet {
  /** How many they are. */
  readonly count: number;
  has(block: number): boolean;
}

/** A new disk that holds nothing. */
export const NO_BLOCKS: BlockSet = { count: 0, has: () => false };

/** Each of the `count` blocks of a disk. */
export function allBlocks(count: number): BlockSet {
  return { count, has: (block) => block < count };
}

/** A bit for each block: 8 MiB for the largest disk with the smallest blocks. */
export class BlockBitmap implements BlockSet {
  readonly #bits: Uint8Array;
  #count = 0;

  /** @param total How many blocks the disk has. */
  constructor(total: number) {
    this.#bits = new Uint8Array(Math.ceil(total / 8));
  }

  get count(): number {
    return this.#count;
  }

  has(block: number): boolean {
    return (this.#bits[block >>> 3]! & 1 << (block & 7)) !== 0;
  }

  /** Adds a block that is not there yet. */
  add(block: number): void {
    this.#bits[block >>> 3]! |= 1 << (block & 7);
    this.#count++;
  }
}
