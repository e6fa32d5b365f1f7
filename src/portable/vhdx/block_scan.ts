/**
 * Goes through the whole block allocation table once, before the first change: what no entry names is
 * free, and a place that two entries name must not be written to.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import { BAT_ENTRY_LENGTH, batEntryCount, BITMAP_BLOCK_LENGTH, PAYLOAD } from "./block_table.ts";
import type { FileSpace } from "./space.ts";
import { MIB } from "./file_map.ts";
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
  source: ByteSource,
  structures: VhdxStructures,
  tables: BlockTables,
  space: FileSpace,
): void {
  for (const range of structures.occupied) space.occupy(range, range.offset);
  const { table } = tables;
  for (const { kind, index, offset, length } of placedBlocks(source, structures, tables)) {
    const at = kind === "payload block"
      ? table.payloadEntryOffset(index)
      : table.bitmapEntryOffset(index);
    space.occupy({ name: kind, offset, length }, at);
  }
}

/** What the entries of the table own in the file, in the order of the table. */
export function* placedBlocks(
  source: ByteSource,
  { regions, metadata }: VhdxStructures,
  { table }: BlockTables,
): Generator<PlacedBlock> {
  const ratio = table.chunkRatio;
  const entryCount = batEntryCount(metadata);
  for (const entry of entriesInUse(source, regions.bat.offset, entryCount)) {
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
      const offset = ownedPlace(table.payload(index));
      if (offset === 0) continue;
      yield { kind: "payload block", index, offset, length: metadata.blockSize };
    }
  }
}

/** The place that an entry owns in the file, 0 where it owns none; the old contents count. */
export function ownedPlace({ state, fileOffset }: { state: number; fileOffset: number }): number {
  return state === PAYLOAD.NOT_PRESENT || state === PAYLOAD.ZERO ? 0 : fileOffset;
}

/** What is skipped at once if it holds nothing, in bytes. */
const PAGE = 4096;

/** The numbers of the entries that are not all zero, of which a large disk may have few. */
export function* entriesInUse(
  source: ByteSource,
  offset: number,
  count: number,
): Generator<number> {
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
    for (let from = 0; from < length; from += PAGE) {
      const page = bytes.subarray(from, from + PAGE);
      if (isAllZero(page)) continue;
      // Zero is zero in either byte order.
      const halves = new Uint32Array(page.buffer, from, page.length / 4);
      for (let i = 0; i < halves.length; i += 2) {
        if (halves[i] !== 0 || halves[i + 1] !== 0) yield start + (from / 4 + i) / 2;
      }
    }
  }
}
