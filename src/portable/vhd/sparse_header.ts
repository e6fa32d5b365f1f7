/**
 * The sparse header of dynamic and differencing images: where the block allocation table is, and what a
 * differencing image knows of its parent (VHD 1.0, "Dynamic Disk Header Format").
 *
 * @module
 */
import { readGuid, writeGuid } from "../../bytes/guid.ts";
import { decodeUtf16Z, encodeUtf16 } from "../../bytes/utf16.ts";
import { viewOf } from "../byte_source.ts";
import { sealed, type StructureFault, structureFault } from "./checksum.ts";
import {
  encodeLocatorEntry,
  LOCATOR_COUNT,
  LOCATOR_ENTRY_SIZE,
  type LocatorEntry,
  parseLocatorEntry,
} from "./parent_locator.ts";

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
