/**
 * The block allocation table ([MS-VHDX] 2.5): where each payload block and each sector bitmap block is.
 *
 * An entry is a u64, little-endian: bits 0-2 state, 3-19 reserved, 20-63 file offset in MiB. After the
 * entries of every `chunkRatio` payload blocks comes one of the sector bitmap that covers them all.
 *
 * @module
 */
import { firstNonZero } from "../../bytes/zeros.ts";
import { BlockMemo } from "../image/block_memo.ts";
import { BlockPlaces, ENTRIES_PER_PIECE, type PlaceCollector } from "../image/block_places.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { damaged, type ImageError } from "../file/image_error.ts";
import { SparseTable, type TablePart } from "../file/sparse_table.ts";
import { MIB } from "./file_map.ts";
import type { DiskMetadata } from "./metadata_items.ts";
import type { OccupiedRanges } from "./space.ts";
import type { Region } from "./region_table.ts";

/** Bytes of an entry. */
export const BAT_ENTRY_LENGTH = 8;
/** Bytes of a sector bitmap block; a bit for each sector of a chunk. */
export const BITMAP_BLOCK_LENGTH = MIB;
/** Entries of a page, which is read whole. */
const NEAR = 512;
const SECTORS_PER_CHUNK = BITMAP_BLOCK_LENGTH * 8;

const STATE_MASK = 0x7;
/** Of the low half of an entry. */
export const RESERVED_MASK = 0xffff8;
const OFFSET_MASK = 0xfff00000;

/** States of a payload block. 4 and 5 are not defined. */
export const PAYLOAD = {
  NOT_PRESENT: 0,
  UNDEFINED: 1,
  ZERO: 2,
  UNMAPPED: 3,
  FULLY_PRESENT: 6,
  PARTIALLY_PRESENT: 7,
} as const;

/** States of a sector bitmap block. */
export const BITMAP = { NOT_PRESENT: 0, PRESENT: 6 } as const;
/** In errors. */
export const BITMAP_ENTRY = "sector bitmap block entry";
/** What errors expect of a place that two entries name. */
export const UNSHARED_PLACE = "a place that nothing else uses";

/** An entry, split. */
export interface BatEntry {
  readonly state: number;
  /** Bytes from the start of the file; without meaning in some states. */
  readonly fileOffset: number;
}

/** An entry that all may be relied on. */
export interface BlockToRead extends BatEntry {
  /** Where the bitmap of a partially present block is. */
  readonly bitmap?: number;
}

/** What the shape of a table follows from. */
export type BatGeometry = Pick<
  DiskMetadata,
  "blockSize" | "logicalSectorSize" | "virtualSize" | "hasParent"
>;

/** How many payload blocks share a sector bitmap. */
export function chunkRatio({ blockSize, logicalSectorSize }: BatGeometry): number {
  return SECTORS_PER_CHUNK * logicalSectorSize / blockSize;
}

/** How many entries the disk needs; the region may be larger. */
export function batEntryCount(geometry: BatGeometry): number {
  const ratio = chunkRatio(geometry);
  const blocks = Math.ceil(geometry.virtualSize / geometry.blockSize);
  return geometry.hasParent
    ? Math.ceil(blocks / ratio) * (ratio + 1)
    : blocks + Math.floor((blocks - 1) / ratio);
}

/** The index of a payload block's entry. */
export function payloadEntryIndex(block: number, ratio: number): number {
  return block + Math.floor(block / ratio);
}

/** An entry, by its halves. */
export function decodeEntry(low: number, high: number): BatEntry {
  // Exact below 2^53; an offset above lies behind the end of every file, exact or not.
  return { state: low & STATE_MASK, fileOffset: high * 2 ** 32 + ((low & OFFSET_MASK) >>> 0) };
}

/** Whether the place in an entry of this state has no meaning. */
export function isPlaceless(state: number): boolean {
  return state === PAYLOAD.NOT_PRESENT || state === PAYLOAD.ZERO;
}

/** The numbers of the entries in parts of a table that are not all zero. */
export function* entriesIn(parts: Iterable<TablePart>): Generator<number> {
  for (const { at, view } of parts) {
    // Zero is zero in either byte order.
    const halves = new Uint32Array(view.buffer, view.byteOffset, view.byteLength / 4);
    for (let i = 0; i < halves.length; i += 2) {
      if (halves[i] !== 0 || halves[i + 1] !== 0) yield at / BAT_ENTRY_LENGTH + i / 2;
    }
  }
}

/** Reads entries on demand and checks each before it is used. */
export class BlockAllocationTable {
  readonly chunkRatio: number;
  readonly #source: ByteSource;
  readonly #offset: number;
  /** Bytes of the entries that the disk needs. */
  readonly #length: number;
  readonly #geometry: BatGeometry;
  readonly #occupied: OccupiedRanges;
  readonly #entries: SparseTable;
  readonly #places: BlockPlaces;
  /** Entries compared with those near them alone. */
  #nearPlaces: BlockPlaces | undefined;
  readonly #toRead = new BlockMemo<BlockToRead>();

  /**
   * @param occupied What blocks must not overlap: header area, log, regions.
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where the region is too short for the disk.
   */
  constructor(
    source: ByteSource,
    region: Region,
    geometry: BatGeometry,
    occupied: OccupiedRanges,
  ) {
    const needed = batEntryCount(geometry) * BAT_ENTRY_LENGTH;
    if (region.length < needed) {
      throw damaged(
        source,
        "ERROR_FILE_CORRUPT",
        "block allocation table",
        region.offset,
        `a region of ${region.length} bytes`,
        `at least ${needed} bytes for ${geometry.virtualSize} bytes of disk`,
      );
    }
    this.chunkRatio = chunkRatio(geometry);
    this.#source = source;
    this.#offset = region.offset;
    this.#length = needed;
    this.#geometry = geometry;
    this.#occupied = occupied;
    this.#entries = new SparseTable(source, {
      offset: region.offset,
      length: needed,
      blank: "zeros",
      structure: "block allocation table",
      code: "ERROR_FILE_CORRUPT",
    });
    this.#places = this.#comparing(ENTRIES_PER_PIECE);
  }

  /**
   * As {@linkcode payload}, for a reader, who relies on all that the entry says.
   *
   * @throws {ImageError} `ERROR_FILE_CORRUPT` also if another block is in the same place, or the block is said to
   * be absent while its data are in a place that no other block has.
   */
  payloadToRead(block: number): BlockToRead {
    return this.#toRead.get(block) ?? this.#toRead.keep(block, this.#relied(block, this.#places));
  }

  /** As {@linkcode payloadToRead}, but that another block may be in the same place whose entry is not near. */
  payloadToTell(block: number): BlockToRead {
    this.#nearPlaces ??= this.#comparing(NEAR);
    return this.#toRead.get(block) ?? this.#relied(block, this.#nearPlaces);
  }

  #comparing(entries: number): BlockPlaces {
    return new BlockPlaces(
      this.#length / BAT_ENTRY_LENGTH,
      (first, end, places) => this.#collectPlaces(first, end, places),
      entries,
    );
  }

  #relied(block: number, places: BlockPlaces): BlockToRead {
    const entry = this.payload(block);
    const { state, fileOffset } = entry;
    if (state === PAYLOAD.FULLY_PRESENT || state === PAYLOAD.PARTIALLY_PRESENT) {
      this.#assertUnshared(
        places,
        payloadEntryIndex(block, this.chunkRatio),
        fileOffset,
        "payload block entry",
      );
    }
    if (state === PAYLOAD.PARTIALLY_PRESENT) {
      const chunk = this.chunkOf(block);
      const index = (this.chunkRatio + 1) * (chunk + 1) - 1;
      const bitmap = this.bitmap(block);
      this.#assertUnshared(places, index, bitmap, BITMAP_ENTRY);
      return { state, fileOffset, bitmap };
    }
    // Programs that leave a place in such an entry leave one that some block has, or that was never written.
    if (fileOffset !== 0 && isPlaceless(state)) this.#assertNoData(block, entry);
    return entry;
  }

  /**
   * The block behind those, from `block` on, that have never had anything: whose entries are zeros. It looks no
   * further than `SparseTable.blankUntil()` does.
   *
   * @param limit Of the blocks that are asked for: the one behind the last.
   */
  absentUntil(block: number, limit: number): number {
    const blankEnd = this.#entries.blankUntil(
      this.payloadEntryOffset(block),
      this.payloadEntryOffset(limit),
    );
    const end = Math.floor((blankEnd - this.#offset) / BAT_ENTRY_LENGTH);
    // The entries of sector bitmaps lie among those of blocks.
    return end - Math.floor(end / (this.chunkRatio + 1));
  }

  /**
   * The entry of a payload block.
   *
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where it breaks a rule.
   */
  payload(block: number): BatEntry {
    const at = this.payloadEntryOffset(block);
    const entry = this.#read(at, "payload block entry");
    switch (entry.state) {
      case PAYLOAD.NOT_PRESENT:
      case PAYLOAD.ZERO:
        break;
      case PAYLOAD.UNDEFINED:
      case PAYLOAD.UNMAPPED:
        // With an offset, the entry still owns the space of the block's old contents.
        if (entry.fileOffset !== 0) this.#assertBlockPlace(at, block, entry);
        break;
      case PAYLOAD.FULLY_PRESENT:
        this.#assertBlockPlace(at, block, entry);
        break;
      case PAYLOAD.PARTIALLY_PRESENT:
        if (!this.#geometry.hasParent) {
          throw this.#wrong(
            at,
            "payload block entry",
            "state 7 in a disk without parent",
            "0 to 6",
          );
        }
        this.#assertBlockPlace(at, block, entry);
        break;
      default:
        throw this.#wrong(
          at,
          "payload block entry",
          `state ${entry.state}`,
          "a state of 0 to 3, 6 or 7",
        );
    }
    return entry;
  }

  /**
   * Where the sector bitmap is that tells the sectors of a partially present block.
   *
   * @returns Its file offset.
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where it is absent or the entry breaks a rule.
   */
  bitmap(block: number): number {
    const offset = this.bitmapIfPresent(this.chunkOf(block));
    if (offset !== undefined) return offset;
    throw this.#wrong(
      this.bitmapEntryOffset(this.chunkOf(block)),
      BITMAP_ENTRY,
      "state 0",
      `state 6, as block ${block} is partially present`,
    );
  }

  /**
   * Where the sector bitmap of a chunk is, if it has one.
   *
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where the entry breaks a rule.
   */
  bitmapIfPresent(chunk: number): number | undefined {
    const at = this.bitmapEntryOffset(chunk);
    const entry = this.#read(at, BITMAP_ENTRY);
    if (entry.state === BITMAP.NOT_PRESENT) return undefined;
    if (entry.state !== BITMAP.PRESENT) {
      throw this.#wrong(at, BITMAP_ENTRY, `state ${entry.state}`, "state 0 or 6");
    }
    this.#assertPlace(at, BITMAP_ENTRY, entry, BITMAP_BLOCK_LENGTH, BITMAP_BLOCK_LENGTH);
    return entry.fileOffset;
  }

  /** The chunk of a payload block: the blocks that share a sector bitmap. */
  chunkOf(block: number): number {
    return Math.floor(block / this.chunkRatio);
  }

  /** Where the entry of a payload block is in the file. */
  payloadEntryOffset(block: number): number {
    return this.#offset + payloadEntryIndex(block, this.chunkRatio) * BAT_ENTRY_LENGTH;
  }

  /** Where the entry of a chunk's sector bitmap is in the file. */
  bitmapEntryOffset(chunk: number): number {
    const index = chunk * (this.chunkRatio + 1) + this.chunkRatio;
    return this.#offset + index * BAT_ENTRY_LENGTH;
  }

  /** The numbers of the entries that are not all zero, of which a large disk may have few. All are read anew. */
  entriesInUse(): Generator<number> {
    this.#toRead.clear();
    this.#entries.clear();
    return entriesIn(this.#entries.usedParts(this.#offset, this.#length));
  }

  /** Forgets what was read of the entry at `offset` of the file, after it has been written. */
  forget(offset: number): void {
    this.#toRead.clear();
    this.#entries.forget(offset, BAT_ENTRY_LENGTH);
  }

  #assertUnshared(
    places: BlockPlaces,
    index: number,
    fileOffset: number,
    structure: string,
  ): void {
    if (!places.isShared(index, fileOffset)) return;
    const at = this.#offset + index * BAT_ENTRY_LENGTH;
    throw this.#wrong(at, structure, `file offset ${fileOffset}`, UNSHARED_PLACE);
  }

  #assertNoData(block: number, { state, fileOffset }: BatEntry): void {
    const index = payloadEntryIndex(block, this.chunkRatio);
    if (!this.#places.isUnclaimed(index, fileOffset)) return;
    const end = Math.min(fileOffset + this.#geometry.blockSize, this.#source.size);
    const piece = new Uint8Array(MIB);
    for (let offset = fileOffset; offset < end; offset += MIB) {
      const count = this.#source.readAt(piece, offset);
      if (firstNonZero(piece.subarray(0, count)) === undefined) continue;
      if (!this.#places.isNobodys(index, fileOffset)) return;
      throw this.#wrong(
        this.#offset + index * BAT_ENTRY_LENGTH,
        "payload block entry",
        `state ${state}, with data at file offset ${fileOffset} that no block has`,
        "state 6 or 7, or file offset 0",
      );
    }
    // From now on another block may get it: all such places are looked at before anything is written.
    this.#places.dismiss(index, fileOffset);
  }

  #collectPlaces(first: number, end: number, places: PlaceCollector): void {
    const { blockSize, virtualSize, hasParent } = this.#geometry;
    const parts = this.#entries.usedParts(
      this.#offset + first * BAT_ENTRY_LENGTH,
      (end - first) * BAT_ENTRY_LENGTH,
    );
    for (const { at, view } of parts) {
      for (let i = 0; i < view.byteLength; i += BAT_ENTRY_LENGTH) {
        const low = view.getUint32(i, true);
        if ((low & RESERVED_MASK) !== 0) continue;
        const { state, fileOffset } = decodeEntry(low, view.getUint32(i + 4, true));
        if (fileOffset === 0) continue;
        const index = first + (at + i) / BAT_ENTRY_LENGTH;
        const chunk = Math.floor(index / (this.chunkRatio + 1));
        const isBitmap = index % (this.chunkRatio + 1) === this.chunkRatio;
        const length = isBitmap ? BITMAP_BLOCK_LENGTH : blockSize;
        const used = isBitmap
          ? length
          : Math.min(length, virtualSize - (index - chunk) * blockSize);
        if (used <= 0 || fileOffset > this.#source.size - used) continue;
        if (this.#occupied.overlapping(fileOffset, length) !== undefined) continue;
        if (isBitmap) {
          if (hasParent && state === BITMAP.PRESENT) places.add(fileOffset, length);
        } else if (state === PAYLOAD.FULLY_PRESENT || state === PAYLOAD.PARTIALLY_PRESENT) {
          places.add(fileOffset, length);
        } else if (isPlaceless(state)) {
          places.addUnused(fileOffset, length);
        }
      }
    }
  }

  #read(at: number, structure: string): BatEntry {
    const low = this.#entries.uint32(at, true);
    const high = this.#entries.uint32(at + 4, true);
    if ((low & RESERVED_MASK) !== 0) {
      throw this.#wrong(
        at,
        structure,
        `0x${high.toString(16)}${low.toString(16).padStart(8, "0")}`,
        "bits 3 to 19 clear",
      );
    }
    return decodeEntry(low, high);
  }

  #assertBlockPlace(at: number, block: number, entry: BatEntry): void {
    const { blockSize, virtualSize } = this.#geometry;
    // Fixed files of QEMU end with the disk, though the last block, as a block, would go on.
    const used = Math.min(blockSize, virtualSize - block * blockSize);
    this.#assertPlace(at, "payload block entry", entry, blockSize, used);
  }

  /**
   * @param length Of the block.
   * @param used How much of it the file has to have.
   */
  #assertPlace(
    at: number,
    structure: string,
    { fileOffset }: BatEntry,
    length: number,
    used: number,
  ): void {
    if (fileOffset > this.#source.size - used) {
      throw this.#wrong(
        at,
        structure,
        `file offset ${fileOffset}`,
        `${used} bytes before the end of file at ${this.#source.size}`,
      );
    }
    const other = this.#occupied.overlapping(fileOffset, length);
    if (other !== undefined) {
      throw this.#wrong(
        at,
        structure,
        `file offset ${fileOffset}`,
        `a place outside the ${other.name} (${other.length} bytes at ${other.offset})`,
      );
    }
  }

  #wrong(at: number, structure: string, found: string, expected: string): ImageError {
    return damaged(this.#source, "ERROR_FILE_CORRUPT", structure, at, found, expected);
  }
}
