/**
 * Checks the footer of a VHD and its copy.
 *
 * @module
 */
import type { FieldPlace, FieldRange } from "../../bytes/layout.ts";
import { firstNonZero } from "../../bytes/zeros.ts";
import { asciiField, type ByteSource, readStructure } from "../file/byte_source.ts";
import type { Findings } from "../image/findings.ts";
import type { ParentLink } from "../image/image.ts";
import type { Pace } from "../image/pace.ts";
import { TABLE_ENTRY_SIZE } from "./block_table.ts";
import {
  checksumMismatch,
  DISK_TYPE,
  FILE_FORMAT_VERSION,
  FOOTER,
  type Footer,
  FOOTER_COOKIE,
  FOOTER_SIZE,
  footerFault,
} from "./footer.ts";
import { checkFooter, findFooter, type FoundFooter } from "./footer_search.ts";
import { FOOTER_COPY_OFFSET } from "./footers.ts";
import { foreignByte, surplusOf } from "./grow_fixed.ts";
import { blockCount } from "./layout.ts";
import { locatorRegions, type PlacedHeader, readParentLink, usedLocators } from "./parent_link.ts";
import type { Region } from "./regions.ts";
import {
  headRegions,
  LOCATOR,
  locatorOffset,
  readSparseHeader,
  SPARSE_HEADER,
  SPARSE_HEADER_VERSION,
  type SparseHeader,
} from "./sparse_header.ts";

/** Bit 0 says that the disk is temporary; bit 1 is always set, and nothing else ever. */
const FEATURES_RESERVED = 2;
const FEATURES_TEMPORARY = 1;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const PIECE = 2 ** 24;
const READ_FAILURE = "ERROR_VHD_METADATA_READ_FAILURE";

/** The footer to believe; `undefined` where there is none, or its fields break a rule. */
export async function checkFooters(
  source: ByteSource,
  findings: Findings,
  pace: Pace,
): Promise<FoundFooter | undefined> {
  const found = findings.attempt(() => {
    const footer = findFooter(source);
    checkFooter(source, footer);
    return footer;
  });
  if (found === undefined) return undefined;
  if (found.footer.diskType === DISK_TYPE.fixed) {
    await checkFixedPlace(source, found, findings, pace);
  } else checkOtherFooter(source, found, findings);
  checkFields(found, findings);
  return found;
}

/** A fixed image has no copy; its footer follows the disk, and ends the file. */
async function checkFixedPlace(
  source: ByteSource,
  found: FoundFooter,
  findings: Findings,
  pace: Pace,
): Promise<void> {
  const surplus = surplusOf(source, found);
  if (surplus === "none") return;
  const { footer: { currentSize }, offset } = found;
  const end = currentSize + FOOTER_SIZE;
  const last = source.size - FOOTER_SIZE;
  const isAtEnd = offset >= last;
  const symbol = isAtEnd ? "ERROR_VHD_INVALID_FILE_SIZE" : "ERROR_VHD_DRIVE_FOOTER_MISSING";
  const foreign = surplus === "growth" ? undefined : await searchForeign(source, found, pace);
  if (foreign === undefined) {
    findings.add({
      severity: "warning",
      structure: "footer",
      offset: isAtEnd ? offset + FOOTER.at.currentSize : last,
      found: `${source.size - end} bytes too many, zeros and footers, ` +
        "as a crash leaves them while the disk grows",
      expected: `the end of the file at ${end}: opening it for writing, or a repair, cuts it there`,
      symbol,
      repairable: true,
    });
  } else if (isAtEnd) {
    findings.add({
      severity: "warning",
      structure: "footer",
      offset: offset + FOOTER.at.currentSize,
      found: currentSize,
      expected: `${offset}, the bytes before the footer`,
      symbol,
    });
  } else {
    findings.add({
      severity: "error",
      structure: "footer",
      offset: foreign,
      found: `bytes that belong to no disk; the footer is at ${offset}, not at the end of the file`,
      expected: `nothing but zeros behind the disk, which ends at ${currentSize}`,
      symbol,
    });
  }
}

/** As `foreignByte()`, in pieces: it may be much that lies behind a disk. */
async function searchForeign(
  source: ByteSource,
  found: FoundFooter,
  pace: Pace,
): Promise<number | undefined> {
  for (let start = found.footer.currentSize; start < source.size; start += PIECE) {
    const end = Math.min(source.size, start + PIECE);
    const foreign = foreignByte(source, found, start, end);
    if (foreign !== undefined) return foreign;
    await pace.reach(end, source.size);
  }
  return undefined;
}

/** Of two footers, the one that is not believed: other tools may believe it. */
function checkOtherFooter(source: ByteSource, found: FoundFooter, findings: Findings): void {
  const isCopyBad = found.structure === "footer";
  const structure = isCopyBad ? "footer copy" : "footer";
  const offset = isCopyBad ? FOOTER_COPY_OFFSET : Math.max(0, source.size - FOOTER_SIZE);
  const bytes = readStructure(source, offset, FOOTER_SIZE, structure, READ_FAILURE);
  const common = { severity: "warning", structure, repairable: true } as const;
  switch (footerFault(bytes)) {
    case "cookie":
      findings.add({
        ...common,
        offset,
        found: asciiField(bytes, FOOTER.at.cookie, FOOTER_COOKIE.length),
        expected: `${FOOTER_COOKIE}, the cookie of a footer`,
        symbol: "ERROR_VHD_DRIVE_FOOTER_MISSING",
      });
      return;
    case "checksum":
      findings.add({
        ...common,
        offset: offset + FOOTER.at.checksum,
        ...checksumMismatch(FOOTER, bytes),
        symbol: "ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH",
      });
      return;
    case undefined: {
      const different = bytes.findIndex((byte, i) => byte !== found.bytes[i]);
      if (different < 0) return;
      findings.add({
        ...common,
        offset: offset + different,
        found: bytes[different],
        expected: `${found.bytes[different]}, as in the ${found.structure} at ${found.offset}`,
        symbol: "ERROR_VHD_DRIVE_FOOTER_CORRUPT",
      });
    }
  }
}

/** What no reader relies on. */
function checkFields({ footer, structure, offset, bytes }: FoundFooter, findings: Findings): void {
  const unusual = (field: number, found: number, expected: string) =>
    findings.add({ severity: "info", structure, offset: offset + field, found, expected });
  const { features, fileFormatVersion, diskType, dataOffset } = footer;
  if ((features & ~FEATURES_TEMPORARY) !== FEATURES_RESERVED) {
    unusual(FOOTER.at.features, features, "bit 1 set, and no other but bit 0");
  }
  if (fileFormatVersion !== FILE_FORMAT_VERSION) {
    unusual(FOOTER.at.fileFormatVersion, fileFormatVersion, "version 1.0");
  }
  if (diskType === DISK_TYPE.fixed && dataOffset !== undefined) {
    unusual(FOOTER.at.dataOffset, dataOffset, "all ones, in 64 bits");
  }
  if (footer.savedState) {
    findings.add({
      severity: "info",
      structure,
      offset: offset + FOOTER.at.savedState,
      found: bytes[FOOTER.at.savedState],
      expected: "0: while a machine's state is saved, the disk cannot be resized or compacted",
      symbol: "ERROR_VHD_INVALID_STATE",
    });
  }
  for (const { offset: field, found } of FOOTER.nonZeroReserved(bytes)) {
    unusual(field, found, "0 in reserved bytes");
  }
}

// Checks the sparse header of a VHD, and the paths of the parent that it leads to.

/** A header that keeps the rules. */
export interface CheckedHeader {
  readonly header: SparseHeader;
  /** Footer copy, header, table. */
  readonly head: readonly Region[];
  /** Where no block may be: footer copy, header, table, the parent's paths. */
  readonly metadata: readonly Region[];
  /** Of a differencing image whose paths can be read. */
  readonly parent: ParentLink | undefined;
}

/** Checks header and paths; `undefined` where the header cannot be believed. */
export function checkSparseHeader(
  source: ByteSource,
  footer: Footer,
  headerOffset: number,
  findings: Findings,
): CheckedHeader | undefined {
  const header = findings.attempt(() => readSparseHeader(source, headerOffset, footer.currentSize));
  if (header === undefined) return undefined;
  checkHeaderFields(source, footer, { header, offset: headerOffset }, findings);
  const head: Region[] = [...headRegions(headerOffset), {
    name: "block allocation table",
    offset: header.tableOffset,
    length: header.maxTableEntries * TABLE_ENTRY_SIZE,
  }];
  if (footer.diskType !== DISK_TYPE.differencing) {
    return { header, head, metadata: head, parent: undefined };
  }
  const placed = { header, offset: headerOffset };
  const paths = findings.attempt(() => locatorRegions(source, placed, head));
  // A locator that lies wrong must not be followed.
  const parent = paths && findings.attempt(() => readParentLink(source, placed));
  return { header, head, metadata: [...head, ...paths ?? []], parent };
}

/** All that is said of a parent. */
const PARENT: readonly FieldRange[] = [
  SPARSE_HEADER.range("parentUniqueId", "parentTimeStamp"),
  SPARSE_HEADER.range("parentUnicodeName", "locators"),
];

/** Checks fields that are to have one value, but have no meaning. */
export function checkHeaderFields(
  source: ByteSource,
  { currentSize, diskType }: Footer,
  placed: PlacedHeader,
  findings: Findings,
): void {
  const { header, offset: headerOffset } = placed;
  const bytes = readStructure(
    source,
    headerOffset,
    SPARSE_HEADER.size,
    SPARSE_HEADER.type,
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const unusual = (place: FieldPlace, found: unknown, expected: string) =>
    findings.add({ severity: "info", ...place, found, expected });
  const fieldOf = (field: keyof typeof SPARSE_HEADER.at) =>
    SPARSE_HEADER.place(field, headerOffset);
  const zeros = ({ offset, length }: FieldRange, expected: string) => {
    const at = firstNonZero(bytes.subarray(offset, offset + length));
    if (at === undefined) return;
    const place = { structure: SPARSE_HEADER.type, offset: headerOffset + offset + at };
    unusual(place, bytes[offset + at], expected);
  };
  if (SPARSE_HEADER.get(bytes, "dataOffset") !== ALL_ONES) {
    const expected = "all ones in the data offset, which nothing uses";
    unusual(fieldOf("dataOffset"), bytes[SPARSE_HEADER.at.dataOffset], expected);
  }
  if (header.headerVersion !== SPARSE_HEADER_VERSION) {
    unusual(fieldOf("headerVersion"), header.headerVersion, "version 1.0");
  }
  const needed = blockCount(currentSize, header.blockSize);
  if (header.maxTableEntries !== needed) {
    const expected = `${needed} table entries, as many as the disk has blocks`;
    unusual(fieldOf("maxTableEntries"), header.maxTableEntries, expected);
  }
  const reserved = (structure: string, nonZero: readonly { offset: number; found: number }[]) => {
    for (const { offset, found } of nonZero) {
      unusual({ structure, offset: headerOffset + offset }, found, "0 in reserved bytes");
    }
  };
  reserved(SPARSE_HEADER.type, SPARSE_HEADER.nonZeroReserved(bytes));
  if (diskType !== DISK_TYPE.differencing) {
    for (const field of PARENT) zeros(field, "0, as the disk has no parent");
    return;
  }
  zeros(nameTail(bytes), "0 behind the name of the parent");
  for (const { slot } of usedLocators(header)) {
    reserved(LOCATOR.type, LOCATOR.nonZeroReserved(bytes, locatorOffset(slot)));
  }
}

/** What follows the first NUL of the parent's name. */
function nameTail(header: Uint8Array): FieldRange {
  const { offset, length } = SPARSE_HEADER.range("parentUnicodeName");
  const used = 2 * SPARSE_HEADER.get(header, "parentUnicodeName").length;
  return { offset: offset + used, length: length - used };
}
