import { u32, utf16 } from "../../bytes/codec.ts";
import { crc32c } from "../../bytes/crc32.ts";
import { layout, signature } from "../../bytes/layout.ts";
import { asciiField, type ByteSource } from "../file/byte_source.ts";

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

/** The file type identifier ([MS-VHDX] 2.2.1). */
const FILE_IDENTIFIER = layout("file type identifier", { size: 520, endian: "little" }, {
  signature: [0, signature("vhdxfile")],
  /** Who made the file; for people only. */
  creator: [8, utf16(256)],
});

const SIGNATURE_LENGTH = FILE_IDENTIFIER.range("signature").length;

/** Whether the file begins as every VHDX file does. */
export function hasFileIdentifier(source: ByteSource): boolean {
  const bytes = new Uint8Array(SIGNATURE_LENGTH);
  source.readAt(bytes, FILE_IDENTIFIER_OFFSET);
  return FILE_IDENTIFIER.hasSignature(bytes);
}

/** The identifier, with a creator of at most 255 characters, so that a terminator follows it. */
export function encodeFileIdentifier(creator: string): Uint8Array<ArrayBuffer> {
  return FILE_IDENTIFIER.pack({ creator });
}

/** Who made the file, as it says itself: of no length where it does not. */
export function readCreator(source: ByteSource): string {
  const bytes = new Uint8Array(FILE_IDENTIFIER.size);
  source.readAt(bytes, FILE_IDENTIFIER_OFFSET);
  // It is printed: no control characters, lone surrogates or what else is no text.
  return FILE_IDENTIFIER.unpack(bytes).creator.toWellFormed().replaceAll(/\p{C}/gu, "").trim();
}

// The checksum that headers, region tables and log entries carry: CRC-32C over the structure, its own
// field taken as zero ([MS-VHDX] 2.2).

interface SealedLayout extends Pick<typeof FILE_IDENTIFIER, "hasSignature"> {
  get(bytes: Uint8Array, field: "checksum"): number;
  patch(bytes: Uint8Array, changes: { readonly checksum: number }): void;
}

/** Where the field stands in each of these structures. */
const CHECKSUM_OFFSET = 4;
const ZERO_FIELD = new Uint8Array(u32.size);

/** The checksum that a structure, or the first part of it, should carry. */
export function structureChecksum(bytes: Uint8Array): number {
  const before = crc32c(bytes.subarray(0, CHECKSUM_OFFSET));
  return crc32c(bytes.subarray(CHECKSUM_OFFSET + u32.size), crc32c(ZERO_FIELD, before));
}

/** Puts its checksum into a finished structure, and gives it back. */
export function sealed(
  structure: SealedLayout,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  structure.patch(bytes, { checksum: structureChecksum(bytes) });
  return bytes;
}

/** Why one of two copies of a structure is not valid; `undefined` where it is. */
export function structureFault(structure: SealedLayout, bytes: Uint8Array): string | undefined {
  if (!structure.hasSignature(bytes)) {
    const found = asciiField(bytes, 0, CHECKSUM_OFFSET);
    return `signature ${JSON.stringify(found)}`;
  }
  const stored = structure.get(bytes, "checksum");
  return stored === structureChecksum(bytes) ? undefined : "a wrong checksum";
}
