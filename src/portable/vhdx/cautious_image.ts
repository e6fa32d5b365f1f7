/**
 * A damaged VHDX, whose tables are not believed where something in the file speaks against them. No checksum covers
 * them: an entry, or a bitmap, that was overwritten with zeros looks like one that was never in use.
 *
 * @module
 */
import { damaged, type ImageError } from "../file/image_error.ts";
import { rangeHoldsData } from "../image/tolerant_image.ts";
import { readable } from "../file/promised_end.ts";
import type { DiskImage, ImageExtent } from "../image/image.ts";
import { BAT_ENTRY_LENGTH, PAYLOAD } from "./block_table.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import { VhdxImage } from "./image.ts";
import type { LogDoubts } from "./salvage_log.ts";
import type { BlockTables, ImageStructures } from "./structures.ts";
import type { UnnamedData } from "./unnamed_data.ts";

/** The structure that errors name if a log may say otherwise. */
export const IN_DOUBT = "log that cannot be replayed";

/** What speaks against the tables. */
export interface Objections {
  readonly doubts: LogDoubts;
  readonly unnamed: UnnamedData;
}

/** An image that refuses what is not certain, or says that it is lost. */
export class CautiousImage extends VhdxImage {
  readonly #tables: BlockTables;
  readonly #objections: Objections;
  #lastBlock: { readonly block: number; readonly holdsData: boolean } | undefined;

  constructor(structures: ImageStructures, tables: BlockTables, objections: Objections) {
    super(structures, tables);
    this.#tables = tables;
    this.#objections = objections;
  }

  override extent(offset: number, end: number): ImageExtent {
    const { doubts, unnamed } = this.#objections;
    const { table } = this.#tables;
    const block = Math.floor(offset / this.blockSize);
    const at = table.payloadEntryOffset(block);
    if (doubts.concern(at, BAT_ENTRY_LENGTH)) throw this.#doubted(at);
    const { state } = table.payload(block);
    // Entries that follow may be in doubt, and blocks that read like this one may be lost.
    const isLikeNext = state !== PAYLOAD.PARTIALLY_PRESENT && state !== PAYLOAD.UNDEFINED;
    const blockEnd = Math.min(end, (block + 1) * this.blockSize);
    const extent = super.extent(offset, doubts.areNone && isLikeNext ? end : blockEnd);
    switch (state) {
      case PAYLOAD.PARTIALLY_PRESENT:
        this.#checkBitmap(block, offset, extent.length);
        return extent;
      case PAYLOAD.NOT_PRESENT:
        // A block without contents, which is not lost, reads like this one.
        return unnamed.exists
          ? { offset, length: blockEnd - offset, kind: "lost", reason: "table" }
          : extent;
      default:
        return extent;
    }
  }

  override glimpse(): DiskImage {
    return this;
  }

  #checkBitmap(block: number, offset: number, length: number): void {
    const { table, bitmaps } = this.#tables;
    const { doubts } = this.#objections;
    const start = block * this.blockSize;
    const used = Math.min(this.blockSize, this.virtualSize - start);
    // A bitmap that ends in the block has a bit, or is not there.
    const run = readable(() => bitmaps.run(block, 0, used));
    const bitmap = table.bitmap(block);
    if (run?.present === false && run.length === used && this.#holdsData(block, used)) {
      throw damaged(
        this.source,
        "ERROR_FILE_CORRUPT",
        "sector bitmap block",
        bitmap + (bitmaps.bits(block, 0, 1).first >> 3),
        "no bit for a block that holds data",
        "one at least",
      );
    }
    if (doubts.areNone) return;
    const entry = table.bitmapEntryOffset(table.chunkOf(block));
    if (doubts.concern(entry, BAT_ENTRY_LENGTH)) throw this.#doubted(entry);
    const { first, end } = bitmaps.bits(block, offset - start, length);
    const bitsEnd = bitmap + Math.ceil(end / 8);
    for (let at = bitmap + (first >> 3); at < bitsEnd;) {
      const count = Math.min(LOG_SECTOR_SIZE - at % LOG_SECTOR_SIZE, bitsEnd - at);
      if (doubts.concern(at, count)) throw this.#doubted(at);
      at += count;
    }
  }

  /** Looks into the block; the answer is kept, as one block is read in many pieces. */
  #holdsData(block: number, used: number): boolean {
    if (this.#lastBlock?.block !== block) {
      const { fileOffset } = this.#tables.table.payload(block);
      const holdsData = rangeHoldsData(this.source, fileOffset, fileOffset + used);
      this.#lastBlock = { block, holdsData };
    }
    return this.#lastBlock.holdsData;
  }

  #doubted(at: number): ImageError {
    const found = "another version of this in the log";
    return damaged(this.source, "ERROR_FILE_CORRUPT", IN_DOUBT, at, found, "the newest");
  }
}
