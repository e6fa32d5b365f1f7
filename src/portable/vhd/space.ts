/**
 * Room for new blocks: gaps within the file first, then its end. Nothing is reachable that the caller
 * has not put into the block allocation table.
 *
 * @module
 */
import type { WritableSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import { UNALLOCATED } from "./block_table.ts";
import { FOOTER_SIZE } from "./footer.ts";
import type { ImageFooters } from "./footers.ts";
import { alignedPlace, bitmapSize, blockFootprint, roundUp, SECTOR_SIZE } from "./layout.ts";
import type { Region } from "./regions.ts";

/**
 * The file grows by a block, then by four times as many blocks each time, up to as much as it has: moving the footer
 * costs a flush of all that was written, so a file that is filled should not have more of them the larger it is. Room
 * that is not used takes no space where files have holes; elsewhere it does, until the image is closed.
 */
const GROWTH_FACTOR = 4;
/** As much as the file has is at least and at most so many bytes. */
const SMALL_GROWTH = 32 * 2 ** 20;
const LARGE_GROWTH = 256 * 2 ** 20;
/** Blocks are filled in pieces of this many bytes. */
const FILL_SIZE = 2 ** 20;

/** What a new block begins as. */
export interface NewBlock {
  /** The byte of which its bitmap consists. */
  readonly bitmapByte: number;
  /** Whether the caller writes all of its data; else they are made zeros. */
  readonly dataFollow: boolean;
}

/** Places blocks in a file. */
export class BlockAllocator {
  readonly #source: WritableSource;
  readonly #footers: ImageFooters;
  readonly #blockSize: number;
  /** The one to use next is the last. */
  readonly #gaps: Gap[];
  /** Where blocks were that the durable table may still refer to. */
  #released: number[] = [];
  /** Where the last block at the end of the file ends; from here to the footer there is only room. */
  #end: number;
  #growth = 1;

  /** @param gaps In the order of the file. */
  constructor(
    source: WritableSource,
    footers: ImageFooters,
    blockSize: number,
    gaps: readonly Gap[],
  ) {
    this.#source = source;
    this.#footers = footers;
    this.#blockSize = blockSize;
    this.#gaps = gaps.toReversed();
    this.#end = roundUp(footers.offset, SECTOR_SIZE);
  }

  /**
   * Makes a block.
   *
   * @returns Where it begins in the file.
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_FAILURE` where no entry of the table could say so.
   */
  allocate(block: NewBlock): number {
    const gap = this.#takeGap();
    const offset = gap ?? this.#takeEnd();
    const data = offset + bitmapSize(this.#blockSize);
    try {
      this.#fill(offset, data, block.bitmapByte);
      // At the end only the former footer was ever written, and no more of that than the bitmap covers.
      if (gap !== undefined && !block.dataFollow) this.#fill(data, data + this.#blockSize, 0);
    } catch (error) {
      this.cancel(offset);
      throw error;
    }
    return offset;
  }

  /** Gives back the room of a block that has got no data, and no entry. */
  cancel(offset: number): void {
    this.#gaps.push({ offset, end: offset + blockFootprint(this.#blockSize) });
  }

  /** How many blocks wait to be settled. */
  get releasedCount(): number {
    return this.#released.length;
  }

  /** Gives a block's room back, to be used once a table without it is durable. */
  release(offset: number): void {
    this.#released.push(offset);
  }

  /** The table as the caller knows it has become durable. */
  settle(): void {
    const footprint = blockFootprint(this.#blockSize);
    for (const offset of this.#released) this.#gaps.push({ offset, end: offset + footprint });
    this.#released = [];
  }

  /** Structures have been put at the end of the file, before its footer: blocks come after them. */
  skipTo(end: number): void {
    this.#end = Math.max(this.#end, end);
  }

  /** Gives back the room at the end of the file that was not used. */
  finish(): void {
    if (this.#footers.offset <= this.#end) return;
    this.#footers.place(this.#end);
    this.#source.truncate(this.#end + FOOTER_SIZE);
    this.#source.flush();
  }

  #takeGap(): number | undefined {
    const gap = this.#gaps.pop();
    if (gap === undefined) return undefined;
    const footprint = blockFootprint(this.#blockSize);
    const aligned = alignedPlace(gap.offset, this.#blockSize);
    const offset = aligned + footprint <= gap.end ? aligned : gap.offset;
    const rest = { offset: offset + footprint, end: gap.end };
    if (rest.end - rest.offset >= footprint) this.#gaps.push(rest);
    return offset;
  }

  #takeEnd(): number {
    const footprint = blockFootprint(this.#blockSize);
    const offset = alignedPlace(this.#end, this.#blockSize);
    if (offset / SECTOR_SIZE >= UNALLOCATED) {
      throw damaged(
        this.#source,
        "ERROR_VHD_BLOCK_ALLOCATION_FAILURE",
        "block allocation table",
        offset,
        `sector ${offset / SECTOR_SIZE}`,
        `a sector below ${UNALLOCATED}: no other block fits into the file`,
      );
    }
    if (offset + footprint > this.#footers.offset) this.#grow(offset);
    this.#end = offset + footprint;
    return offset;
  }

  /**
   * Moves the footer behind new blocks; behind one where the volume has no room for more. The place of the former footer
   * may be overwritten thereafter.
   */
  #grow(offset: number): void {
    const footprint = blockFootprint(this.#blockSize);
    const stride = alignedPlace(offset + footprint, this.#blockSize) - offset;
    const most = Math.min(LARGE_GROWTH, Math.max(SMALL_GROWTH, offset));
    const blocks = Math.max(1, Math.min(this.#growth, Math.floor(most / stride)));
    try {
      this.#footers.place(offset + (blocks - 1) * stride + footprint);
    } catch (error) {
      if (blocks === 1) throw error;
      this.#growth = 1;
      // If nothing more may be written, this says so.
      this.#footers.place(offset + footprint);
      return;
    }
    this.#growth = GROWTH_FACTOR * blocks;
  }

  #fill(start: number, end: number, byte: number): void {
    const piece = new Uint8Array(Math.min(FILL_SIZE, end - start)).fill(byte);
    for (let position = start; position < end; position += piece.length) {
      this.#source.writeAt(piece.subarray(0, end - position), position);
    }
  }
}

// The gaps of an image file that a block fits into: what a trimmed block left behind, or the room of
// blocks that a crash cut off. A smaller gap is nobody's: some creators keep tables of their own there.

/** A part of the file that nothing refers to, in bytes; it begins and ends with a sector. */
export interface Gap {
  readonly offset: number;
  readonly end: number;
}

/** What takes up a file. */
export interface Occupancy {
  /** First sectors of the blocks, ascending, without overlaps. */
  readonly blocks: Uint32Array;
  /** Bytes of a block in the file. */
  readonly footprint: number;
  readonly metadata: readonly Region[];
  /** Where the file ends, but for its footer. */
  readonly end: number;
}

/** The gaps of at least the size of a block, in the order of the file. */
export function freeGaps({ blocks, footprint, metadata, end }: Occupancy): Gap[] {
  const gaps: Gap[] = [];
  let free = 0;
  const occupy = (from: number, to: number) => {
    if (from - free >= footprint) gaps.push({ offset: free, end: from });
    free = Math.max(free, to);
  };
  const structures = metadata.toSorted((a, b) => a.offset - b.offset);
  let next = 0;
  const occupyStructures = (before: number) => {
    for (let each = structures[next]; each && each.offset < before; each = structures[++next]) {
      const from = each.offset - each.offset % SECTOR_SIZE;
      occupy(from, roundUp(each.offset + each.length, SECTOR_SIZE));
    }
  };
  for (const sector of blocks) {
    const offset = sector * SECTOR_SIZE;
    occupyStructures(offset);
    occupy(offset, offset + footprint);
  }
  occupyStructures(end);
  const last = end - end % SECTOR_SIZE;
  occupy(last, last);
  return gaps;
}
