/**
 * Checks what a VHDX file begins with: identifier, both headers, the log that they name, both region tables.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import type { Findings } from "../image/findings.ts";
import { checkHeaderFields, checkRegionFields } from "./check_fields.ts";
import {
  hasFileIdentifier,
  HEADER_AREA_LENGTH,
  HEADER_OFFSETS,
  MIB,
  REGION_TABLE_OFFSETS,
} from "./file_map.ts";
import {
  type CurrentHeader,
  type Header,
  headerFault,
  MAX_SEQUENCE_NUMBER,
  readCurrentHeader,
} from "./header.ts";
import { LOG_HEADER, LogRing } from "./log_entry.ts";
import { findLogDamage, replayLog, searchLog } from "./log_replay.ts";
import {
  readRegions,
  type Regions,
  regionTableDifference,
  regionTableFault,
} from "./region_table.ts";
import { OccupiedRanges } from "./space.ts";

const CORRUPT = "ERROR_FILE_CORRUPT";

/** What the start of a file says. */
export interface CheckedHeaderArea {
  /** The file, or the file as its log leaves it. */
  readonly source: ByteSource;
  readonly header: CurrentHeader;
  readonly regions: Regions;
  /** Header area, log and all regions. */
  readonly occupied: OccupiedRanges;
}

/**
 * Checks all up to the region tables; `undefined` where what follows them cannot be found.
 *
 * @param discardsLog Whether a repair is to discard a damaged log.
 */
export function checkHeaderArea(
  file: ByteSource,
  findings: Findings,
  discardsLog: boolean,
): CheckedHeaderArea | undefined {
  checkIdentifier(file, findings);
  if (file.size < HEADER_AREA_LENGTH) {
    findings.add({
      severity: "error",
      structure: "header area",
      offset: 0,
      found: `a file of ${file.size} bytes`,
      expected: `at least ${HEADER_AREA_LENGTH}`,
      symbol: CORRUPT,
    });
    return undefined;
  }
  const header = checkHeaders(file, findings);
  if (header === undefined) return undefined;
  const source = header.logGuid === NIL_GUID ? file : checkLog(file, header, findings, discardsLog);
  if (source === undefined) return undefined;
  const occupied = new OccupiedRanges();
  occupied.add({ name: "header area", offset: 0, length: HEADER_AREA_LENGTH });
  if (header.logLength > 0) {
    occupied.add({ name: "log", offset: header.logOffset, length: header.logLength });
  }
  const regions = findings.attempt(() => readRegions(source, occupied));
  if (regions === undefined) return undefined;
  checkRegionTables(source, findings);
  checkRegionFields(source, findings);
  return { source, header, regions, occupied };
}

/** The check goes on without it: it says what the file is, which the caller knows. */
function checkIdentifier(file: ByteSource, findings: Findings): void {
  findings.attempt(() => {
    if (hasFileIdentifier(file)) return;
    const code = "ERROR_VHD_FORMAT_UNKNOWN";
    throw damaged(file, code, "file type identifier", 0, "other bytes", "vhdxfile");
  });
}

function checkHeaders(file: ByteSource, findings: Findings): CurrentHeader | undefined {
  const header = findings.attempt(() => readCurrentHeader(file));
  if (header === undefined) return undefined;
  for (const offset of HEADER_OFFSETS) {
    const found = headerFault(file, offset);
    if (found === undefined) continue;
    findings.add({
      severity: "warning",
      structure: "header",
      offset,
      found,
      expected: "a valid header, for the other may be lost in a crash",
      symbol: CORRUPT,
      repairable: true,
    });
  }
  checkHeaderFields(file, header, findings);
  if (header.sequenceNumber === MAX_SEQUENCE_NUMBER) {
    findings.add({
      severity: "error",
      structure: "header",
      offset: header.offset,
      found: `sequence number ${header.sequenceNumber}`,
      expected: "a lower one, so that another header can follow",
      symbol: CORRUPT,
    });
  }
  return header;
}

/** A log that was left behind is no damage, as long as it can be replayed. */
function checkLog(
  file: ByteSource,
  header: CurrentHeader,
  findings: Findings,
  discardsLog: boolean,
): ByteSource | undefined {
  const damage = discardsLog ? findings.attempt(() => findLogDamage(file, header)) : undefined;
  if (damage !== undefined) {
    findings.addError(damage.error, true);
    return damage.replayed ?? file;
  }
  const replayed = findings.attempt(() => replayLog(file, header));
  if (replayed !== undefined) {
    checkLogFields(file, header, findings);
    findings.add({
      severity: "warning",
      structure: "log",
      offset: header.logOffset,
      found: "changes that are not in their places: the image was not closed",
      expected: "an empty log",
      repairable: true,
    });
  }
  return replayed;
}

function checkRegionTables(source: ByteSource, findings: Findings): void {
  const warning = {
    severity: "warning",
    structure: "region table",
    symbol: CORRUPT,
    repairable: true,
  } as const;
  let areValid = true;
  for (const offset of REGION_TABLE_OFFSETS) {
    const found = regionTableFault(source, offset);
    if (found === undefined) continue;
    areValid = false;
    findings.add({ ...warning, offset, found, expected: "a valid table, like the other copy" });
  }
  const difference = areValid ? regionTableDifference(source) : undefined;
  if (difference === undefined) return;
  const offset = REGION_TABLE_OFFSETS[1] + difference;
  findings.add({ ...warning, offset, found: "another byte", expected: "the first copy's" });
}

/** Checks the entries that count; there are such. */
export function checkLogFields(file: ByteSource, header: Header, findings: Findings): void {
  const ring = new LogRing(file, header);
  for (const entry of searchLog(ring).active ?? []) {
    const lengths = [
      ["flushedFileOffset", "flushed"],
      ["lastFileOffset", "last"],
    ] as const;
    for (const [field, name] of lengths) {
      const length = entry[field];
      if (length % MIB === 0) continue;
      findings.add({
        severity: "info",
        ...LOG_HEADER.place(field, ring.fileOffset(entry.position)),
        found: `${name} file offset ${length}`,
        expected: "whole MiB",
      });
    }
  }
}
