/**
 * Repairs a VHDX: replays its log, makes region tables equal and both headers valid, and cuts off a tail
 * that nothing uses.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { WritableSource } from "../byte_source.ts";
import { scanBlocks } from "../vhdx/block_scan.ts";
import { replayToFile } from "../vhdx/disk_replay.ts";
import { HEADER_OFFSETS } from "../vhdx/file_map.ts";
import { FileSpace } from "../vhdx/file_space.ts";
import { headerFault, readCurrentHeader } from "../vhdx/header.ts";
import { HeaderWriter } from "../vhdx/header_writer.ts";
import { findLogDamage } from "../vhdx/log_replay.ts";
import { readStructures, tablesOf } from "../vhdx/vhdx_structures.ts";
import { openWritableVhdx } from "../vhdx/writable_vhdx.ts";

/**
 * Repairs what can be repaired. After a crash at any moment the image is as it was, or repaired.
 *
 * @param discardDamagedLog Whether what cannot be replayed of a damaged log is discarded.
 * @throws {ImageError} Where it is damaged beyond that.
 */
export function repairVhdx(file: WritableSource, discardDamagedLog = false): void {
  const isDiscarded = discardDamagedLog && discardLog(file);
  // Opening for writing replays the log and makes the region tables equal.
  openWritableVhdx(file).finish();
  const headers = new HeaderWriter(file, readCurrentHeader(file));
  if (HEADER_OFFSETS.some((offset) => headerFault(file, offset) !== undefined)) {
    // The slot that is not current is written first: it is the damaged one.
    headers.announceWrite();
    headers.update({});
  }
  // Blocks that only the log referred to are no tail that nobody needs.
  if (!isDiscarded) cutTail(file, headers);
}

/**
 * Leaves the disk as it was before the first damaged entry.
 *
 * @returns Whether there was such an entry; else the log stays.
 */
function discardLog(file: WritableSource): boolean {
  const header = readCurrentHeader(file);
  const damage = header.logGuid === NIL_GUID ? undefined : findLogDamage(file, header);
  if (damage === undefined) return false;
  const headers = new HeaderWriter(file, header);
  // The disk is not the one that children were made of.
  headers.announceDataChange();
  if (damage.replayed === undefined) headers.updateBoth({ logGuid: NIL_GUID });
  else replayToFile(file, damage.replayed, headers);
  return true;
}

/** The log is empty: no entry of it asks for a longer file. */
function cutTail(file: WritableSource, headers: HeaderWriter): void {
  const structures = readStructures(file);
  const { blockSize, leaveBlocksAllocated } = structures.metadata;
  if (leaveBlocksAllocated) return;
  const space = new FileSpace(file);
  scanBlocks(file, structures, tablesOf(structures), space);
  if (file.size - space.end < blockSize) return;
  headers.announceWrite();
  file.truncate(space.end);
  file.flush();
}
