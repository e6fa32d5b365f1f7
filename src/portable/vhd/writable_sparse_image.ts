/**
 * Writes dynamic and differencing VHDs. The format has no journal, but an order: data first, then what
 * makes them reachable (bits and table entries), then what makes their former place free, a flush
 * between one and the next. Bits and entries wait for a flush of the caller's, so that many writes share
 * the flushes of one; until then a crash leaves what was there before.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import type { WritableImage } from "../image.ts";
import type { ParentSpec } from "../image_spec.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import type { BlockAllocator } from "./block_allocator.ts";
import { bitmapSize, blockCount, blockFootprint } from "./block_layout.ts";
import type { ImageFooters } from "./image_footers.ts";
import type { PendingBitmaps } from "./pending_bitmaps.ts";
import type { PendingTable } from "./pending_table.ts";
import type { Region } from "./regions.ts";
import { rewriteParent } from "./rewrite_parent.ts";
import { SECTOR_SIZE } from "./sector.ts";
import { type DiskBlocks, SparseVhdImage } from "./sparse_image.ts";
import { readSparseLayout } from "./sparse_layout.ts";

/** Memory for what waits: at most so many table entries, and 1 MiB of bitmaps. */
const MAX_PENDING_ENTRIES = 16384;
const MAX_PENDING_BITMAPS = 2048;

/** The blocks of an image that is being written. */
export interface WritableBlocks extends DiskBlocks {
  readonly table: PendingTable;
  readonly bitmaps: PendingBitmaps;
  readonly allocator: BlockAllocator;
  /** Where no block may be. */
  readonly metadata: readonly Region[];
}

/** A dynamic or differencing image that can be written. */
export class WritableSparseVhdImage extends SparseVhdImage implements WritableImage {
  readonly #source: WritableSource;
  readonly #footers: ImageFooters;
  readonly #table: PendingTable;
  readonly #bitmaps: PendingBitmaps;
  readonly #allocator: BlockAllocator;
  #metadata: readonly Region[];

  constructor(source: WritableSource, footers: ImageFooters, blocks: WritableBlocks) {
    super(source, footers, blocks);
    this.#source = source;
    this.#footers = footers;
    this.#table = blocks.table;
    this.#bitmaps = blocks.bitmaps;
    this.#allocator = blocks.allocator;
    this.#metadata = blocks.metadata;
  }

  /** Zeros for a block that is not in the file leave it out, where no parent has it either. */
  write(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length;) {
      const inBlock = (offset + done) % this.blockSize;
      const block = (offset + done - inBlock) / this.blockSize;
      const length = Math.min(bytes.length - done, this.blockSize - inBlock);
      this.#writeInBlock(block, inBlock, bytes.subarray(done, done + length));
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
      const blockOffset = this.#table.blockOffset(block);
      if (blockOffset === undefined) continue;
      this.#table.remove(block);
      this.#allocator.release(blockOffset);
      this.#limitPending();
    }
  }

  flush(): void {
    this.#source.flush();
    if (this.#table.changeCount === 0 && this.#bitmaps.changeCount === 0) return;
    this.#bitmaps.write();
    this.#table.write();
    this.#source.flush();
    this.#bitmaps.settle();
    this.#table.settle();
    this.#allocator.settle();
  }

  finish(): void {
    this.flush();
    this.#allocator.finish();
  }

  setUniqueId(identifier: string): void {
    this.#footers.setUniqueId(identifier);
  }

  setParent(parent: ParentSpec): void {
    this.finish();
    const source = this.#source;
    const end = rewriteParent({
      source,
      footers: this.#footers,
      metadata: this.#metadata,
      holdsBlock: (region) => this.#holdsBlock(region),
    }, parent);
    this.#allocator.skipTo(end);
    const { footer } = this.#footers;
    // Only a fixed image has no header.
    const layout = readSparseLayout(source, footer, footer.dataOffset!);
    this.#metadata = layout.metadata;
    this.adoptParent(layout.parent);
  }

  /** Whether a block lies in a part of the file. */
  #holdsBlock({ offset, length }: Omit<Region, "name">): boolean {
    const footprint = blockFootprint(this.blockSize);
    const count = blockCount(this.virtualSize, this.blockSize);
    for (let block = 0; block < count; block++) {
      const start = this.#table.blockOffset(block);
      if (start !== undefined && start < offset + length && offset < start + footprint) return true;
    }
    return false;
  }

  #writeInBlock(block: number, inBlock: number, bytes: Uint8Array): void {
    const present = this.#table.blockOffset(block);
    if (present === undefined && this.parent === undefined && isAllZero(bytes)) return;
    const blockOffset = present ?? this.#newBlock(bytes.length === this.blockSize);
    this.#source.writeAt(bytes, blockOffset + bitmapSize(this.blockSize) + inBlock);
    if (present === undefined) this.#table.place(block, blockOffset);
    const end = (inBlock + bytes.length) / SECTOR_SIZE;
    this.#bitmaps.set(blockOffset, inBlock / SECTOR_SIZE, end);
    this.#limitPending();
  }

  /**
   * A block of zeros. In a dynamic image all of its sectors count as written, as in QEMU's, which reads
   * them whatever the bitmap says; in a differencing one none, so that the parent shows through.
   */
  #newBlock(dataFollow: boolean): number {
    const bitmapByte = this.parent === undefined ? 0xff : 0;
    const offset = this.#allocator.allocate({ bitmapByte, dataFollow });
    this.#bitmaps.forget();
    return offset;
  }

  #limitPending(): void {
    if (
      this.#table.changeCount >= MAX_PENDING_ENTRIES ||
      this.#allocator.releasedCount >= MAX_PENDING_ENTRIES ||
      this.#bitmaps.changeCount >= MAX_PENDING_BITMAPS
    ) this.flush();
  }
}
