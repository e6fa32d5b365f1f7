/**
 * The bitmaps of blocks: a bit for each sector, the most significant of a byte first; set where the
 * sector is in the block (VHD 1.0, "Data Blocks").
 *
 * @module
 */
import { type BitRun, bitRun } from "../bit_run.ts";
import type { ByteSource } from "../byte_source.ts";
import { PageCache } from "../page_cache.ts";

/** The bitmaps as the file has them. */
export class SectorBitmaps {
  readonly #bytes: PageCache;

  constructor(source: ByteSource) {
    this.#bytes = new PageCache(source, "sector bitmap", "ERROR_VHD_METADATA_READ_FAILURE");
  }

  /**
   * The run of equal bits that begins with `sector` of a block, up to the sector `end`.
   *
   * @param bitmapOffset Where the block begins in the file.
   */
  run(bitmapOffset: number, sector: number, end: number): BitRun {
    return bitRun((index) => this.byteAt(bitmapOffset + index), sector, end, "msb-first");
  }

  /** Reads bitmaps anew, after the file's have been written. */
  forget(): void {
    this.#bytes.clear();
  }

  /** The byte of a bitmap at an offset in the file. */
  protected byteAt(offset: number): number {
    return this.#bytes.uint8(offset);
  }
}
