/**
 * The bitmaps of blocks: a bit for each sector, the most significant of a byte first; set where the
 * sector is in the block (VHD 1.0, "Data Blocks").
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import { PageCache } from "../file/page_cache.ts";
import { type BitmapPieces, type BitRun, bitRunIn } from "../image/bit_run.ts";
import { SECTOR_SIZE } from "./layout.ts";

/** The bitmaps as the file has them. */
export class SectorBitmaps implements BitmapPieces {
  /** Bitmaps are whole sectors: the data of the block, which lie behind, are not read with them. */
  readonly pieceLength = SECTOR_SIZE;
  readonly #bytes: PageCache;

  constructor(source: ByteSource) {
    const code = "ERROR_VHD_METADATA_READ_FAILURE";
    this.#bytes = new PageCache(source, "sector bitmap", code, { pageLength: SECTOR_SIZE });
  }

  /**
   * The run of equal bits that begins with `sector` of a block, up to the sector `end`.
   *
   * @param bitmapOffset Where the block begins in the file.
   */
  run(bitmapOffset: number, sector: number, end: number): BitRun {
    return bitRunIn(this, bitmapOffset, sector, end, "msb-first");
  }

  /** The sector of a bitmap that the byte at `offset` of the file is in. */
  piece(offset: number): Uint8Array {
    return this.#bytes.piece(offset);
  }

  /** A copy of the sector of a bitmap that begins at `offset` of the file. */
  protected copyOfSector(offset: number): Uint8Array {
    return this.#bytes.bytes(offset, SECTOR_SIZE).slice();
  }

  /** Remembers a sector of a bitmap, which has been written at `offset` of the file. */
  protected keepSector(offset: number, bytes: Uint8Array): void {
    this.#bytes.keep(offset, bytes);
  }
}

// The sector bitmaps of an image that is being written: a bit waits in memory until its sector is
// durable; else a crash could show what was in the file before.

/** Bits in a sector of a bitmap. */
const BITS_PER_SECTOR = SECTOR_SIZE * 8;

/** The bitmaps with the bits that wait. */
export class PendingBitmaps extends SectorBitmaps {
  readonly #source: WritableSource;
  /** Changed sectors of bitmaps, by their offset in the file. */
  readonly #changes = new Map<number, Uint8Array>();

  constructor(source: WritableSource) {
    super(source);
    this.#source = source;
  }

  /** How many sectors of bitmaps wait. */
  get changeCount(): number {
    return this.#changes.size;
  }

  /** Remembers the bitmap that a new block has been written with, each byte of it the same: none is read again. */
  noteNew(bitmapOffset: number, length: number, byte: number): void {
    const bytes = new Uint8Array(SECTOR_SIZE).fill(byte);
    const end = bitmapOffset + length;
    for (let at = bitmapOffset; at < end; at += SECTOR_SIZE) this.keepSector(at, bytes);
  }

  /** Sets the bits of the sectors from `sector` to `end` of the block that begins at `bitmapOffset`. */
  set(bitmapOffset: number, sector: number, end: number): void {
    const run = this.run(bitmapOffset, sector, end);
    if (run.value && run.length === end - sector) return;
    for (let bit = sector; bit < end;) {
      const inBitmap = Math.floor(bit / BITS_PER_SECTOR);
      const bits = this.#changed(bitmapOffset + inBitmap * SECTOR_SIZE);
      const limit = Math.min(end, (inBitmap + 1) * BITS_PER_SECTOR);
      for (; bit < limit; bit++) bits[(bit % BITS_PER_SECTOR) >> 3]! |= 0x80 >> (bit & 7);
    }
  }

  /** Writes the changed bitmaps to the file; they still wait. */
  write(): void {
    for (const [offset, bytes] of this.#changes) this.#source.writeAt(bytes, offset);
  }

  /** What was written has become durable. */
  settle(): void {
    for (const [offset, bytes] of this.#changes) this.keepSector(offset, bytes);
    this.#changes.clear();
  }

  override piece(offset: number): Uint8Array {
    return this.#changes.get(offset - offset % SECTOR_SIZE) ?? super.piece(offset);
  }

  #changed(offset: number): Uint8Array {
    let bytes = this.#changes.get(offset);
    if (bytes === undefined) {
      bytes = this.copyOfSector(offset);
      this.#changes.set(offset, bytes);
    }
    return bytes;
  }
}
