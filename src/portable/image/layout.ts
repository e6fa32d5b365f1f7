import { isAllZero } from "../../bytes/zeros.ts";
import type { WritableSource } from "../file/byte_source.ts";

/**
 * What a format says of a new image: which structures stand where around its blocks. Files and streams
 * are made from it, in whatever order they need.
 *
 * @module
 */
/** A structure of the file: a header, a table, a footer. What lies between them reads as zeros. */
export interface ImagePart {
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /**
   * When it may be written, from 0 on: what belongs to a stage leads to what was made durable in those
   * before it. A file without the last stage is no image.
   */
  readonly stage: number;
  /** Its bytes in pieces: a table may have gigabytes. */
  bytes(): Iterable<Uint8Array<ArrayBuffer>>;
}

/**
 * A new image. Its blocks lie one behind the other in the order of the disk, so that the place of a
 * block follows from the number of those before it.
 */
export interface ImageLayout {
  /** Bytes. */
  readonly virtualSize: number;
  /** Bytes of the disk that have their place together; the whole disk where the format has no blocks. */
  readonly blockSize: number;
  /** Whether every block has its place, even one that holds zeros. */
  readonly isFull: boolean;
  /** Where the first block begins in the file. */
  readonly blocksOffset: number;
  /** Bytes from one block to the next in the file. */
  readonly blockStride: number;
  /** What stands before the data of each block. */
  readonly blockPrefix: Uint8Array<ArrayBuffer>;
  /** How many stages the parts have. */
  readonly stages: number;
  /** The length of the file with so many blocks. */
  byteLength(blocks: number): number;
  /** The parts of a file that has these blocks, in the order of the file. */
  parts(blocks: BlockSet): readonly ImagePart[];
}

/** How many blocks the disk has. */
export function layoutBlockCount({ virtualSize, blockSize }: ImageLayout): number {
  return Math.ceil(virtualSize / blockSize);
}

/** A part that is small enough to be at hand. */
export function smallPart(
  offset: number,
  stage: number,
  bytes: Uint8Array<ArrayBuffer>,
): ImagePart {
  return { offset, length: bytes.length, stage, bytes: () => [bytes] };
}

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

/**
 * Gives the file its length and its structures. Each stage is durable before the next is begun: a crash
 * leaves a whole image or none.
 *
 * @throws {ImageError} What the file system says.
 */
export function writeParts(file: WritableSource, layout: ImageLayout, blocks: BlockSet): void {
  const parts = layout.parts(blocks);
  // What is never written reads as zeros, and takes no space where the file system can do so.
  file.truncate(layout.byteLength(blocks.count));
  for (let stage = 0; stage < layout.stages; stage++) {
    for (const part of parts) {
      if (part.stage !== stage) continue;
      let offset = part.offset;
      for (const bytes of part.bytes()) {
        if (!isAllZero(bytes)) file.writeAt(bytes, offset);
        offset += bytes.length;
      }
    }
    file.flush();
  }
}
