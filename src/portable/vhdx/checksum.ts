/**
 * The checksum that headers, region tables and log entries carry: CRC-32C over the structure, its own
 * field taken as zero ([MS-VHDX] 2.2).
 *
 * @module
 */
import { crc32c } from "../../bytes/crc32c.ts";
import { asciiField, hasSignature, viewOf } from "../byte_source.ts";

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
