/**
 * The sparse header of dynamic and differencing images: where the block allocation table is, and what a
 * differencing image knows of its parent (VHD 1.0, "Dynamic Disk Header Format").
 *
 * @module
 */
import { array, bigU64, guid, u32, u64, utf16, type ValueOf } from "../../bytes/codec.ts";
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import { computed, layout, reserved, signature } from "../../bytes/layout.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { asciiField, type ByteSource, readStructure } from "../file/byte_source.ts";
import { damagedField } from "../file/image_error.ts";
import { TABLE_ENTRY_SIZE } from "./block_table.ts";
import {
  checksumMismatch,
  FOOTER_SIZE,
  sealed,
  type StructureFault,
  structureFault,
} from "./footer.ts";
import { blockCount, SECTOR_SIZE } from "./layout.ts";
import { overlapping, type Region } from "./regions.ts";

// Parent locators: eight entries in the sparse header, each with the parent's path in the notation of a
// platform, stored elsewhere in the file (VHD 1.0, "Parent Locator Entries").

/** Platform codes: four characters, as a big-endian number. */
export const PLATFORM_CODE = {
  /** The slot is not in use. */
  none: 0,
  /** `W2ku`: absolute Windows path, UTF-16 little-endian. */
  w2ku: 0x57326b75,
  /** `W2ru`: Windows path relative to the child's folder, UTF-16 little-endian. */
  w2ru: 0x57327275,
  /** `Wi2k`: absolute Windows path, a byte a character; superseded by `W2ku`. */
  wi2k: 0x5769326b,
  /** `Wi2r`: relative Windows path, a byte a character; superseded by `W2ru`. */
  wi2r: 0x57693272,
  /** `Mac `: alias record, or a file URL where the writer was no Mac. */
  mac: 0x4d616320,
  /** `MacX`: file URL, UTF-8. */
  macX: 0x4d616358,
} as const;

/** An entry. */
export const LOCATOR = layout("parent locator", { size: 24, endian: "big" }, {
  platformCode: [0, u32],
  /** Room for the path: the specification says sectors, everyone writes bytes. */
  dataSpace: [4, u32],
  /** Bytes of the path, which has no terminator. */
  dataLength: [8, u32],
  reserved: [12, reserved(4)],
  /** Where the path is in the file. */
  dataOffset: [16, u64],
});

/** An entry's fields. */
export type LocatorEntry = ValueOf<typeof LOCATOR>;

/** Entries in a header. */
export const LOCATOR_COUNT = 8;

/** A slot that is not in use. */
export const UNUSED_LOCATOR: LocatorEntry = {
  platformCode: PLATFORM_CODE.none,
  dataSpace: 0,
  dataLength: 0,
  dataOffset: 0,
};

/** Where the entry of a locator is in the header. */
export function locatorOffset(slot: number): number {
  return SPARSE_HEADER.at.locators + slot * LOCATOR.size;
}

/** What a sparse header begins with. */
export const SPARSE_HEADER_COOKIE = "cxsparse";

const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** Longest ParentUnicodeName, in UTF-16 units. */
export const PARENT_NAME_UNITS = 256;

/** The header. */
export const SPARSE_HEADER = layout("sparse header", { size: 1024, endian: "big" }, {
  cookie: [0, signature(SPARSE_HEADER_COOKIE)],
  /** All ones; nobody uses it. */
  dataOffset: [8, computed(bigU64)],
  /** Where the block allocation table is. */
  tableOffset: [16, u64],
  headerVersion: [24, u32],
  maxTableEntries: [28, u32],
  /** Bytes of data in a block. */
  blockSize: [32, u32],
  checksum: [36, computed(u32)],
  /** The parent's unique id, in the text order of Windows GUIDs. */
  parentUniqueId: [40, guid],
  /** Seconds since 2000-01-01 UTC. */
  parentTimeStamp: [56, u32],
  reserved: [60, reserved(4)],
  parentUnicodeName: [64, utf16(PARENT_NAME_UNITS)],
  /** Unused ones have the platform code 0. */
  locators: [576, array(LOCATOR, LOCATOR_COUNT)],
  reservedEnd: [768, reserved(256)],
});

/** Bytes. */
export const SPARSE_HEADER_SIZE = SPARSE_HEADER.size;

/** A sparse header's fields. */
export type SparseHeader = ValueOf<typeof SPARSE_HEADER>;

/** HeaderVersion 1.0; the upper half is the major version. */
export const SPARSE_HEADER_VERSION = 0x00010000;

/** Whether the 1024 bytes are a sparse header: cookie and checksum. */
export function sparseHeaderFault(bytes: Uint8Array): StructureFault {
  return structureFault(SPARSE_HEADER, bytes);
}

/** The fields of 1024 bytes that {@linkcode sparseHeaderFault} found to be a sparse header. */
export function parseSparseHeader(bytes: Uint8Array): SparseHeader {
  return SPARSE_HEADER.unpack(bytes);
}

/** The 1024 bytes of a sparse header, checksum included. */
export function encodeSparseHeader(header: SparseHeader): Uint8Array<ArrayBuffer> {
  return changed(SPARSE_HEADER.pack(header), { dataOffset: ALL_ONES });
}

/**
 * A header's bytes with another number of table entries; everything else stays as its creator left it. What
 * changes lies in its first 512 bytes.
 */
export function withMaxTableEntries(
  header: Uint8Array,
  maxTableEntries: number,
): Uint8Array<ArrayBuffer> {
  return changed(header, { maxTableEntries });
}

/** What a header says of the parent. */
export type ParentFields = Pick<
  SparseHeader,
  "parentUniqueId" | "parentTimeStamp" | "parentUnicodeName" | "locators"
>;

/** A header's bytes with another parent; everything else stays as its creator left it. */
export function withParent(header: Uint8Array, parent: ParentFields): Uint8Array<ArrayBuffer> {
  return changed(header, parent);
}

function changed(
  header: Uint8Array,
  changes: Parameters<typeof SPARSE_HEADER.patch>[1],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header);
  SPARSE_HEADER.patch(bytes, changes);
  return sealed(SPARSE_HEADER, bytes);
}

// Reads a sparse header; its fields are believed only once they keep the rules.

/** Microsoft tests 512 KiB and 2 MiB; these are the bounds of what anybody writes. */
const MIN_BLOCK_SIZE = 4096;
const MAX_BLOCK_SIZE = 256 * 2 ** 20;
/** A table may be larger than the disk needs; beyond this and twice the need, it is damage. */
const MAX_SPARE_ENTRIES = 16 * 2 ** 20;

/**
 * The sparse header of an image of `virtualSize` bytes.
 *
 * @param offset A multiple of 512; the file has 1024 bytes there.
 * @throws {ImageError} `ERROR_VHD_SPARSE_HEADER_CORRUPT`,
 * `ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH`, `ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION` or
 * `ERROR_VHD_INVALID_BLOCK_SIZE`.
 */
export function readSparseHeader(
  source: ByteSource,
  offset: number,
  virtualSize: number,
): SparseHeader {
  const fail = (
    symbol: ErrorSymbol,
    field: keyof typeof SPARSE_HEADER.at,
    found: unknown,
    expected: string,
  ) => damagedField(source, symbol, SPARSE_HEADER.place(field, offset), found, expected);

  const bytes = readStructure(
    source,
    offset,
    SPARSE_HEADER.size,
    SPARSE_HEADER.type,
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const corrupt = "ERROR_VHD_SPARSE_HEADER_CORRUPT";
  const fault = sparseHeaderFault(bytes);
  if (fault === "cookie") {
    const found = asciiField(bytes, SPARSE_HEADER.at.cookie, SPARSE_HEADER_COOKIE.length);
    throw fail(corrupt, "cookie", found, SPARSE_HEADER_COOKIE);
  }
  if (fault === "checksum") {
    const { found, expected } = checksumMismatch(SPARSE_HEADER, bytes);
    throw fail("ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH", "checksum", found, expected);
  }
  const header = parseSparseHeader(bytes);
  const { headerVersion, blockSize, maxTableEntries, tableOffset } = header;
  if (headerVersion >>> 16 !== 1) {
    throw fail(
      "ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION",
      "headerVersion",
      hexadecimal(headerVersion),
      "major version 1, 0x0001....",
    );
  }
  if (
    blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE || (blockSize & (blockSize - 1)) !== 0
  ) {
    throw fail(
      "ERROR_VHD_INVALID_BLOCK_SIZE",
      "blockSize",
      blockSize,
      "a power of two from 4 KiB to 256 MiB",
    );
  }
  const needed = blockCount(virtualSize, blockSize);
  const most = Math.max(2 * needed, MAX_SPARE_ENTRIES);
  if (maxTableEntries < needed || maxTableEntries > most) {
    throw fail(corrupt, "maxTableEntries", maxTableEntries, `${needed} to ${most} entries`);
  }
  if (tableOffset % SECTOR_SIZE !== 0) {
    throw fail(corrupt, "tableOffset", tableOffset, "a multiple of 512");
  }
  const tableSize = maxTableEntries * TABLE_ENTRY_SIZE;
  if (tableOffset + tableSize > source.size) {
    throw fail(
      corrupt,
      "tableOffset",
      tableOffset,
      `room for ${maxTableEntries} entries in a file of ${source.size} bytes`,
    );
  }
  const other = overlapping(headRegions(offset), tableOffset, tableSize);
  if (other !== undefined) {
    throw fail(corrupt, "tableOffset", tableOffset, `an offset clear of the ${other.name}`);
  }
  return header;
}

/** The footer copy and the sparse header. */
export function headRegions(headerOffset: number): Region[] {
  return [
    { name: "footer copy", offset: 0, length: FOOTER_SIZE },
    { name: "sparse header", offset: headerOffset, length: SPARSE_HEADER_SIZE },
  ];
}
