/**
 * Dynamic and differencing VHD: the blocks that have been written, found through the block allocation
 * table, and in each block of a differencing image a bitmap of the sectors that are not the parent's (VHD 1.0,
 * "Dynamic Hard Disk Image" and "Differencing Hard Disk Image").
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { type ByteSource, partOf } from "../file/byte_source.ts";
import type {
  DiskImage,
  ImageExtent,
  ParentLink,
  ParentSpec,
  WritableImage,
} from "../image/image.ts";
import type { BlockTable } from "./block_table.ts";
import type { DiskIdentity } from "./footer.ts";
import { bitmapSize, blockCount, DATA_ALIGNMENT, SECTOR_SIZE } from "./layout.ts";
import { rebaseVhd } from "./rebase.ts";
import type { SectorBitmaps } from "./sector_bitmaps.ts";
import type { SparseVhdFile } from "./vhd_file.ts";

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
  /** Bytes of the bitmap in front of a block. */
  readonly #bitmapSize: number;
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
    this.#bitmapSize = bitmapSize(blocks.blockSize);
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
    const count = blockCount(this.virtualSize, this.blockSize);
    const bitmap = this.#bitmapSize;
    return this.#table.areAll(count, (offset) => (offset + bitmap) % DATA_ALIGNMENT === 0);
  }

  #absentBlocks(first: number, offset: number, end: number): ImageExtent {
    const count = blockCount(end, this.blockSize);
    const last = Math.min(count, first + MAX_RUN_BLOCKS);
    let next = first + 1;
    while (next < last) {
      const absentEnd = this.#table.absentUntil(next, last);
      if (absentEnd === next) break;
      next = absentEnd;
    }
    return this.#elsewhere(offset, Math.min(end, Math.min(next, last) * this.blockSize));
  }

  /**
   * Only a differencing image asks the bitmap. Without a parent the block says what its sectors hold, those without
   * a bit too, whose bytes are zeros in a sound image: so Windows 11 reads it (found out in
   * https://sourceforge.net/p/sevenzip/feature-requests/1687/), QEMU and libvhdi. VHD 1.0 says only that a bit of 0
   * is a sector that was never written. To read zeros there would lose data to a flipped bit.
   */
  #sectors(block: number, blockOffset: number, offset: number, end: number): ImageExtent {
    const blockStart = block * this.blockSize;
    const inBlock = offset - blockStart;
    const limit = Math.min(end - blockStart, this.blockSize);
    const fileOffset = blockOffset + this.#bitmapSize + inBlock;
    if (this.#parent === undefined) {
      return { kind: "file", offset, length: limit - inBlock, fileOffset };
    }
    const firstSector = Math.floor(inBlock / SECTOR_SIZE);
    const run = this.#bitmaps.run(blockOffset, firstSector, Math.ceil(limit / SECTOR_SIZE));
    const runEnd = Math.min(end, blockStart + (firstSector + run.length) * SECTOR_SIZE);
    if (!run.value) return this.#elsewhere(offset, runEnd);
    return { kind: "file", offset, length: runEnd - offset, fileOffset };
  }

  /** What is not in the file is the parent's, or zeros where there is no parent. */
  #elsewhere(offset: number, end: number): ImageExtent {
    const kind = this.parent === undefined ? "zero" : "parent";
    return { kind, offset, length: end - offset };
  }
}

// Writes dynamic and differencing VHDs. Bits and table entries wait for a flush of the caller's, so that many
// writes share the flushes of one; until then a crash leaves what was there before.

/** Memory for what waits: at most so many table entries, and 1 MiB of bitmaps. */
const MAX_PENDING_ENTRIES = 16384;
const MAX_PENDING_BITMAPS = 2048;

/** A dynamic or differencing image that can be written. */
export class WritableSparseVhdImage extends SparseVhdImage implements WritableImage {
  readonly #file: SparseVhdFile;

  constructor(file: SparseVhdFile) {
    const { source, footers, layout: { blockSize, parent }, table, bitmaps } = file;
    super(source, footers, { blockSize, parent, table, bitmaps });
    this.#file = file;
  }

  /** Zeros for a block that is not in the file leave it out, where no parent has it either. */
  write(bytes: Uint8Array, offset: number, takesSpace = false): void {
    for (let done = 0; done < bytes.length;) {
      const inBlock = (offset + done) % this.blockSize;
      const block = (offset + done - inBlock) / this.blockSize;
      const length = Math.min(bytes.length - done, this.blockSize - inBlock);
      this.#writeInBlock(block, inBlock, partOf(bytes, done, done + length), takesSpace);
      done += length;
    }
  }

  /** Only a dynamic image has a state for what is not there: its parent would show through. */
  trim(offset: number, length: number): void {
    if (this.parent !== undefined) return;
    const end = offset + length;
    const last = end === this.virtualSize
      ? blockCount(end, this.blockSize)
      : Math.floor(end / this.blockSize);
    for (let block = Math.ceil(offset / this.blockSize); block < last; block++) {
      const blockOffset = this.#file.table.blockOffset(block);
      if (blockOffset === undefined) continue;
      this.#file.table.remove(block);
      this.#file.allocator.release(blockOffset);
      this.#limitPending();
    }
  }

  /** What is not there are zeros for every reader. */
  zeroBlocks(offset: number, length: number): void {
    this.trim(offset, length);
  }

  flush(): void {
    this.#file.publish();
  }

  finish(): void {
    this.#file.close();
  }

  setUniqueId(identifier: string): void {
    this.#file.footers.setUniqueId(identifier);
  }

  rebase(parent: ParentSpec): void {
    this.finish();
    rebaseVhd(this.#file, parent);
    this.adoptParent(this.#file.layout.parent);
  }

  #writeInBlock(block: number, inBlock: number, bytes: Uint8Array, takesSpace: boolean): void {
    const present = this.#file.table.blockOffset(block);
    const mayBeLeftOut = present === undefined && this.parent === undefined && !takesSpace;
    if (mayBeLeftOut && isAllZero(bytes)) return;
    const blockOffset = present ?? this.#newBlock(bytes.length === this.blockSize);
    try {
      this.#file.source.writeAt(bytes, blockOffset + bitmapSize(this.blockSize) + inBlock);
    } catch (error) {
      if (present === undefined) this.#file.allocator.cancel(blockOffset);
      throw error;
    }
    if (present === undefined) this.#file.table.place(block, blockOffset);
    // A new block of a dynamic image has all bits already.
    if (present !== undefined || this.parent !== undefined) {
      const end = (inBlock + bytes.length) / SECTOR_SIZE;
      this.#file.bitmaps.set(blockOffset, inBlock / SECTOR_SIZE, end);
    }
    this.#limitPending();
  }

  /**
   * A block of zeros. In a dynamic image all of its sectors count as written, as in QEMU's, which reads
   * them whatever the bitmap says; in a differencing one none, so that the parent shows through.
   */
  #newBlock(dataFollow: boolean): number {
    const bitmapByte = this.parent === undefined ? 0xff : 0;
    const offset = this.#file.allocator.allocate({ bitmapByte, dataFollow });
    this.#file.bitmaps.noteNew(offset, bitmapSize(this.blockSize), bitmapByte);
    return offset;
  }

  #limitPending(): void {
    if (
      this.#file.table.changeCount >= MAX_PENDING_ENTRIES ||
      this.#file.allocator.releasedCount >= MAX_PENDING_ENTRIES ||
      this.#file.bitmaps.changeCount >= MAX_PENDING_BITMAPS
    ) this.flush();
  }
}
