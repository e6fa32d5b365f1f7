/**
 * The block allocation table: for each block of the disk, the sector of the file at which its bitmap
 * begins (VHD 1.0, "Block Allocation Table and Data Blocks"). It is read as it is used.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import { damaged, type ImageError } from "../image_error.ts";
import { PageCache } from "../page_cache.ts";
import { overlapping, type Region } from "./regions.ts";
import { SECTOR_SIZE } from "./sector.ts";

/** Bytes. Entries are big-endian. */
export const TABLE_ENTRY_SIZE = 4;

/** The entry of a block that is not in the file. */
export const UNALLOCATED = 0xffff_ffff;

const STRUCTURE = "block allocation table";
const CODE = "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT";
const BIG_ENDIAN = false;

/** The table of an image. */
export class BlockAllocationTable {
  readonly #source: ByteSource;
  readonly #offset: number;
  readonly #blockFootprint: number;
  readonly #metadata: readonly Region[];
  readonly #entries: PageCache;

  /**
   * @param offset Where the table is.
   * @param blockFootprint Bytes that a block takes in the file: its bitmap and its data.
   * @param metadata Where no block may be, the table itself included.
   */
  constructor(
    source: ByteSource,
    offset: number,
    blockFootprint: number,
    metadata: readonly Region[],
  ) {
    this.#source = source;
    this.#offset = offset;
    this.#blockFootprint = blockFootprint;
    this.#metadata = metadata;
    this.#entries = new PageCache(source, STRUCTURE, CODE);
  }

  /** Whether block `index` is in the file. */
  isAllocated(index: number): boolean {
    return this.#entry(index) !== UNALLOCATED;
  }

  /**
   * Where the bitmap of block `index` begins, in bytes; `undefined` where the block is not in the file.
   *
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where it cannot be there.
   */
  blockOffset(index: number): number | undefined {
    const entry = this.#entry(index);
    if (entry === UNALLOCATED) return undefined;
    const offset = entry * SECTOR_SIZE;
    const other = overlapping(this.#metadata, offset, this.#blockFootprint);
    if (other !== undefined) {
      throw this.#fault(index, entry, `a sector clear of the ${other.name}`);
    }
    if (offset + this.#blockFootprint > this.#source.size) {
      throw this.#fault(index, entry, `a block within the ${this.#source.size} bytes of the file`);
    }
    return offset;
  }

  #entry(index: number): number {
    return this.#entries.uint32(this.#offset + index * TABLE_ENTRY_SIZE, BIG_ENDIAN);
  }

  #fault(index: number, entry: number, expected: string): ImageError {
    const offset = this.#offset + index * TABLE_ENTRY_SIZE;
    return damaged(this.#source, CODE, STRUCTURE, offset, entry, expected);
  }
}
