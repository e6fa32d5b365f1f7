/**
 * Reads a whole block allocation table before the first write to an image: where two blocks share
 * bytes, or a block lies over a structure, no write would be safe.
 *
 * @module
 */
import { type ByteSource, readStructure, viewOf } from "../byte_source.ts";
import {
  type BlockAllocationTable,
  TABLE_ENTRY_SIZE,
  UNALLOCATED,
} from "./block_allocation_table.ts";
import { SECTOR_SIZE } from "./sector.ts";

/** A table of gigabytes is read in pieces of this many entries. */
const ENTRIES_PER_PIECE = 2 ** 16;
const BIG_ENDIAN = false;

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
  let blocks = new Uint32Array(ENTRIES_PER_PIECE);
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
  for (let first = 0; first < blockCount; first += ENTRIES_PER_PIECE) {
    const length = Math.min(ENTRIES_PER_PIECE, blockCount - first) * TABLE_ENTRY_SIZE;
    const piece = viewOf(readStructure(
      source,
      table.offset + first * TABLE_ENTRY_SIZE,
      length,
      "block allocation table",
      "ERROR_VHD_METADATA_READ_FAILURE",
    ));
    for (let i = 0; i < length; i += TABLE_ENTRY_SIZE) {
      const entry = piece.getUint32(i, BIG_ENDIAN);
      if (entry !== UNALLOCATED) yield [first + i / TABLE_ENTRY_SIZE, entry];
    }
  }
}

function overlap({ table, footprint }: ScannedTable, index: number, entry: number) {
  return table.fault(index, entry, `${footprint} bytes that no other block uses`);
}
