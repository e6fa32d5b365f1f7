/**
 * The region table, in two identical copies ([MS-VHDX] 2.2.3): where the block allocation table and the
 * metadata are.
 *
 * @module
 */
import { guid, u32, u64 } from "../../bytes/codec.ts";
import { isEqual } from "../../bytes/equal.ts";
import { computed, layout, reserved, signature } from "../../bytes/layout.ts";
import { type ByteSource, readStructureInto } from "../file/byte_source.ts";
import { damaged, damagedField } from "../file/image_error.ts";
import { withSpareBytes } from "../file/spare_bytes.ts";
import { MIB, REGION_TABLE_OFFSETS, sealed, structureFault } from "./file_map.ts";
import type { OccupiedRanges } from "./space.ts";

/** Bytes of a table, all of them under its checksum. */
export const REGION_TABLE_LENGTH = 0x10000;
/** The region of the block allocation table. */
export const BAT_REGION = "2dc27766-f623-4200-9d64-115e9bfd4a08";
/** The region of the metadata. */
export const METADATA_REGION = "8b7ca206-4790-4b9a-b8fe-575f050f886e";

/** What the table begins with; its entries follow. */
export const REGION_TABLE = layout("region table", { size: 16, endian: "little" }, {
  signature: [0, signature("regi")],
  checksum: [4, computed(u32)],
  entryCount: [8, u32],
  reserved: [12, reserved(4)],
});
/** An entry. */
export const REGION_ENTRY = layout("region table entry", { size: 32, endian: "little" }, {
  guid: [0, guid],
  /** Bytes from the start of the file. */
  offset: [16, u64],
  /** Bytes. */
  length: [24, u32],
  /** Bit 0: a reader that does not know the region must refuse the file. */
  flags: [28, u32],
});
const REQUIRED = 1;
const MAX_ENTRIES = 2047;

/** Where an entry begins in the table. */
export function regionEntryOffset(index: number): number {
  return REGION_TABLE.size + index * REGION_ENTRY.size;
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
  return withSpareBytes(
    REGION_TABLE_LENGTH,
    (bytes) => decodeRegions(source, firstValidCopy(source, bytes), occupied),
  );
}

/**
 * Reads a copy of the table, be its checksum right or not.
 *
 * @param occupied As of {@linkcode readRegions}.
 * @throws {ImageError} As {@linkcode readRegions}.
 */
export function decodeRegions(
  source: ByteSource,
  { bytes, offset }: { readonly bytes: Uint8Array; readonly offset: number },
  occupied: OccupiedRanges,
): Regions {
  const count = REGION_TABLE.get(bytes, "entryCount");
  if (count > MAX_ENTRIES) {
    const place = REGION_TABLE.place("entryCount", offset);
    const found = `${count} entries`;
    throw damagedField(source, "ERROR_FILE_CORRUPT", place, found, `at most ${MAX_ENTRIES}`);
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
  return firstValidCopy(source, new Uint8Array(REGION_TABLE_LENGTH));
}

function firstValidCopy(
  source: ByteSource,
  into: Uint8Array<ArrayBuffer>,
): { bytes: Uint8Array<ArrayBuffer>; offset: number } {
  const faults: string[] = [];
  for (const offset of REGION_TABLE_OFFSETS) {
    const bytes = readCopy(source, offset, into);
    const fault = structureFault(REGION_TABLE, bytes);
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
  return structureFault(REGION_TABLE, readCopy(source, offset));
}

/** The bytes of the copy at `offset`. */
export function readCopy(
  source: ByteSource,
  offset: number,
  into = new Uint8Array(REGION_TABLE_LENGTH),
): Uint8Array<ArrayBuffer> {
  return readStructureInto(into, source, offset, "region table", "ERROR_FILE_CORRUPT");
}

function decodeEntry(bytes: Uint8Array, at: number): Region {
  const { flags, ...region } = REGION_ENTRY.unpack(bytes, at);
  return { ...region, required: (flags & REQUIRED) !== 0 };
}

function assertEntry(
  source: ByteSource,
  at: number,
  region: Region,
  earlier: ReadonlyMap<string, Region>,
  occupied: OccupiedRanges,
): void {
  const wrong = (field: keyof typeof REGION_ENTRY.at, found: unknown, expected: string) =>
    damagedField(source, "ERROR_FILE_CORRUPT", REGION_ENTRY.place(field, at), found, expected);
  if (earlier.has(region.guid)) throw wrong("guid", `region ${region.guid} again`, "it once");
  // Some writers leave Required clear on the known regions: the bit matters for unknown ones only.
  if (region.required && region.guid !== BAT_REGION && region.guid !== METADATA_REGION) {
    throw damagedField(
      source,
      "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
      REGION_ENTRY.place("guid", at),
      `required region ${region.guid}`,
      "a region of a known kind",
    );
  }
  if (region.length === 0 || region.length % MIB !== 0) {
    throw wrong("length", region.length, "a length in whole MiB, more than 0");
  }
  if (region.offset % MIB !== 0 || region.offset + region.length > source.size) {
    throw wrong(
      "offset",
      region.offset,
      `whole MiB, with ${region.length} bytes before the end of file at ${source.size}`,
    );
  }
  const other = occupied.overlapping(region.offset, region.length);
  if (other !== undefined) {
    throw wrong(
      "offset",
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
  const found = readCopy(source, second);
  return isEqual(found, expected) ? undefined : found.findIndex((byte, i) => byte !== expected[i]);
}

/** Gives a region, which is in the table, another place. Everything else stays as it is. */
export function moveRegion(
  table: Uint8Array<ArrayBuffer>,
  { guid, offset, length }: Pick<Region, "guid" | "offset" | "length">,
): void {
  let at = regionEntryOffset(0);
  while (REGION_ENTRY.get(table, "guid", at) !== guid) at += REGION_ENTRY.size;
  REGION_ENTRY.patch(table, { offset, length }, at);
  sealed(REGION_TABLE, table);
}

/** The bytes of a table, checksum included. */
export function encodeRegionTable(regions: readonly Region[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(REGION_TABLE_LENGTH);
  bytes.set(REGION_TABLE.pack({ entryCount: regions.length }));
  for (const [i, { required, ...region }] of regions.entries()) {
    bytes.set(
      REGION_ENTRY.pack({ ...region, flags: required ? REQUIRED : 0 }),
      regionEntryOffset(i),
    );
  }
  return sealed(REGION_TABLE, bytes);
}
