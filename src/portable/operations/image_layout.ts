/**
 * What a format says of a new image: which structures stand where around its blocks. Files and streams
 * are made from it, in whatever order they need.
 *
 * @module
 */
import type { BlockSet } from "./block_set.ts";

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
