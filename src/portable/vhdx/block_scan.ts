/**
 * Goes through the whole block allocation table once, before the first change: what no entry names is free. Where
 * two entries name a place, or one names data of a block that it says to be absent, nothing may be written.
 *
 * @module
 */
import {
  type BatEntry,
  BITMAP_BLOCK_LENGTH,
  type BlockAllocationTable,
  isPlaceless,
} from "./block_table.ts";
import type { FileSpace } from "./space.ts";
import type { BlockTables, VhdxStructures } from "./structures.ts";

/** A block that the table names, and where it lies. */
export interface PlacedBlock {
  readonly kind: "payload block" | "sector bitmap block";
  /** Of the payload block, or of the chunk that the bitmap is for. */
  readonly index: number;
  /** In the file. */
  readonly offset: number;
  readonly length: number;
}

/** Marks everything that lies in the file. */
export function scanBlocks(
  structures: VhdxStructures,
  tables: BlockTables,
  space: FileSpace,
): void {
  for (const range of structures.occupied) space.occupy(range, range.offset);
  const { table } = tables;
  for (const { kind, index, offset, length } of placedBlocks(structures, tables)) {
    const at = kind === "payload block"
      ? table.payloadEntryOffset(index)
      : table.bitmapEntryOffset(index);
    space.occupy({ name: kind, offset, length }, at);
  }
}

/** What the entries of the table own in the file, in the order of the table. */
export function* placedBlocks(
  { metadata }: Pick<VhdxStructures, "metadata">,
  { table }: BlockTables,
): Generator<PlacedBlock> {
  const ratio = table.chunkRatio;
  for (const entry of table.entriesInUse()) {
    const chunk = Math.floor(entry / (ratio + 1));
    const inChunk = entry % (ratio + 1);
    if (inChunk === ratio) {
      // In disks without parent, the entry only keeps its place.
      const offset = metadata.hasParent ? table.bitmapIfPresent(chunk) : undefined;
      if (offset === undefined) continue;
      yield { kind: "sector bitmap block", index: chunk, offset, length: BITMAP_BLOCK_LENGTH };
    } else {
      const index = chunk * ratio + inChunk;
      // A table of whole chunks goes on behind the last block.
      if (index * metadata.blockSize >= metadata.virtualSize) continue;
      const offset = assertedPlace(table, index, table.payload(index));
      if (offset === 0) continue;
      yield { kind: "payload block", index, offset, length: metadata.blockSize };
    }
  }
}

/**
 * As {@linkcode ownedPlace}, where a write to places that nothing owns destroys nothing.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` if the entry owns none and names one with data that no block has: only its
 * state may be damaged.
 */
export function assertedPlace(
  table: BlockAllocationTable,
  block: number,
  entry: BatEntry,
): number {
  const owned = ownedPlace(entry);
  if (owned === 0 && entry.fileOffset !== 0) table.payloadToRead(block);
  return owned;
}

/** The place that an entry owns in the file, 0 where it owns none; the old contents count. */
export function ownedPlace({ state, fileOffset }: { state: number; fileOffset: number }): number {
  return isPlaceless(state) ? 0 : fileOffset;
}
