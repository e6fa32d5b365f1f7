/**
 * Writes and gives back payload blocks ([MS-VHDX] 2.5.1): the data go into the file at once, and the
 * tables that make them count follow through the log.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { fillWithZeros, partOf, type WritableSource } from "../file/byte_source.ts";
import { BITMAP, BITMAP_BLOCK_LENGTH, type BlockAllocationTable, PAYLOAD } from "./block_table.ts";
import { ownedPlace } from "./block_scan.ts";
import { BlockTableWriter, MAX_PAGES_PER_BLOCK } from "./block_table_writer.ts";
import type { FileSpace, Place } from "./space.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import type { LoggedPages } from "./log_writer.ts";
import type { DiskMetadata } from "./metadata_items.ts";
import type { SectorBitmaps } from "./sector_bitmaps.ts";
import type { BlockTables } from "./structures.ts";
import type { VhdxFile } from "./vhdx_file.ts";

/** Part of a block that is to be written. */
interface Part {
  readonly block: number;
  /** Where it begins in the block. */
  readonly inBlock: number;
  readonly bytes: Uint8Array;
  /** Whether zeros take space too. */
  readonly takesSpace: boolean;
}

/** Changes the contents of the disk, block by block. */
export class BlockWriter {
  readonly #file: WritableSource;
  readonly #pages: LoggedPages;
  readonly #space: FileSpace;
  readonly #table: BlockAllocationTable;
  readonly #bitmaps: SectorBitmaps;
  readonly #metadata: DiskMetadata;
  readonly #writer: BlockTableWriter;
  readonly #beforeChange: () => void;
  /**
   * Whether data that are overwritten go through the log too. Its pages must be whole sectors then: a page
   * with a sector in it that is written past the log would bring back what that was.
   */
  logsData = false;
  /** What got its place since the tables were published last. */
  #fresh = { publication: 0, blocks: new Set<number>() };

  /**
   * @param tables Default: those of the file.
   * @param metadata What the disk is that they are for. Default: as the file says.
   */
  constructor(
    file: VhdxFile,
    tables: BlockTables = file.tables,
    metadata: DiskMetadata = file.structures.metadata,
  ) {
    this.#file = file.file;
    this.#pages = file.pages;
    this.#space = file.space;
    this.#table = tables.table;
    this.#bitmaps = tables.bitmaps;
    this.#metadata = metadata;
    this.#writer = new BlockTableWriter(file.pages, tables);
    this.#beforeChange = () => file.beforeDataChange();
  }

  /** Writes whole sectors of the disk. */
  write(bytes: Uint8Array, offset: number, takesSpace: boolean): void {
    const { blockSize } = this.#metadata;
    for (let done = 0; done < bytes.length;) {
      const block = Math.floor((offset + done) / blockSize);
      const inBlock = offset + done - block * blockSize;
      const length = Math.min(bytes.length - done, blockSize - inBlock);
      this.#writePart({ block, inBlock, bytes: partOf(bytes, done, done + length), takesSpace });
      done += length;
    }
  }

  /**
   * Gives back the whole blocks of a range; a block that the disk ends in is whole up to there. What is in a block
   * that was trimmed no reader need tell, in one of zeros every reader does.
   */
  trim(offset: number, length: number, state: typeof PAYLOAD.UNMAPPED | typeof PAYLOAD.ZERO): void {
    const { blockSize, virtualSize } = this.#metadata;
    const end = offset + length === virtualSize
      ? Math.ceil(virtualSize / blockSize)
      : Math.floor((offset + length) / blockSize);
    for (let block = Math.ceil(offset / blockSize); block < end; block++) {
      this.#trimBlock(block, state);
    }
  }

  #writePart(part: Part): void {
    const { block, inBlock, bytes, takesSpace } = part;
    const { state, fileOffset } = this.#table.payload(block);
    switch (state) {
      case PAYLOAD.FULLY_PRESENT:
        this.#beforeChange();
        return this.#overwrite(block, bytes, fileOffset + inBlock);
      case PAYLOAD.PARTIALLY_PRESENT:
        return this.#writeIntoPartial(part, fileOffset);
      default: {
        const showsParent = state === PAYLOAD.NOT_PRESENT && this.#metadata.hasParent;
        if (!showsParent && !takesSpace && isAllZero(bytes)) return;
        this.#beforeChange();
        if (showsParent && !this.#isWhole(part)) return this.#writeNewPartial(part);
        // The space of the block's old contents is its own to use again.
        return this.#writeNewFull(part, ownedPlace({ state, fileOffset }));
      }
    }
  }

  /**
   * Writes sectors that the disk has already. Through the log they are old or new as a whole; the sectors of
   * a block that nothing durable names yet are so anyhow.
   */
  #overwrite(block: number, bytes: Uint8Array, at: number): void {
    if (!this.logsData || this.#isFresh(block)) return this.#file.writeAt(bytes, at);
    for (let done = 0; done < bytes.length; done += LOG_SECTOR_SIZE) {
      this.#pages.reserve(1);
      this.#pages.writeData(bytes.subarray(done, done + LOG_SECTOR_SIZE), at + done);
    }
  }

  /** Nobody sees what is written to sectors whose bits are clear before these are set. */
  #writeIntoPartial(part: Part, fileOffset: number): void {
    const { block, inBlock, bytes } = part;
    // Finds a missing bitmap before anything is written.
    const bitmap = this.#table.bitmap(block);
    this.#beforeChange();
    let isPresent = true;
    for (let done = 0; done < bytes.length;) {
      const run = this.#bitmaps.run(block, inBlock + done, bytes.length - done);
      const piece = partOf(bytes, done, done + run.length);
      if (run.present) this.#overwrite(block, piece, fileOffset + inBlock + done);
      else this.#file.writeAt(piece, fileOffset + inBlock + done);
      isPresent &&= run.present;
      done += run.length;
    }
    if (isPresent) return;
    this.#pages.reserve(MAX_PAGES_PER_BLOCK);
    if (!this.#isWhole(part)) {
      this.#writer.addBits(bitmap, this.#bitmaps.bits(block, inBlock, bytes.length));
      const used = this.#usedLength(block);
      const all = this.#bitmaps.run(block, 0, used);
      if (!all.present || all.length < used) return;
    }
    this.#writer.setPayload(block, { state: PAYLOAD.FULLY_PRESENT, fileOffset });
  }

  /** The rest of the block stays the parent's: its bits are clear, whatever the file holds there. */
  #writeNewPartial({ block, inBlock, bytes }: Part): void {
    const { blockSize } = this.#metadata;
    const chunk = this.#table.chunkOf(block);
    const present = this.#table.bitmapIfPresent(chunk);
    this.#pages.reserve(MAX_PAGES_PER_BLOCK);
    this.#space.place(blockSize, ({ offset: fileOffset }) => {
      this.#file.writeAt(bytes, fileOffset + inBlock);
      const bitmap = present ?? this.#newBitmap(chunk);
      this.#noteFresh(block);
      this.#writer.replaceBits(
        bitmap,
        this.#bitmaps.bits(block, 0, blockSize),
        this.#bitmaps.bits(block, inBlock, bytes.length),
      );
      this.#writer.setPayload(block, { state: PAYLOAD.PARTIALLY_PRESENT, fileOffset });
    });
  }

  /** Zeros in a place that nothing names yet need no log. */
  #newBitmap(chunk: number): number {
    return this.#space.place(BITMAP_BLOCK_LENGTH, ({ offset, isZero }) => {
      if (!isZero) fillWithZeros(this.#file, offset, BITMAP_BLOCK_LENGTH);
      this.#writer.setBitmap(chunk, { state: BITMAP.PRESENT, fileOffset: offset });
      return offset;
    });
  }

  /** The rest of the block becomes zeros. */
  #writeNewFull({ block, inBlock, bytes }: Part, ownPlace: number): void {
    const { blockSize } = this.#metadata;
    this.#pages.reserve(MAX_PAGES_PER_BLOCK);
    const write = ({ offset, isZero }: Place) => {
      if (!isZero) {
        const end = inBlock + bytes.length;
        fillWithZeros(this.#file, offset, inBlock);
        fillWithZeros(this.#file, offset + end, blockSize - end);
      }
      this.#file.writeAt(bytes, offset + inBlock);
      this.#writer.setPayload(block, { state: PAYLOAD.FULLY_PRESENT, fileOffset: offset });
      this.#noteFresh(block);
    };
    if (ownPlace > 0) write({ offset: ownPlace, isZero: false });
    else this.#space.place(blockSize, write);
  }

  #trimBlock(block: number, state: number): void {
    const { hasParent, leaveBlocksAllocated } = this.#metadata;
    // Fixed disks keep their blocks, and what is in them.
    if (leaveBlocksAllocated && !hasParent) return;
    const entry = this.#table.payload(block);
    const place = ownedPlace(entry);
    const showsParent = entry.state === PAYLOAD.NOT_PRESENT && hasParent;
    const isVague = state === PAYLOAD.ZERO && entry.state === PAYLOAD.UNMAPPED;
    if (place === 0 && !showsParent && !isVague) return;
    this.#beforeChange();
    this.#pages.reserve(MAX_PAGES_PER_BLOCK);
    this.#writer.setPayload(block, { state, fileOffset: 0 });
    if (place > 0) this.#space.giveUp(place, this.#metadata.blockSize);
  }

  #noteFresh(block: number): void {
    const { publications } = this.#pages;
    if (this.#fresh.publication !== publications) {
      this.#fresh = { publication: publications, blocks: new Set() };
    }
    this.#fresh.blocks.add(block);
  }

  #isFresh(block: number): boolean {
    return this.#fresh.publication === this.#pages.publications && this.#fresh.blocks.has(block);
  }

  #isWhole({ block, inBlock, bytes }: Part): boolean {
    return inBlock === 0 && bytes.length >= this.#usedLength(block);
  }

  /** How much of a block belongs to the disk. */
  #usedLength(block: number): number {
    const { blockSize, virtualSize } = this.#metadata;
    return Math.min(blockSize, virtualSize - block * blockSize);
  }
}
