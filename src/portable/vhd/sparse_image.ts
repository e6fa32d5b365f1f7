/**
 * Dynamic and differencing VHD: the blocks that have been written, found through the block allocation
 * table, and in each block a bitmap of the sectors that have been written (VHD 1.0, "Dynamic Hard Disk
 * Image" and "Differencing Hard Disk Image").
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { DiskImage, ImageExtent, ParentLink } from "../image.ts";
import type { BlockTable } from "./block_allocation_table.ts";
import { bitmapSize, blockCount, DATA_ALIGNMENT } from "./block_layout.ts";
import type { DiskIdentity } from "./footer.ts";
import { SECTOR_SIZE } from "./sector.ts";
import type { SectorBitmaps } from "./sector_bitmaps.ts";

/** How many absent blocks in a row become one extent: 2 GiB of 512 KiB blocks. */
const MAX_RUN_BLOCKS = 4096;

/** How a disk is cut into blocks, and where they are. */
export interface DiskBlocks {
  /** Bytes of data in a block. */
  readonly blockSize: number;
  readonly table: BlockTable;
  readonly bitmaps: SectorBitmaps;
  /** Of a differencing image. */
  readonly parent: ParentLink | undefined;
}

/** An open dynamic or differencing image. */
export class SparseVhdImage implements DiskImage {
  readonly format = "vhd";
  readonly subtype: "dynamic" | "differencing";
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly logicalSectorSize = SECTOR_SIZE;
  readonly physicalSectorSize = SECTOR_SIZE;
  readonly #footer: DiskIdentity;
  readonly #table: BlockTable;
  readonly #bitmaps: SectorBitmaps;
  #parent: ParentLink | undefined;

  /** @param footer Checked. */
  constructor(source: ByteSource, footer: DiskIdentity, blocks: DiskBlocks) {
    this.source = source;
    this.subtype = blocks.parent === undefined ? "dynamic" : "differencing";
    this.virtualSize = footer.currentSize;
    this.blockSize = blocks.blockSize;
    this.#parent = blocks.parent;
    this.#footer = footer;
    this.#table = blocks.table;
    this.#bitmaps = blocks.bitmaps;
  }

  get identifier(): string {
    return this.#footer.uniqueId;
  }

  get virtualDiskId(): string {
    return this.#footer.uniqueId;
  }

  get parent(): ParentLink | undefined {
    return this.#parent;
  }

  /** Another parent has been stored. */
  protected adoptParent(parent: ParentLink | undefined): void {
    this.#parent = parent;
  }

  /**
   * A run of sectors alike in one block, or of blocks that are not in the file.
   *
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT`
   */
  extent(offset: number, end: number): ImageExtent {
    const block = Math.floor(offset / this.blockSize);
    const blockOffset = this.#table.offsetToRead(block);
    return blockOffset === undefined
      ? this.#absentBlocks(block, offset, end)
      : this.#sectors(block, blockOffset, offset, end);
  }

  /**
   * Whether the data of every block in the file are aligned; reads the whole table.
   *
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT`
   */
  is4kAligned(): boolean {
    const bitmap = bitmapSize(this.blockSize);
    const count = blockCount(this.virtualSize, this.blockSize);
    for (let block = 0; block < count; block++) {
      const offset = this.#table.blockOffset(block);
      if (offset !== undefined && (offset + bitmap) % DATA_ALIGNMENT !== 0) return false;
    }
    return true;
  }

  #absentBlocks(first: number, offset: number, end: number): ImageExtent {
    const count = blockCount(end, this.blockSize);
    const last = Math.min(count, first + MAX_RUN_BLOCKS);
    let next = first + 1;
    while (next < last && !this.#table.isAllocated(next)) next++;
    return this.#elsewhere(offset, Math.min(end, next * this.blockSize));
  }

  #sectors(block: number, blockOffset: number, offset: number, end: number): ImageExtent {
    const blockStart = block * this.blockSize;
    const inBlock = offset - blockStart;
    const limit = Math.min(end - blockStart, this.blockSize);
    const firstSector = Math.floor(inBlock / SECTOR_SIZE);
    const run = this.#bitmaps.run(blockOffset, firstSector, Math.ceil(limit / SECTOR_SIZE));
    const runEnd = Math.min(end, blockStart + (firstSector + run.length) * SECTOR_SIZE);
    if (!run.value) return this.#elsewhere(offset, runEnd);
    const fileOffset = blockOffset + bitmapSize(this.blockSize) + inBlock;
    return { kind: "file", offset, length: runEnd - offset, fileOffset };
  }

  /** What is not in the file is the parent's, or zeros where there is no parent. */
  #elsewhere(offset: number, end: number): ImageExtent {
    const kind = this.parent === undefined ? "zero" : "parent";
    return { kind, offset, length: end - offset };
  }
}
