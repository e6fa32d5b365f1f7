/**
 * The sparse header of dynamic and differencing images: where the block allocation table is, and what a
 * differencing image knows of its parent (VHD 1.0, "Dynamic Disk Header Format").
 *
 * @module
 */
import { readGuid, writeGuid } from "../../bytes/guid.ts";
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import { decodeUtf16Z, encodeUtf16 } from "../../bytes/utf16.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { asciiField, type ByteSource, readStructure, viewOf } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import { TABLE_ENTRY_SIZE } from "./block_table.ts";
import {
  FOOTER_SIZE,
  sealed,
  storedChecksum,
  type StructureFault,
  structureFault,
  vhdChecksum,
} from "./footer.ts";
import { blockCount, SECTOR_SIZE } from "./layout.ts";
import { overlapping, type Region } from "./regions.ts";

/** Bytes. */
export const SPARSE_HEADER_SIZE = 1024;

/** What a sparse header begins with. */
export const SPARSE_HEADER_COOKIE = "cxsparse";

/** Offsets of the fields. Numbers are big-endian. The data offset is not used by anybody. */
export const SPARSE_HEADER_FIELD = {
  cookie: 0,
  dataOffset: 8,
  tableOffset: 16,
  headerVersion: 24,
  maxTableEntries: 28,
  blockSize: 32,
  checksum: 36,
  parentUniqueId: 40,
  parentTimeStamp: 56,
  parentUnicodeName: 64,
  parentLocators: 576,
} as const;

/** HeaderVersion 1.0; the upper half is the major version. */
export const SPARSE_HEADER_VERSION = 0x00010000;

/** Longest ParentUnicodeName, in UTF-16 units. */
export const PARENT_NAME_UNITS = 256;

const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const BIG_ENDIAN = false;

/** A sparse header's fields. */
export interface SparseHeader {
  /** Where the block allocation table is. */
  readonly tableOffset: number;
  readonly headerVersion: number;
  readonly maxTableEntries: number;
  /** Bytes of data in a block. */
  readonly blockSize: number;
  /** The parent's unique id, in the text order of Windows GUIDs. */
  readonly parentUniqueId: string;
  /** Seconds since 2000-01-01 UTC. */
  readonly parentTimeStamp: number;
  readonly parentUnicodeName: string;
  /** Always 8; unused ones have the platform code 0. */
  readonly locators: readonly LocatorEntry[];
}

/** Whether the 1024 bytes are a sparse header: cookie and checksum. */
export function sparseHeaderFault(bytes: Uint8Array): StructureFault {
  return structureFault(bytes, SPARSE_HEADER_COOKIE, SPARSE_HEADER_FIELD.checksum);
}

/** The fields of 1024 bytes that {@linkcode sparseHeaderFault} found to be a sparse header. */
export function parseSparseHeader(bytes: Uint8Array): SparseHeader {
  const view = viewOf(bytes);
  const uint32 = (offset: number) => view.getUint32(offset, BIG_ENDIAN);
  const name = SPARSE_HEADER_FIELD.parentUnicodeName;
  return {
    tableOffset: Number(view.getBigUint64(SPARSE_HEADER_FIELD.tableOffset, BIG_ENDIAN)),
    headerVersion: uint32(SPARSE_HEADER_FIELD.headerVersion),
    maxTableEntries: uint32(SPARSE_HEADER_FIELD.maxTableEntries),
    blockSize: uint32(SPARSE_HEADER_FIELD.blockSize),
    parentUniqueId: readGuid(bytes, SPARSE_HEADER_FIELD.parentUniqueId),
    parentTimeStamp: uint32(SPARSE_HEADER_FIELD.parentTimeStamp),
    parentUnicodeName: decodeUtf16Z(bytes.subarray(name, name + 2 * PARENT_NAME_UNITS), BIG_ENDIAN),
    locators: Array.from(
      { length: LOCATOR_COUNT },
      (_, slot) => parseLocatorEntry(bytes, locatorOffset(slot)),
    ),
  };
}

/** The 1024 bytes of a sparse header, checksum included. */
export function encodeSparseHeader(header: SparseHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SPARSE_HEADER_SIZE);
  const view = viewOf(bytes);
  const setUint32 = (offset: number, value: number) => view.setUint32(offset, value, BIG_ENDIAN);
  bytes.set(new TextEncoder().encode(SPARSE_HEADER_COOKIE), SPARSE_HEADER_FIELD.cookie);
  view.setBigUint64(SPARSE_HEADER_FIELD.dataOffset, ALL_ONES, BIG_ENDIAN);
  view.setBigUint64(SPARSE_HEADER_FIELD.tableOffset, BigInt(header.tableOffset), BIG_ENDIAN);
  setUint32(SPARSE_HEADER_FIELD.headerVersion, header.headerVersion);
  setUint32(SPARSE_HEADER_FIELD.maxTableEntries, header.maxTableEntries);
  setUint32(SPARSE_HEADER_FIELD.blockSize, header.blockSize);
  writeParent(bytes, header);
  return sealed(bytes, SPARSE_HEADER_FIELD.checksum);
}

/**
 * A header's bytes with another number of table entries; everything else stays as its creator left it. What
 * changes lies in its first 512 bytes.
 */
export function withMaxTableEntries(header: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header);
  viewOf(bytes).setUint32(SPARSE_HEADER_FIELD.maxTableEntries, count, BIG_ENDIAN);
  return sealed(bytes, SPARSE_HEADER_FIELD.checksum);
}

/** What a header says of the parent. */
export type ParentFields = Pick<
  SparseHeader,
  "parentUniqueId" | "parentTimeStamp" | "parentUnicodeName" | "locators"
>;

/** A header's bytes with another parent; everything else stays as its creator left it. */
export function withParent(header: Uint8Array, parent: ParentFields): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header);
  writeParent(bytes, parent);
  return sealed(bytes, SPARSE_HEADER_FIELD.checksum);
}

function writeParent(bytes: Uint8Array, parent: ParentFields): void {
  writeGuid(bytes, SPARSE_HEADER_FIELD.parentUniqueId, parent.parentUniqueId);
  viewOf(bytes).setUint32(
    SPARSE_HEADER_FIELD.parentTimeStamp,
    parent.parentTimeStamp,
    BIG_ENDIAN,
  );
  const name = SPARSE_HEADER_FIELD.parentUnicodeName;
  bytes.fill(0, name, name + 2 * PARENT_NAME_UNITS);
  bytes.set(encodeUtf16(parent.parentUnicodeName, BIG_ENDIAN), name);
  parent.locators.forEach((entry, slot) => encodeLocatorEntry(entry, bytes, locatorOffset(slot)));
}

/** Where the entry of a locator is in the header. */
export function locatorOffset(slot: number): number {
  return SPARSE_HEADER_FIELD.parentLocators + slot * LOCATOR_ENTRY_SIZE;
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
    field: keyof typeof SPARSE_HEADER_FIELD,
    found: unknown,
    expected: string,
  ) =>
    damaged(source, symbol, "sparse header", offset + SPARSE_HEADER_FIELD[field], found, expected);

  const bytes = readStructure(
    source,
    offset,
    SPARSE_HEADER_SIZE,
    "sparse header",
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  const corrupt = "ERROR_VHD_SPARSE_HEADER_CORRUPT";
  const fault = sparseHeaderFault(bytes);
  if (fault === "cookie") {
    const found = asciiField(bytes, 0, SPARSE_HEADER_COOKIE.length);
    throw fail(corrupt, "cookie", found, SPARSE_HEADER_COOKIE);
  }
  if (fault === "checksum") {
    throw fail(
      "ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH",
      "checksum",
      hexadecimal(storedChecksum(bytes, SPARSE_HEADER_FIELD.checksum)),
      `${hexadecimal(vhdChecksum(bytes, SPARSE_HEADER_FIELD.checksum))}, the checksum of its bytes`,
    );
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

// Parent locators: eight entries in the sparse header, each with the parent's path in the notation of a
// platform, stored elsewhere in the file (VHD 1.0, "Parent Locator Entries").

/** Entries in a header. */
export const LOCATOR_COUNT = 8;

/** Bytes of an entry. */
export const LOCATOR_ENTRY_SIZE = 24;

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

/** Offsets of an entry's fields. Numbers are big-endian. */
export const LOCATOR_FIELD = {
  platformCode: 0,
  platformDataSpace: 4,
  platformDataLength: 8,
  platformDataOffset: 16,
} as const;

/** An entry's fields. */
export interface LocatorEntry {
  readonly platformCode: number;
  /** Room for the path: the specification says sectors, everyone writes bytes. */
  readonly dataSpace: number;
  /** Bytes of the path, which has no terminator. */
  readonly dataLength: number;
  /** Where the path is in the file. */
  readonly dataOffset: number;
}

/** A slot that is not in use. */
export const UNUSED_LOCATOR: LocatorEntry = {
  platformCode: PLATFORM_CODE.none,
  dataSpace: 0,
  dataLength: 0,
  dataOffset: 0,
};

/** Reads the entry at `offset` of a sparse header. */
export function parseLocatorEntry(header: Uint8Array, offset: number): LocatorEntry {
  const view = viewOf(header);
  const uint32 = (field: number) => view.getUint32(offset + field, BIG_ENDIAN);
  return {
    platformCode: uint32(LOCATOR_FIELD.platformCode),
    dataSpace: uint32(LOCATOR_FIELD.platformDataSpace),
    dataLength: uint32(LOCATOR_FIELD.platformDataLength),
    dataOffset: Number(view.getBigUint64(offset + LOCATOR_FIELD.platformDataOffset, BIG_ENDIAN)),
  };
}

/** Writes an entry at `offset` of a sparse header. */
export function encodeLocatorEntry(entry: LocatorEntry, header: Uint8Array, offset: number): void {
  const view = viewOf(header);
  const setUint32 = (field: number, value: number) =>
    view.setUint32(offset + field, value, BIG_ENDIAN);
  setUint32(LOCATOR_FIELD.platformCode, entry.platformCode);
  setUint32(LOCATOR_FIELD.platformDataSpace, entry.dataSpace);
  setUint32(LOCATOR_FIELD.platformDataLength, entry.dataLength);
  view.setBigUint64(
    offset + LOCATOR_FIELD.platformDataOffset,
    BigInt(entry.dataOffset),
    BIG_ENDIAN,
  );
}
