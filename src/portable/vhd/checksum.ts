/**
 * What the footer and the sparse header have in common: a cookie at the front, and a checksum over all of
 * their bytes (VHD 1.0, "Hard Disk Footer Format", "Dynamic Disk Header Format").
 *
 * @module
 */
import { hasSignature, viewOf } from "../byte_source.ts";

/** Its length in bytes. */
const CHECKSUM_LENGTH = 4;
const BIG_ENDIAN = false;

/** The ones' complement of the sum of all bytes, those of the checksum itself counted as zero. */
export function vhdChecksum(bytes: Uint8Array, checksumOffset: number): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  for (let i = 0; i < CHECKSUM_LENGTH; i++) sum -= bytes[checksumOffset + i]!;
  return ~sum >>> 0;
}

/** The checksum that a structure does carry. */
export function storedChecksum(bytes: Uint8Array, checksumOffset: number): number {
  return viewOf(bytes).getUint32(checksumOffset, BIG_ENDIAN);
}

/** Puts its checksum into a finished structure, and gives it back. */
export function sealed(
  bytes: Uint8Array<ArrayBuffer>,
  checksumOffset: number,
): Uint8Array<ArrayBuffer> {
  viewOf(bytes).setUint32(checksumOffset, vhdChecksum(bytes, checksumOffset), BIG_ENDIAN);
  return bytes;
}

/** What is wrong with the bytes where a structure should be; `undefined` where they are one. */
export type StructureFault = "cookie" | "checksum" | undefined;

/** Whether the bytes begin with the cookie of a structure and carry their checksum. */
export function structureFault(
  bytes: Uint8Array,
  cookie: string,
  checksumOffset: number,
): StructureFault {
  if (!hasSignature(bytes, 0, cookie)) return "cookie";
  const stored = storedChecksum(bytes, checksumOffset);
  return stored === vhdChecksum(bytes, checksumOffset) ? undefined : "checksum";
}
