/**
 * Checks the footer of a VHD and its copy.
 *
 * @module
 */
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import { firstNonZero } from "../../bytes/zeros.ts";
import { asciiField, type ByteSource, readStructure } from "../file/byte_source.ts";
import type { Findings } from "../image/findings.ts";
import type { ParentLink } from "../image/image.ts";
import type { Pace } from "../image/pace.ts";
import { TABLE_ENTRY_SIZE } from "./block_table.ts";
import {
  DISK_TYPE,
  FILE_FORMAT_VERSION,
  type Footer,
  FOOTER_COOKIE,
  FOOTER_FIELD,
  FOOTER_SIZE,
  footerFault,
  storedChecksum,
  vhdChecksum,
} from "./footer.ts";
import { checkFooter, findFooter, type FoundFooter } from "./footer_search.ts";
import { FOOTER_COPY_OFFSET } from "./footers.ts";
import { foreignByte, surplusOf } from "./grow_fixed.ts";
import { blockCount } from "./layout.ts";
import { locatorRegions, type PlacedHeader, readParentLink, usedLocators } from "./parent_link.ts";
import type { Region } from "./regions.ts";
import {
  headRegions,
  LOCATOR_FIELD,
  locatorOffset,
  PARENT_NAME_UNITS,
  readSparseHeader,
  SPARSE_HEADER_FIELD,
  SPARSE_HEADER_SIZE,
  SPARSE_HEADER_VERSION,
  type SparseHeader,
} from "./sparse_header.ts";

/** Bit 0 says that the disk is temporary; bit 1 is always set, and nothing else ever. */
const FEATURES_RESERVED = 2;
const FEATURES_TEMPORARY = 1;
const RESERVED_OFFSET = 85;
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
      offset: isAtEnd ? offset + FOOTER_FIELD.currentSize : last,
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
      offset: offset + FOOTER_FIELD.currentSize,
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
        found: asciiField(bytes, FOOTER_FIELD.cookie, FOOTER_COOKIE.length),
        expected: `${FOOTER_COOKIE}, the cookie of a footer`,
        symbol: "ERROR_VHD_DRIVE_FOOTER_MISSING",
      });
      return;
    case "checksum":
      findings.add({
        ...common,
        offset: offset + FOOTER_FIELD.checksum,
        found: hexadecimal(storedChecksum(bytes, FOOTER_FIELD.checksum)),
        expected: `${
          hexadecimal(vhdChecksum(bytes, FOOTER_FIELD.checksum))
        }, the checksum of its bytes`,
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
    unusual(FOOTER_FIELD.features, features, "bit 1 set, and no other but bit 0");
  }
  if (fileFormatVersion !== FILE_FORMAT_VERSION) {
    unusual(FOOTER_FIELD.fileFormatVersion, fileFormatVersion, "version 1.0");
  }
  if (diskType === DISK_TYPE.fixed && dataOffset !== undefined) {
    unusual(FOOTER_FIELD.dataOffset, dataOffset, "all ones, in 64 bits");
  }
  if (footer.savedState) {
    findings.add({
      severity: "info",
      structure,
      offset: offset + FOOTER_FIELD.savedState,
      found: bytes[FOOTER_FIELD.savedState],
      expected: "0: while a machine's state is saved, the disk cannot be resized or compacted",
      symbol: "ERROR_VHD_INVALID_STATE",
    });
  }
  const at = firstNonZero(bytes.subarray(RESERVED_OFFSET));
  if (at !== undefined) {
    unusual(RESERVED_OFFSET + at, bytes[RESERVED_OFFSET + at]!, "0 in reserved bytes");
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

/** Part of the header. */
interface Field {
  readonly offset: number;
  readonly length: number;
}

const {
  dataOffset: DATA_OFFSET,
  tableOffset: TABLE_OFFSET,
  parentUniqueId: PARENT_UNIQUE_ID,
  parentUnicodeName: PARENT_UNICODE_NAME,
} = SPARSE_HEADER_FIELD;

/** Reserved bytes before the parent's name, and behind the locators. */
const RESERVED: readonly Field[] = [{ offset: 60, length: 4 }, { offset: 768, length: 256 }];
/** All that is said of a parent. */
const PARENT: readonly Field[] = [
  { offset: PARENT_UNIQUE_ID, length: 20 },
  { offset: PARENT_UNICODE_NAME, length: 704 },
];
const LOCATOR_RESERVED = { offset: LOCATOR_FIELD.platformDataLength + 4, length: 4 };

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
    SPARSE_HEADER_SIZE,
    "sparse header",
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const unusual = (
    structure: "sparse header" | "parent locator",
    offset: number,
    found: unknown,
    expected: string,
  ) =>
    findings.add({ severity: "info", structure, offset: headerOffset + offset, found, expected });
  const zeros = (
    structure: "sparse header" | "parent locator",
    { offset, length }: Field,
    expected: string,
  ) => {
    const at = firstNonZero(bytes.subarray(offset, offset + length));
    if (at !== undefined) unusual(structure, offset + at, bytes[offset + at], expected);
  };
  if (bytes.subarray(DATA_OFFSET, TABLE_OFFSET).some((byte) => byte !== 0xff)) {
    const expected = "all ones in the data offset, which nothing uses";
    unusual("sparse header", DATA_OFFSET, bytes[DATA_OFFSET], expected);
  }
  if (header.headerVersion !== SPARSE_HEADER_VERSION) {
    const { headerVersion } = header;
    unusual("sparse header", SPARSE_HEADER_FIELD.headerVersion, headerVersion, "version 1.0");
  }
  const needed = blockCount(currentSize, header.blockSize);
  if (header.maxTableEntries !== needed) {
    const expected = `${needed} table entries, as many as the disk has blocks`;
    const at = SPARSE_HEADER_FIELD.maxTableEntries;
    unusual("sparse header", at, header.maxTableEntries, expected);
  }
  for (const field of RESERVED) zeros("sparse header", field, "0 in reserved bytes");
  if (diskType !== DISK_TYPE.differencing) {
    for (const field of PARENT) zeros("sparse header", field, "0, as the disk has no parent");
    return;
  }
  zeros("sparse header", nameTail(bytes), "0 behind the name of the parent");
  for (const { slot } of usedLocators(header)) {
    const { offset, length } = LOCATOR_RESERVED;
    const field = { offset: locatorOffset(slot) + offset, length };
    zeros("parent locator", field, "0 in reserved bytes");
  }
}

/** What follows the first NUL of the parent's name. */
function nameTail(header: Uint8Array): Field {
  let offset = PARENT_UNICODE_NAME;
  const end = offset + 2 * PARENT_NAME_UNITS;
  while (offset < end && (header[offset] !== 0 || header[offset + 1] !== 0)) offset += 2;
  return { offset, length: end - offset };
}
