/**
 * The region table, in two identical copies ([MS-VHDX] 2.2.3): where the block allocation table and the
 * metadata are.
 *
 * ```text
 * 0  4  "regi"                  each entry, from 16 on, 32 bytes:
 * 4  4  Checksum                 0   16  Guid
 * 8  4  EntryCount               16  8   FileOffset
 *                                24  4   Length
 *                                28  4   bit 0: Required
 * ```
 *
 * @module
 */
import { readGuid, writeGuid } from "../../bytes/guid.ts";
import { type ByteSource, readStructure, viewOf } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import {
  MIB,
  readUint64,
  REGION_TABLE_OFFSETS,
  sealStructure,
  structureFault,
  writeUint64,
} from "./file_map.ts";
import type { OccupiedRanges } from "./space.ts";

/** Bytes of a table, all of them under its checksum. */
export const REGION_TABLE_LENGTH = 0x10000;
/** The region of the block allocation table. */
export const BAT_REGION = "2dc27766-f623-4200-9d64-115e9bfd4a08";
/** The region of the metadata. */
export const METADATA_REGION = "8b7ca206-4790-4b9a-b8fe-575f050f886e";

const SIGNATURE = "regi";
/** Where the table says how many entries it has. */
export const REGION_COUNT = 8;
const FIRST_ENTRY = 16;
const ENTRY_LENGTH = 32;
const ENTRY_FILE_OFFSET = 16;
const ENTRY_REGION_LENGTH = 24;
/** Where an entry has its flags, of which there is one. */
export const REGION_REQUIRED = 28;
const MAX_ENTRIES = 2047;

/** Where an entry begins in the table. */
export function regionEntryOffset(index: number): number {
  return FIRST_ENTRY + index * ENTRY_LENGTH;
}

/** A region of the file. */
export interface Region {
  readonly guid: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Whether a reader that does not know the region must refuse the file. */
  readonly required: boolean;
}

/** The two regions that every file has. */
export interface Regions {
  readonly bat: Region;
  readonly metadata: Region;
}

/**
 * Reads the first valid copy of the table.
 *
 * @param occupied The header area and the log; every region is added, unknown ones too.
 * @throws {ImageError} `ERROR_FILE_CORRUPT`, or `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION` for a required
 * region of an unknown kind.
 */
export function readRegions(source: ByteSource, occupied: OccupiedRanges): Regions {
  const { bytes, offset } = readRegionTable(source);
  const view = viewOf(bytes);
  const count = view.getUint32(REGION_COUNT, true);
  if (count > MAX_ENTRIES) {
    throw damaged(
      source,
      "ERROR_FILE_CORRUPT",
      "region table",
      offset + REGION_COUNT,
      `${count} entries`,
      `at most ${MAX_ENTRIES}`,
    );
  }
  const regions = new Map<string, Region>();
  for (let i = 0; i < count; i++) {
    const at = regionEntryOffset(i);
    const region = decodeEntry(bytes, at);
    assertEntry(source, offset + at, region, regions, occupied);
    regions.set(region.guid, region);
    occupied.add({ name: `region ${region.guid}`, ...region });
  }
  const known = (guid: string, name: string): Region => {
    const region = regions.get(guid);
    if (region !== undefined) return region;
    throw damaged(source, "ERROR_FILE_CORRUPT", "region table", offset, `no ${name} region`, "one");
  };
  return {
    bat: known(BAT_REGION, "block allocation table"),
    metadata: known(METADATA_REGION, "metadata"),
  };
}

/**
 * The first valid copy of the table, and where it is.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where neither is valid.
 */
export function readRegionTable(
  source: ByteSource,
): { bytes: Uint8Array<ArrayBuffer>; offset: number } {
  const faults: string[] = [];
  for (const offset of REGION_TABLE_OFFSETS) {
    const bytes = readCopy(source, offset);
    const fault = structureFault(SIGNATURE, bytes);
    if (fault === undefined) return { bytes, offset };
    faults.push(fault);
  }
  throw damaged(
    source,
    "ERROR_FILE_CORRUPT",
    "region tables",
    REGION_TABLE_OFFSETS[0],
    faults.join(`; at ${REGION_TABLE_OFFSETS[1]} `),
    "one valid table",
    ["both copies"],
  );
}

/** What is wrong with the copy of the table at `offset`; `undefined` where it is valid. */
export function regionTableFault(source: ByteSource, offset: number): string | undefined {
  return structureFault(SIGNATURE, readCopy(source, offset));
}

function readCopy(source: ByteSource, offset: number): Uint8Array<ArrayBuffer> {
  return readStructure(source, offset, REGION_TABLE_LENGTH, "region table", "ERROR_FILE_CORRUPT");
}

function decodeEntry(bytes: Uint8Array, at: number): Region {
  const view = viewOf(bytes);
  return {
    guid: readGuid(bytes, at),
    offset: readUint64(view, at + ENTRY_FILE_OFFSET),
    length: view.getUint32(at + ENTRY_REGION_LENGTH, true),
    required: (view.getUint32(at + REGION_REQUIRED, true) & 1) !== 0,
  };
}

function assertEntry(
  source: ByteSource,
  at: number,
  region: Region,
  earlier: ReadonlyMap<string, Region>,
  occupied: OccupiedRanges,
): void {
  const wrong = (field: number, found: unknown, expected: string) =>
    damaged(source, "ERROR_FILE_CORRUPT", "region table entry", at + field, found, expected);
  if (earlier.has(region.guid)) throw wrong(0, `region ${region.guid} again`, "it once");
  // Some writers leave Required clear on the known regions: the bit matters for unknown ones only.
  if (region.required && region.guid !== BAT_REGION && region.guid !== METADATA_REGION) {
    throw damaged(
      source,
      "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
      "region table entry",
      at,
      `required region ${region.guid}`,
      "a region of a known kind",
    );
  }
  if (region.length === 0 || region.length % MIB !== 0) {
    throw wrong(ENTRY_REGION_LENGTH, region.length, "a length in whole MiB, more than 0");
  }
  if (region.offset % MIB !== 0 || region.offset + region.length > source.size) {
    throw wrong(
      ENTRY_FILE_OFFSET,
      region.offset,
      `whole MiB, with ${region.length} bytes before the end of file at ${source.size}`,
    );
  }
  const other = occupied.overlapping(region.offset, region.length);
  if (other !== undefined) {
    throw wrong(
      ENTRY_FILE_OFFSET,
      region.offset,
      `a place outside the ${other.name} (${other.length} bytes at ${other.offset})`,
    );
  }
}

/** Whether the two copies are alike, byte for byte. */
export function regionTablesAgree(source: ByteSource): boolean {
  return regionTableDifference(source) === undefined;
}

/** Where the second copy first differs from the first one, in bytes from its beginning. */
export function regionTableDifference(source: ByteSource): number | undefined {
  const [first, second] = REGION_TABLE_OFFSETS;
  const expected = readCopy(source, first);
  const different = readCopy(source, second).findIndex((byte, i) => byte !== expected[i]);
  return different < 0 ? undefined : different;
}

/** Gives a region, which is in the table, another place. Everything else stays as it is. */
export function moveRegion(
  table: Uint8Array,
  { guid, offset, length }: Pick<Region, "guid" | "offset" | "length">,
): void {
  const view = viewOf(table);
  let at = FIRST_ENTRY;
  while (readGuid(table, at) !== guid) at += ENTRY_LENGTH;
  writeUint64(view, at + ENTRY_FILE_OFFSET, offset);
  view.setUint32(at + ENTRY_REGION_LENGTH, length, true);
  sealStructure(table);
}

/** The bytes of a table, checksum included. */
export function encodeRegionTable(regions: readonly Region[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(REGION_TABLE_LENGTH);
  const view = viewOf(bytes);
  new TextEncoder().encodeInto(SIGNATURE, bytes);
  view.setUint32(REGION_COUNT, regions.length, true);
  for (const [i, region] of regions.entries()) {
    const at = regionEntryOffset(i);
    writeGuid(bytes, at, region.guid);
    writeUint64(view, at + ENTRY_FILE_OFFSET, region.offset);
    view.setUint32(at + ENTRY_REGION_LENGTH, region.length, true);
    view.setUint32(at + REGION_REQUIRED, region.required ? 1 : 0, true);
  }
  sealStructure(bytes);
  return bytes;
}
