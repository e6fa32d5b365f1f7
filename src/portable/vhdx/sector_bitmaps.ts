/**
 * The sector bitmaps ([MS-VHDX] 2.5.2): which sectors of partially present blocks are in this file. A
 * bitmap block covers a chunk; the least significant bit of a byte comes first.
 *
 * @module
 */
import { bitRunIn } from "../image/bit_run.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { PageCache } from "../file/page_cache.ts";
import type { BatGeometry, BlockAllocationTable } from "./block_table.ts";

/** Sectors of one chunk, numbered from the start of its bitmap. */
export interface BitRange {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** Reads bitmaps on demand. */
export class SectorBitmaps {
  readonly #table: BlockAllocationTable;
  readonly #geometry: BatGeometry;
  readonly #bytes: PageCache;

  constructor(source: ByteSource, table: BlockAllocationTable, geometry: BatGeometry) {
    this.#table = table;
    this.#geometry = geometry;
    this.#bytes = new PageCache(source, "sector bitmap block", "ERROR_FILE_CORRUPT");
  }

  /** The bits of `length` bytes of a block, from its byte `inBlock` on; sectors are taken whole. */
  bits(block: number, inBlock: number, length: number): BitRange {
    const { blockSize, logicalSectorSize } = this.#geometry;
    const firstOfBlock = (block % this.#table.chunkRatio) * (blockSize / logicalSectorSize);
    return {
      first: firstOfBlock + Math.floor(inBlock / logicalSectorSize),
      end: firstOfBlock + Math.ceil((inBlock + length) / logicalSectorSize),
    };
  }

  /**
   * How far the sectors from `inBlock` on are all in this file, or all not: at most `length` bytes.
   *
   * @param bitmap Where the bitmap of the block's chunk is.
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where the block has no bitmap.
   */
  run(
    block: number,
    inBlock: number,
    length: number,
    bitmap: number = this.#table.bitmap(block),
  ): { present: boolean; length: number } {
    const { blockSize, logicalSectorSize } = this.#geometry;
    const { first, end } = this.bits(block, inBlock, length);
    const run = bitRunIn(this.#bytes, bitmap, first, end, "lsb-first");
    const runEnd = (first + run.length) * logicalSectorSize -
      (block % this.#table.chunkRatio) * blockSize;
    return { present: run.value, length: Math.min(length, runEnd - inBlock) };
  }

  /** Forgets what was read of a range of the file, after it has been written. */
  forget(offset: number, length: number): void {
    this.#bytes.forget(offset, length);
  }
}
