/**
 * Changes the block allocation table and the sector bitmaps, in pages that the log publishes.
 *
 * @module
 */
import { u64 } from "../../bytes/codec.ts";
import { viewOf } from "../file/byte_source.ts";
import { BAT_ENTRY_LENGTH, type BatEntry, type BlockAllocationTable } from "./block_table.ts";
import type { LoggedPages } from "./log_writer.ts";
import type { BitRange, SectorBitmaps } from "./sector_bitmaps.ts";
import type { BlockTables } from "./structures.ts";

/**
 * The most pages that the change of one block touches: its entry, that of its bitmap, and the bits of
 * 256 MiB in sectors of 512 bytes.
 */
export const MAX_PAGES_PER_BLOCK = 2 + 16;

/** Writes what {@linkcode BlockAllocationTable} and {@linkcode SectorBitmaps} read. */
export class BlockTableWriter {
  readonly #pages: LoggedPages;
  readonly #table: BlockAllocationTable;
  readonly #bitmaps: SectorBitmaps;

  constructor(pages: LoggedPages, { table, bitmaps }: BlockTables) {
    this.#pages = pages;
    this.#table = table;
    this.#bitmaps = bitmaps;
  }

  /** Sets the entry of a payload block. */
  setPayload(block: number, entry: BatEntry): void {
    this.#setEntry(this.#table.payloadEntryOffset(block), entry);
  }

  /** Sets the entry of a chunk's sector bitmap. */
  setBitmap(chunk: number, entry: BatEntry): void {
    this.#setEntry(this.#table.bitmapEntryOffset(chunk), entry);
  }

  /** Sets the bits of sectors, in the bitmap at `bitmap`; all other bits of `within` are cleared. */
  replaceBits(bitmap: number, within: BitRange, set: BitRange): void {
    // A block has at least 256 sectors: its bits are whole bytes.
    const bytes = new Uint8Array((within.end - within.first) / 8);
    setBits(bytes, { first: set.first - within.first, end: set.end - within.first });
    this.#writeBits(bytes, bitmap + within.first / 8);
  }

  /** Sets the bits of sectors, in the bitmap at `bitmap`. */
  addBits(bitmap: number, { first, end }: BitRange): void {
    const firstByte = first >> 3;
    const bytes = new Uint8Array(((end + 7) >> 3) - firstByte);
    this.#pages.readAt(bytes, bitmap + firstByte);
    setBits(bytes, { first: first - firstByte * 8, end: end - firstByte * 8 });
    this.#writeBits(bytes, bitmap + firstByte);
  }

  #setEntry(at: number, { state, fileOffset }: BatEntry): void {
    const bytes = new Uint8Array(BAT_ENTRY_LENGTH);
    // An offset is a multiple of 1 MiB, so the state fits into its low bits.
    u64.write(viewOf(bytes), 0, fileOffset + state, true);
    this.#pages.writeAt(bytes, at);
    this.#table.forget(at);
  }

  #writeBits(bytes: Uint8Array, at: number): void {
    this.#pages.writeAt(bytes, at);
    this.#bitmaps.forget(at, bytes.length);
  }
}

/** Sets bits, the least significant of each byte first. */
function setBits(bytes: Uint8Array, { first, end }: BitRange): void {
  for (let bit = first; bit < end;) {
    if ((bit & 7) === 0 && end - bit >= 8) {
      bytes[bit >> 3] = 0xff;
      bit += 8;
    } else {
      bytes[bit >> 3]! |= 1 << (bit & 7);
      bit++;
    }
  }
}
