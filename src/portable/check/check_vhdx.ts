/**
 * Checks a VHDX, structure by structure, each against the rules that reading and writing rely on.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { Pace } from "../operations/pace.ts";
import { MAX_FILE_SIZE, MIB } from "../vhdx/file_map.ts";
import { type DiskMetadata, PARENT_LOCATOR, readMetadata } from "../vhdx/metadata_items.ts";
import { readMetadataTable } from "../vhdx/metadata_table.ts";
import { tablesOf } from "../vhdx/vhdx_structures.ts";
import type { LinkPlace } from "./check_vhd.ts";
import type { Findings } from "./findings.ts";
import { VhdxBlockCheck } from "./vhdx_blocks.ts";
import { checkItemLimits } from "./vhdx_item_limits.ts";
import { type CheckedHeaderArea, checkHeaderArea } from "./vhdx_header_area.ts";
import { checkMetadataFields } from "./vhdx_unused_fields.ts";

/**
 * Checks a file that is taken for a VHDX; its parent is not looked for.
 *
 * @param discardsLog Whether a repair is to discard a damaged log.
 */
export async function checkVhdx(
  file: ByteSource,
  findings: Findings,
  pace: Pace,
  discardsLog = false,
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
  const tables = findings.attempt(() => tablesOf({ ...area, metadata, replayed: undefined }));
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
