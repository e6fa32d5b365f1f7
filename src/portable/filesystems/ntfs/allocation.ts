/**
 * The map of the clusters of NTFS, `$Bitmap`, and whether all files lie in clusters that it has as used.
 *
 * A map that is older than the files, for whatever reason, would have some of them among what is free: so the whole
 * master file table is read, too.
 *
 * @module
 */
import { AllocationMap } from "../allocation_map.ts";
import { type NtfsGeometry, refusal } from "./boot_sector.ts";
import type { MasterFileTable } from "./mft.ts";
import { isRecordInUse, parseRecord } from "./records.ts";
import type { Stream } from "./runs.ts";

/** Bytes of the master file table that are read at once. */
const PIECE_LENGTH = 2 ** 20;

/** @throws {Refusal} If the map is too short for the clusters. */
export function allocationMap(
  bitmap: Stream,
  { clusterCount, clusterSize }: NtfsGeometry,
): AllocationMap {
  if (bitmap.size < Math.ceil(clusterCount / 8)) {
    throw refusal(`$Bitmap has ${bitmap.size} bytes, too few for ${clusterCount} clusters`);
  }
  const readMap = (offset: number, length: number) => bitmap.read(offset, length);
  return new AllocationMap({ clusterCount, clusterSize, offset: 0, readMap });
}

/**
 * Verifies that every cluster of every file is used. Yields whenever it has read for a while.
 *
 * @throws {Refusal} If one is not, or a record of a file cannot be read.
 */
export function* verifyFilesAllocated(
  table: MasterFileTable,
  allocation: AllocationMap,
): Generator<undefined> {
  const { recordSize } = table.geometry;
  // The boot sector, whatever the file says that has it.
  assertUsed(allocation, 0, 1, 7);
  const perPiece = PIECE_LENGTH / recordSize;
  for (let first = 0; first < table.recordCount; first += perPiece) {
    const count = Math.min(perPiece, table.recordCount - first);
    const piece = table.readRecords(first, count);
    for (let i = 0; i < count; i++) {
      const bytes = piece.subarray(i * recordSize, (i + 1) * recordSize);
      if (!isRecordInUse(bytes)) continue;
      const number = first + i;
      for (const { extent } of parseRecord(bytes, number, table.geometry).attributes) {
        for (const { lcn, count } of extent?.runs ?? []) {
          if (lcn !== undefined) assertUsed(allocation, lcn, count, number);
        }
      }
    }
    yield undefined;
  }
}

function assertUsed(allocation: AllocationMap, first: number, count: number, record: number): void {
  const free = allocation.firstFree(first, count);
  if (free === undefined) return;
  throw refusal(`$Bitmap has cluster ${free} as free, which file record ${record} has`);
}
