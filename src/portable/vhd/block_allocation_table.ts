/**
 * The block allocation table: for each block of the disk, the sector of the file at which its bitmap
 * begins (VHD 1.0, "Block Allocation Table and Data Blocks"). It is read as it is used.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import { damaged, type ImageError } from "../image_error.ts";
import { BlockPlaces, type PlaceCollector } from "../block_places.ts";
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

/** Where the blocks of an image are. */
export interface BlockTable {
  /** Whether block `index` is in the file. */
  isAllocated(index: number): boolean;
  /** Where the bitmap of block `index` begins, in bytes; `undefined` where it is not in the file. */
  blockOffset(index: number): number | undefined;
  /** As {@linkcode blockOffset}, for a reader: no other block is there. */
  offsetToRead(index: number): number | undefined;
}

/** The table as the file has it. */
export class BlockAllocationTable implements BlockTable {
  readonly #source: ByteSource;
  /** Where it is in the file. */
  readonly offset: number;
  readonly #blockFootprint: number;
  readonly #metadata: readonly Region[];
  readonly #entries: PageCache;
  readonly #places: BlockPlaces;

  /**
   * @param offset Where the table is.
   * @param blockFootprint Bytes that a block takes in the file: its bitmap and its data.
   * @param metadata Where no block may be, the table itself included.
   * @param blockCount How many entries {@linkcode offsetToRead} compares with each other. Default: none.
   */
  constructor(
    source: ByteSource,
    offset: number,
    blockFootprint: number,
    metadata: readonly Region[],
    blockCount = 0,
  ) {
    this.#source = source;
    this.offset = offset;
    this.#blockFootprint = blockFootprint;
    this.#metadata = metadata;
    this.#entries = new PageCache(source, STRUCTURE, CODE);
    this.#places = new BlockPlaces(
      blockCount,
      (first, end, places) => this.#collectPlaces(first, end, places),
    );
  }

  isAllocated(index: number): boolean {
    return this.#entry(index) !== UNALLOCATED;
  }

  /** @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where it cannot be there. */
  blockOffset(index: number): number | undefined {
    const entry = this.#entry(index);
    return entry === UNALLOCATED ? undefined : this.checkedOffset(index, entry);
  }

  /**
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where it cannot be there, or another block
   * is there too.
   */
  offsetToRead(index: number): number | undefined {
    const offset = this.blockOffset(index);
    if (offset === undefined || !this.#places.isShared(index, offset)) return offset;
    const expected = `${this.#blockFootprint} bytes that no other block uses`;
    throw this.fault(index, offset / SECTOR_SIZE, expected);
  }

  /**
   * Where the block begins whose entry is given, in bytes.
   *
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where it cannot be there.
   */
  checkedOffset(index: number, entry: number): number {
    const offset = entry * SECTOR_SIZE;
    const other = overlapping(this.#metadata, offset, this.#blockFootprint);
    if (other !== undefined) {
      throw this.fault(index, entry, `a sector clear of the ${other.name}`);
    }
    if (offset + this.#blockFootprint > this.#source.size) {
      throw this.fault(index, entry, `a block within the ${this.#source.size} bytes of the file`);
    }
    return offset;
  }

  /** What is wrong with an entry. */
  fault(index: number, entry: number, expected: string): ImageError {
    return damaged(this.#source, CODE, STRUCTURE, this.#entryOffset(index), entry, expected);
  }

  /** Reads entries anew, after the file's have been written. */
  forget(): void {
    this.#entries.clear();
  }

  #collectPlaces(first: number, end: number, places: PlaceCollector): void {
    const footprint = this.#blockFootprint;
    const last = this.#source.size - footprint;
    // Mostly all blocks lie behind what else there is.
    const endOfMetadata = this.#metadata
      .reduce((most, { offset, length }) => Math.max(most, offset + length), 0);
    for (let index = first; index < end; index++) {
      const entry = this.#entry(index);
      const offset = entry * SECTOR_SIZE;
      if (entry === UNALLOCATED || offset > last) continue;
      if (offset < endOfMetadata && overlapping(this.#metadata, offset, footprint)) continue;
      places.add(offset, footprint);
    }
  }

  #entry(index: number): number {
    return this.#entries.uint32(this.#entryOffset(index), BIG_ENDIAN);
  }

  #entryOffset(index: number): number {
    return this.offset + index * TABLE_ENTRY_SIZE;
  }
}
