import { crc32c } from "../../bytes/crc32c.ts";
import { decodeUtf16Z, encodeUtf16 } from "../../bytes/utf16.ts";
import { asciiField, type ByteSource, hasSignature, viewOf } from "../file/byte_source.ts";

/**
 * Where the fixed structures of a VHDX file lie, and what the movable ones are aligned to
 * ([MS-VHDX] 2.2, 2.3). All offsets and lengths are bytes.
 *
 * @module
 */

/** Log, regions and blocks begin at multiples of this, and the log and regions are as long. */
export const MIB = 0x100000;

/** The file type identifier: written once, last of all. */
export const FILE_IDENTIFIER_OFFSET = 0;

/** The two header slots. */
export const HEADER_OFFSETS: readonly [number, number] = [0x10000, 0x20000];

/** The two copies of the region table. */
export const REGION_TABLE_OFFSETS: readonly [number, number] = [0x30000, 0x40000];

/** Identifier, headers and region tables: no log, region or block may reach into it. */
export const HEADER_AREA_LENGTH = MIB;

/** Unit of the log: its sectors, and the pages of the file that they replace. */
export const LOG_SECTOR_SIZE = 4096;

/** The largest virtual disk, 64 TiB. */
export const MAX_VIRTUAL_SIZE = 64 * 2 ** 40;

/** Twice the largest virtual disk: no image needs a longer file. */
export const MAX_FILE_SIZE = 2 ** 47;

/** Unsigned 64-bit little-endian fields that hold offsets and sizes. */

/**
 * Reads a u64 as a number: exact below 2^53. What is larger comes out as 2^53 or more, so that a bound
 * below 2^53, which every offset and size has, refuses it.
 */
export function readUint64(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}

/** Writes a safe integer as a u64. */
export function writeUint64(view: DataView, offset: number, value: number): void {
  view.setBigUint64(offset, BigInt(value), true);
}

// The file type identifier at offset 0 ([MS-VHDX] 2.2.1).
//
// ```text
// 0   8    "vhdxfile"
// 8   512  Creator: UTF-16LE, who made the file; for people only
// ```

const SIGNATURE = "vhdxfile";
const CREATOR_OFFSET = 8;
const CREATOR_LENGTH = 512;

/** Whether the file begins as every VHDX file does. */
export function hasFileIdentifier(source: ByteSource): boolean {
  const bytes = new Uint8Array(SIGNATURE.length);
  source.readAt(bytes, FILE_IDENTIFIER_OFFSET);
  return hasSignature(bytes, 0, SIGNATURE);
}

/** The identifier, with a creator of at most 255 characters, so that a terminator follows it. */
export function encodeFileIdentifier(creator: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CREATOR_OFFSET + CREATOR_LENGTH);
  new TextEncoder().encodeInto(SIGNATURE, bytes);
  bytes.set(encodeUtf16(creator), CREATOR_OFFSET);
  return bytes;
}

/** Who made the file, as it says itself: of no length where it does not. */
export function readCreator(source: ByteSource): string {
  const bytes = new Uint8Array(CREATOR_LENGTH);
  source.readAt(bytes, FILE_IDENTIFIER_OFFSET + CREATOR_OFFSET);
  // It is printed: no control characters, lone surrogates or what else is no text.
  return decodeUtf16Z(bytes).toWellFormed().replaceAll(/\p{C}/gu, "").trim();
}

// The checksum that headers, region tables and log entries carry: CRC-32C over the structure, its own
// field taken as zero ([MS-VHDX] 2.2).

/** Where the field stands in each of these structures, u32. */
export const CHECKSUM_OFFSET = 4;
const CHECKSUM_LENGTH = 4;
const ZERO_FIELD = new Uint8Array(CHECKSUM_LENGTH);

/** The checksum that a structure, or the first part of it, should carry. */
export function structureChecksum(bytes: Uint8Array): number {
  const before = crc32c(bytes.subarray(0, CHECKSUM_OFFSET));
  return crc32c(
    bytes.subarray(CHECKSUM_OFFSET + CHECKSUM_LENGTH),
    crc32c(ZERO_FIELD, before),
  );
}

/** The checksum that a structure does carry. */
export function storedChecksum(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(CHECKSUM_OFFSET, true);
}

/** Puts its checksum into a finished structure. */
export function sealStructure(bytes: Uint8Array): void {
  viewOf(bytes).setUint32(CHECKSUM_OFFSET, structureChecksum(bytes), true);
}

/** Why one of two copies of a structure is not valid; `undefined` where it is. */
export function structureFault(signature: string, bytes: Uint8Array): string | undefined {
  if (!hasSignature(bytes, 0, signature)) {
    return `signature ${JSON.stringify(asciiField(bytes, 0, signature.length))}`;
  }
  return storedChecksum(bytes) === structureChecksum(bytes) ? undefined : "a wrong checksum";
}
