/**
 * Checks a VHDX, structure by structure, each against the rules that reading and writing rely on.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { checkItemLimits, checkMetadataFields } from "./check_fields.ts";
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import type { Findings, LinkPlace } from "../image/findings.ts";
import type { Checks } from "../image/format.ts";
import type { Pace } from "../image/pace.ts";
import { VhdxBlockCheck } from "./check_blocks.ts";
import { type CheckedHeaderArea, checkHeaderArea } from "./check_headers.ts";
import { HEADER_OFFSETS, MAX_FILE_SIZE, MIB } from "./file_map.ts";
import { headerFault, HeaderWriter, readCurrentHeader } from "./header.ts";
import { findLogDamage } from "./log_replay.ts";
import { type DiskMetadata, PARENT_LOCATOR, readMetadata } from "./metadata_items.ts";
import { readMetadataTable } from "./metadata_table.ts";
import { tablesOf } from "./structures.ts";
import { replayToFile, VhdxFile } from "./vhdx_file.ts";

/**
 * Checks a file that is taken for a VHDX; its parent is not looked for.
 *
 * @param discardsLog Whether a repair is to discard a damaged log.
 */
export async function checkVhdx(
  file: ByteSource,
  findings: Findings,
  pace: Pace,
  discardsLog: boolean,
): Promise<LinkPlace | undefined> {
  const area = checkHeaderArea(file, findings, discardsLog);
  if (area === undefined) return undefined;
  const metadata = findings.attempt(() => readMetadata(area.source, area.regions.metadata));
  if (metadata === undefined) return undefined;
  checkMetadataFields(area.source, area.regions.metadata, findings);
  checkItemLimits(area.source, area.regions.metadata, findings);
  if (area.source.size > MAX_FILE_SIZE) {
    findings.add({
      severity: "error",
      structure: "file",
      offset: 0,
      found: `${area.source.size} bytes`,
      expected: `at most ${MAX_FILE_SIZE}`,
      symbol: "ERROR_FILE_CORRUPT",
    });
    return linkPlace(area, metadata);
  }
  checkFileSize(area.source, findings);
  checkUnfinishedMerge(area, metadata, findings);
  const tables = findings.attempt(() => tablesOf({ ...area, metadata }));
  if (tables === undefined) return undefined;
  await new VhdxBlockCheck(area, metadata, tables, findings).run(pace);
  return linkPlace(area, metadata);
}

/** A file may end within a MiB; the next writer rounds it up. */
function checkFileSize({ size }: ByteSource, findings: Findings): void {
  if (size % MIB === 0) return;
  findings.add({
    severity: "info",
    structure: "file",
    offset: size - size % MIB,
    found: `${size} bytes`,
    expected: "whole MiB",
  });
}

/** Only while a merge goes on does a child know its parent by two identifiers: the old one and the new. */
function checkUnfinishedMerge(
  area: CheckedHeaderArea,
  metadata: DiskMetadata,
  findings: Findings,
): void {
  const place = linkPlace(area, metadata);
  if (place === undefined || (metadata.parent?.identifiers.length ?? 0) < 2) return;
  findings.add({
    severity: "info",
    ...place,
    found: `identifiers ${metadata.parent?.identifiers.join(" and ")}`,
    expected: "one: a merge into the parent has not come to its end, and can be done again",
  });
}

/** Where the parent locator item is. */
function linkPlace(
  { source, regions }: CheckedHeaderArea,
  { hasParent }: DiskMetadata,
): LinkPlace | undefined {
  if (!hasParent) return undefined;
  const item = readMetadataTable(source, regions.metadata)
    .find(({ id, isUser }) => id === PARENT_LOCATOR && !isUser);
  if (item === undefined) return undefined;
  return { structure: "parent locator", offset: regions.metadata.offset + item.offset };
}

// Repairs a VHDX: replays its log, makes region tables equal and both headers valid, and cuts off a tail
// that nothing uses.

/**
 * Repairs what can be repaired. After a crash at any moment the image is as it was, or repaired.
 *
 * @param discardDamagedLog Whether what cannot be replayed of a damaged log is discarded.
 * @throws {ImageError} Where it is damaged beyond that.
 */
export function repairVhdx(file: WritableSource, discardDamagedLog: boolean): void {
  const isDiscarded = discardDamagedLog && discardLog(file);
  // Opening for writing replays the log and makes the region tables equal.
  const opened = VhdxFile.open(file);
  opened.close();
  if (HEADER_OFFSETS.some((offset) => headerFault(file, offset) !== undefined)) {
    // The slot that is not current is written first: it is the damaged one.
    opened.beforeWrite();
    opened.headers.update({});
  }
  // Blocks that only the log referred to are no tail that nobody needs.
  if (!isDiscarded) cutTail(opened);
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

/** A tail of a block and more. */
function cutTail(opened: VhdxFile): void {
  const { blockSize, leaveBlocksAllocated } = opened.structures.metadata;
  if (leaveBlocksAllocated) return;
  opened.survey();
  if (opened.file.size - opened.space.end >= blockSize) opened.cutOff();
}

/** How VHDX files are checked and repaired. */
export const VHDX_CHECKS: Checks = {
  check: (file, findings, pace, { discardDamagedLog }) =>
    checkVhdx(file, findings, pace, discardDamagedLog),
  repair: (file, { discardDamagedLog }) => repairVhdx(file, discardDamagedLog),
};
