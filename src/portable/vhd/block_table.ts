/**
 * The block allocation table: for each block of the disk, the sector of the file at which its bitmap
 * begins (VHD 1.0, "Block Allocation Table and Data Blocks"). It is read as it is used.
 *
 * @module
 */
import { type ByteSource, viewOf, type WritableSource } from "../file/byte_source.ts";
import { damaged, type ImageError } from "../file/image_error.ts";
import { SparseTable, usedParts } from "../file/sparse_table.ts";
import { BlockMemo } from "../image/block_memo.ts";
import { BlockPlaces, type PlaceCollector } from "../image/block_places.ts";
import { SECTOR_SIZE } from "./layout.ts";
import { overlapping, type Region } from "./regions.ts";

/** Bytes. Entries are big-endian. */
export const TABLE_ENTRY_SIZE = 4;

/** The entry of a block that is not in the file. */
export const UNALLOCATED = 0xffff_ffff;

/** In place of an offset. */
const ABSENT = -1;

const STRUCTURE = "block allocation table";
const CODE = "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT";
const BIG_ENDIAN = false;

/** What errors expect of a place that two entries name. */
export function unsharedPlace(footprint: number): string {
  return `${footprint} bytes that no other block uses`;
}

/** Where the blocks of an image are. */
export interface BlockTable {
  /** Whether block `index` is in the file. */
  isAllocated(index: number): boolean;
  /**
   * The block behind those, from `index` on, that are not in the file; it looks no further than
   * `SparseTable.blankUntil()` does.
   *
   * @param limit Of the blocks that are asked for: the one behind the last.
   */
  absentUntil(index: number, limit: number): number;
  /** Where the bitmap of block `index` begins, in bytes; `undefined` where it is not in the file. */
  blockOffset(index: number): number | undefined;
  /** As {@linkcode blockOffset}, for a reader: no other block is there. */
  offsetToRead(index: number): number | undefined;
  /** Whether all of the first `count` blocks that are in the file begin where `accepts` says; reads the whole table. */
  areAll(count: number, accepts: (offset: number) => boolean): boolean;
}

/** The table as the file has it. */
export class BlockAllocationTable implements BlockTable {
  readonly #source: ByteSource;
  /** Where it is in the file. */
  readonly offset: number;
  readonly #blockFootprint: number;
  readonly #metadata: readonly Region[];
  /** Between these is nothing but blocks, mostly all of them: behind the head of the file, before its footer. */
  readonly #clearStart: number;
  readonly #clearEnd: number;
  readonly #entries: SparseTable;
  readonly #places: BlockPlaces;
  /** Where blocks are that were read; {@linkcode ABSENT} for one that is not in the file. */
  readonly #read = new BlockMemo<number>();

  /**
   * @param offset Where the table is.
   * @param blockFootprint Bytes that a block takes in the file: its bitmap and its data.
   * @param metadata Where no block may be, the table itself included.
   * @param blockCount How many entries are read ahead, and {@linkcode offsetToRead} compares with each other. Default:
   * none.
   */
  constructor(
    source: ByteSource,
    offset: number,
    blockFootprint: number,
    metadata: readonly Region[],
    blockCount = 0,
  ) {
    this.#source = source;
    this.offset = offset;
    this.#blockFootprint = blockFootprint;
    this.#metadata = metadata;
    [this.#clearStart, this.#clearEnd] = clearRange(metadata, source.size);
    this.#entries = new SparseTable(source, {
      offset,
      length: blockCount * TABLE_ENTRY_SIZE,
      blank: "ones",
      structure: STRUCTURE,
      code: CODE,
    });
    this.#places = new BlockPlaces(
      blockCount,
      (first, end, places) => this.#collectPlaces(first, end, places),
    );
  }

  isAllocated(index: number): boolean {
    return this.#entry(index) !== UNALLOCATED;
  }

  absentUntil(index: number, limit: number): number {
    const end = this.#entries.blankUntil(this.#entryOffset(index), this.#entryOffset(limit));
    return (end - this.offset) / TABLE_ENTRY_SIZE;
  }

  /** @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where it cannot be there. */
  blockOffset(index: number): number | undefined {
    const entry = this.#entry(index);
    return entry === UNALLOCATED ? undefined : this.checkedOffset(index, entry);
  }

  /**
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where it cannot be there, or another block
   * is there too.
   */
  offsetToRead(index: number): number | undefined {
    const offset = this.#read.get(index) ??
      this.#read.keep(index, this.#unsharedOffset(index) ?? ABSENT);
    return offset === ABSENT ? undefined : offset;
  }

  #unsharedOffset(index: number): number | undefined {
    const offset = this.blockOffset(index);
    if (offset === undefined || !this.#places.isShared(index, offset)) return offset;
    throw this.fault(index, offset / SECTOR_SIZE, unsharedPlace(this.#blockFootprint));
  }

  /** @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where one cannot be there. */
  areAll(
    count: number,
    accepts: (offset: number) => boolean,
    except?: ReadonlyMap<number, number>,
  ): boolean {
    return this.#isEvery(
      0,
      count,
      (index, entry) => except?.has(index) === true || accepts(this.checkedOffset(index, entry)),
    );
  }

  /**
   * Where the block begins whose entry is given, in bytes.
   *
   * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where it cannot be there.
   */
  checkedOffset(index: number, entry: number): number {
    const offset = entry * SECTOR_SIZE;
    const other = this.#obstacle(offset);
    if (other !== undefined) {
      throw this.fault(index, entry, `a sector clear of the ${other.name}`);
    }
    if (offset + this.#blockFootprint > this.#source.size) {
      throw this.fault(index, entry, `a block within the ${this.#source.size} bytes of the file`);
    }
    return offset;
  }

  /** What is wrong with an entry. */
  fault(index: number, entry: number, expected: string): ImageError {
    return damaged(this.#source, CODE, STRUCTURE, this.#entryOffset(index), entry, expected);
  }

  /** Reads entries anew, after the file's have been written. */
  forget(): void {
    this.#read.clear();
    this.#entries.clear();
  }

  #collectPlaces(first: number, end: number, places: PlaceCollector): void {
    const footprint = this.#blockFootprint;
    const last = this.#source.size - footprint;
    this.#isEvery(first, end, (_, entry) => {
      const offset = entry * SECTOR_SIZE;
      if (offset <= last && this.#obstacle(offset) === undefined) places.add(offset, footprint);
      return true;
    });
  }

  /** What a block at `offset` would lie over, if anything. */
  #obstacle(offset: number): Region | undefined {
    const isClear = offset >= this.#clearStart && offset + this.#blockFootprint <= this.#clearEnd;
    return isClear ? undefined : overlapping(this.#metadata, offset, this.#blockFootprint);
  }

  /** Whether `accepts` says so of every entry of a block in the file. A call for each takes less than a generator. */
  #isEvery(
    first: number,
    end: number,
    accepts: (index: number, entry: number) => boolean,
  ): boolean {
    const length = (end - first) * TABLE_ENTRY_SIZE;
    for (const { at, view } of this.#entries.usedParts(this.#entryOffset(first), length)) {
      const firstOfPart = first + at / TABLE_ENTRY_SIZE;
      const count = view.byteLength / TABLE_ENTRY_SIZE;
      for (let i = 0; i < count; i++) {
        const entry = view.getUint32(i * TABLE_ENTRY_SIZE, BIG_ENDIAN);
        if (entry !== UNALLOCATED && !accepts(firstOfPart + i, entry)) return false;
      }
    }
    return true;
  }

  #entry(index: number): number {
    return this.#entries.uint32(this.#entryOffset(index), BIG_ENDIAN);
  }

  #entryOffset(index: number): number {
    return this.offset + index * TABLE_ENTRY_SIZE;
  }
}

/** A part of the file that no region reaches into: before the last one if that ends the file, else behind all. */
function clearRange(regions: readonly Region[], fileSize: number): [start: number, end: number] {
  let lastOffset = 0;
  let end = 0;
  for (const { offset, length } of regions) {
    lastOffset = Math.max(lastOffset, offset);
    end = Math.max(end, offset + length);
  }
  if (end < fileSize) return [end, Number.MAX_SAFE_INTEGER];
  let start = 0;
  for (const { offset, length } of regions) {
    if (offset < lastOffset) start = Math.max(start, offset + length);
  }
  return [start, lastOffset];
}

// The block allocation table of an image that is being written: changes wait in memory until what they
// lead to is durable.

/** The table with the changes that wait. */
export class PendingTable implements BlockTable {
  readonly #source: WritableSource;
  readonly #table: BlockAllocationTable;
  /** Entries by block. */
  readonly #changes = new Map<number, number>();

  constructor(source: WritableSource, table: BlockAllocationTable) {
    this.#source = source;
    this.#table = table;
  }

  /** How many changes wait. */
  get changeCount(): number {
    return this.#changes.size;
  }

  isAllocated(index: number): boolean {
    const entry = this.#changes.get(index);
    return entry === undefined ? this.#table.isAllocated(index) : entry !== UNALLOCATED;
  }

  absentUntil(index: number, limit: number): number {
    if (this.#changes.size === 0) return this.#table.absentUntil(index, limit);
    return this.isAllocated(index) ? index : index + 1;
  }

  blockOffset(index: number): number | undefined {
    const entry = this.#changes.get(index);
    if (entry === undefined) return this.#table.blockOffset(index);
    return entry === UNALLOCATED ? undefined : entry * SECTOR_SIZE;
  }

  offsetToRead(index: number): number | undefined {
    return this.#changes.has(index) ? this.blockOffset(index) : this.#table.offsetToRead(index);
  }

  areAll(count: number, accepts: (offset: number) => boolean): boolean {
    for (const entry of this.#changes.values()) {
      if (entry !== UNALLOCATED && !accepts(entry * SECTOR_SIZE)) return false;
    }
    return this.#table.areAll(count, accepts, this.#changes);
  }

  /** Lets the block begin at `offset`. */
  place(index: number, offset: number): void {
    this.#changes.set(index, offset / SECTOR_SIZE);
  }

  /** Takes the block out of the file. */
  remove(index: number): void {
    this.#changes.set(index, UNALLOCATED);
  }

  /** Writes the changes to the file; they still wait. */
  write(): void {
    const changes = [...this.#changes].sort(([a], [b]) => a - b);
    for (let first = 0; first < changes.length;) {
      const [index] = changes[first]!;
      let last = first + 1;
      while (last < changes.length && changes[last]![0] === index + last - first) last++;
      const entries = viewOf(new Uint8Array((last - first) * TABLE_ENTRY_SIZE));
      for (let i = first; i < last; i++) {
        entries.setUint32((i - first) * TABLE_ENTRY_SIZE, changes[i]![1], BIG_ENDIAN);
      }
      const bytes = new Uint8Array(entries.buffer);
      this.#source.writeAt(bytes, this.#table.offset + index * TABLE_ENTRY_SIZE);
      first = last;
    }
  }

  /** What was written has become durable. */
  settle(): void {
    this.#changes.clear();
    this.#table.forget();
  }
}

// Reads a whole block allocation table before the first write to an image: where two blocks share
// bytes, or a block lies over a structure, no write would be safe.

/** Places are kept for this many blocks first. */
const FIRST_BLOCKS = 2 ** 16;

/** The entries to read, and what to make of them. */
export interface ScannedTable {
  readonly table: BlockAllocationTable;
  /** How many blocks the disk has. */
  readonly blockCount: number;
  /** Bytes that a block takes in the file. */
  readonly footprint: number;
}

/**
 * The first sectors of all blocks in the file, in the order of the file. Takes 4 bytes a block.
 *
 * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT`
 */
export function scanBlocks(source: ByteSource, scanned: ScannedTable): Uint32Array {
  const { table, footprint } = scanned;
  // As many as can lie side by side: with one more, two of them overlap, whichever they are.
  const most = Math.floor(source.size / footprint);
  // Grows with the entries that were read, not with what a header or a hole in the file promises.
  let blocks = new Uint32Array(FIRST_BLOCKS);
  let count = 0;
  for (const [index, entry] of usedEntries(source, scanned)) {
    table.checkedOffset(index, entry);
    if (count === most) throw overlap(scanned, index, entry);
    if (count === blocks.length) blocks = doubled(blocks);
    blocks[count++] = entry;
  }
  const sorted = blocks.subarray(0, count).sort();
  for (let i = 1; i < count; i++) {
    if ((sorted[i]! - sorted[i - 1]!) * SECTOR_SIZE >= footprint) continue;
    const second = sorted[i]!;
    let found = 0;
    for (const [index, entry] of usedEntries(source, scanned)) if (entry === second) found = index;
    throw overlap(scanned, found, second);
  }
  return sorted;
}

function doubled(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(2 * numbers.length);
  more.set(numbers);
  return more;
}

/** The entries of blocks that are in the file, unchecked, in the order of the disk. */
export function* usedEntries(
  source: ByteSource,
  { table, blockCount }: Pick<ScannedTable, "table" | "blockCount">,
): Generator<[index: number, entry: number]> {
  const parts = usedParts(source, {
    offset: table.offset,
    length: blockCount * TABLE_ENTRY_SIZE,
    blank: "ones",
    structure: STRUCTURE,
    code: "ERROR_VHD_METADATA_READ_FAILURE",
  });
  for (const { at, view } of parts) {
    const first = at / TABLE_ENTRY_SIZE;
    for (let i = 0; i < view.byteLength; i += TABLE_ENTRY_SIZE) {
      const entry = view.getUint32(i, BIG_ENDIAN);
      if (entry !== UNALLOCATED) yield [first + i / TABLE_ENTRY_SIZE, entry];
    }
  }
}

function overlap({ table, footprint }: ScannedTable, index: number, entry: number) {
  return table.fault(index, entry, unsharedPlace(footprint));
}
