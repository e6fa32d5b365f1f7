/**
 * Goes through the whole block allocation table once, before the first change: what no entry names is
 * free, and a place that two entries name must not be written to.
 *
 * @module
 */
import { type ByteSource, readStructure } from "../byte_source.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  BITMAP_BLOCK_LENGTH,
  PAYLOAD,
} from "./block_allocation_table.ts";
import type { FileSpace } from "./file_space.ts";
import { MIB } from "./file_map.ts";
import type { BlockTables, VhdxStructures } from "./vhdx_structures.ts";

/** Marks everything that lies in the file. */
export function scanBlocks(
  source: ByteSource,
  { regions, metadata, occupied }: VhdxStructures,
  { table }: BlockTables,
  space: FileSpace,
): void {
  for (const range of occupied) space.occupy(range, range.offset);
  const ratio = table.chunkRatio;
  const entryCount = batEntryCount(metadata);
  for (const index of entriesInUse(source, regions.bat.offset, entryCount)) {
    const chunk = Math.floor(index / (ratio + 1));
    const inChunk = index % (ratio + 1);
    if (inChunk === ratio) {
      // In disks without parent, the entry only keeps its place.
      const offset = metadata.hasParent ? table.bitmapIfPresent(chunk) : undefined;
      if (offset === undefined) continue;
      const range = { name: "sector bitmap block", offset, length: BITMAP_BLOCK_LENGTH };
      space.occupy(range, table.bitmapEntryOffset(chunk));
    } else {
      const block = chunk * ratio + inChunk;
      // A table of whole chunks goes on behind the last block.
      if (block * metadata.blockSize >= metadata.virtualSize) continue;
      const offset = ownedPlace(table.payload(block));
      if (offset === 0) continue;
      const range = { name: "payload block", offset, length: metadata.blockSize };
      space.occupy(range, table.payloadEntryOffset(block));
    }
  }
}

/** The place that an entry owns in the file, 0 where it owns none; the old contents count. */
export function ownedPlace({ state, fileOffset }: { state: number; fileOffset: number }): number {
  return state === PAYLOAD.NOT_PRESENT || state === PAYLOAD.ZERO ? 0 : fileOffset;
}

/** The numbers of the entries that are not all zero, of which a large disk may have few. */
function* entriesInUse(source: ByteSource, offset: number, count: number): Generator<number> {
  const perPiece = MIB / BAT_ENTRY_LENGTH;
  for (let start = 0; start < count; start += perPiece) {
    const length = Math.min(perPiece, count - start) * BAT_ENTRY_LENGTH;
    const bytes = readStructure(
      source,
      offset + start * BAT_ENTRY_LENGTH,
      length,
      "block allocation table",
      "ERROR_FILE_CORRUPT",
    );
    // Zero is zero in either byte order.
    const halves = new Uint32Array(bytes.buffer);
    for (let i = 0; i < halves.length; i += 2) {
      if (halves[i] !== 0 || halves[i + 1] !== 0) yield start + i / 2;
    }
  }
}
