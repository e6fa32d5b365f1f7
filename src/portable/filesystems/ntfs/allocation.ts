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
import { type MasterFileTable, RECORD } from "./mft.ts";
import { parseRecord, stateOf } from "./records.ts";
import type { Stream } from "./runs.ts";

/** Bytes of the master file table that are read at once. */
const PIECE_LENGTH = 2 ** 20;
/** Records that may be empty, beside as many as there are others: a table of nothing but zeros has no end. */
const MAX_EMPTY_RECORDS = 2 ** 16;

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
  const { geometry: { recordSize, clusterCount }, recordCount } = table;
  // The boot sector, whatever the file says that has it.
  assertUsed(allocation, 0, 1, RECORD.boot);
  let [clusters, empty] = [0, 0];
  const perPiece = PIECE_LENGTH / recordSize;
  for (let first = 0; first < recordCount; first += perPiece) {
    const count = Math.min(perPiece, recordCount - first);
    const piece = table.readRecords(first, count);
    for (let i = 0; i < count; i++) {
      const number = first + i;
      const bytes = piece.subarray(i * recordSize, (i + 1) * recordSize);
      const state = stateOf(bytes, number);
      if (state === "empty" && ++empty > MAX_EMPTY_RECORDS + number / 2) {
        throw refusal("its master file table is empty for the most part");
      }
      if (state !== "in use") continue;
      for (const { extent } of parseRecord(bytes, number, table.geometry).attributes) {
        for (const { lcn, count } of extent?.runs ?? []) {
          if (lcn === undefined) continue;
          clusters += count;
          if (clusters > clusterCount) throw refusal("its files have more clusters than there are");
          assertUsed(allocation, lcn, count, number);
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
