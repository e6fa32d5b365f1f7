/**
 * The footer: identity, size and kind of a VHD, the last 512 bytes of the file; dynamic and
 * differencing images have a copy at offset 0 (VHD 1.0, "Hard Disk Footer Format").
 *
 * @module
 */
import { readGuid, writeGuid } from "../../bytes/guid.ts";
import { hasSignature, viewOf } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { type Creator, WINDOWS } from "./creator.ts";
import type { Geometry } from "./layout.ts";

/** Bytes; creators older than Virtual PC 2004 left out the last one. */
export const FOOTER_SIZE = 512;

/** What a footer begins with. */
export const FOOTER_COOKIE = "conectix";

/** Offsets of the fields. Numbers are big-endian. */
export const FOOTER_FIELD = {
  cookie: 0,
  features: 8,
  fileFormatVersion: 12,
  dataOffset: 16,
  timeStamp: 24,
  creatorApplication: 28,
  creatorVersion: 32,
  creatorHostOs: 36,
  originalSize: 40,
  currentSize: 48,
  cylinders: 56,
  heads: 58,
  sectorsPerTrack: 59,
  diskType: 60,
  checksum: 64,
  uniqueId: 68,
  savedState: 84,
} as const;

/** The disk types in use. */
export const DISK_TYPE = { fixed: 2, dynamic: 3, differencing: 4 } as const;

/** FileFormatVersion 1.0; the upper half is the major version. */
export const FILE_FORMAT_VERSION = 0x00010000;

const ALL_ONES = 0xffff_ffff_ffff_ffffn;
const BIG_ENDIAN = false;

/** A footer's fields. */
export interface Footer extends Creator {
  readonly features: number;
  readonly fileFormatVersion: number;
  /** Where the sparse header is; `undefined` where the field is all ones, as in fixed images. */
  readonly dataOffset: number | undefined;
  /** Creation, seconds since 2000-01-01 UTC. */
  readonly timeStamp: number;
  /** Bytes, at creation. */
  readonly originalSize: number;
  /** Bytes. */
  readonly currentSize: number;
  readonly geometry: Geometry;
  readonly diskType: number;
  /** In the text order of Windows GUIDs. */
  readonly uniqueId: string;
  readonly savedState: boolean;
}

/** What an open image keeps asking its footer. */
export type DiskIdentity = Pick<Footer, "currentSize" | "uniqueId">;

/** Whether the 512 bytes are a footer: cookie and checksum. */
export function footerFault(bytes: Uint8Array): StructureFault {
  return structureFault(bytes, FOOTER_COOKIE, FOOTER_FIELD.checksum);
}

/** The fields of 512 bytes that {@linkcode footerFault} found to be a footer. */
export function parseFooter(bytes: Uint8Array): Footer {
  const view = viewOf(bytes);
  const uint32 = (offset: number) => view.getUint32(offset, BIG_ENDIAN);
  const dataOffset = view.getBigUint64(FOOTER_FIELD.dataOffset, BIG_ENDIAN);
  return {
    features: uint32(FOOTER_FIELD.features),
    fileFormatVersion: uint32(FOOTER_FIELD.fileFormatVersion),
    dataOffset: dataOffset === ALL_ONES ? undefined : Number(dataOffset),
    timeStamp: uint32(FOOTER_FIELD.timeStamp),
    creatorApplication: uint32(FOOTER_FIELD.creatorApplication),
    creatorVersion: uint32(FOOTER_FIELD.creatorVersion),
    creatorHostOs: uint32(FOOTER_FIELD.creatorHostOs),
    originalSize: Number(view.getBigUint64(FOOTER_FIELD.originalSize, BIG_ENDIAN)),
    currentSize: Number(view.getBigUint64(FOOTER_FIELD.currentSize, BIG_ENDIAN)),
    geometry: {
      cylinders: view.getUint16(FOOTER_FIELD.cylinders, BIG_ENDIAN),
      heads: view.getUint8(FOOTER_FIELD.heads),
      sectorsPerTrack: view.getUint8(FOOTER_FIELD.sectorsPerTrack),
    },
    diskType: uint32(FOOTER_FIELD.diskType),
    uniqueId: readGuid(bytes, FOOTER_FIELD.uniqueId),
    savedState: view.getUint8(FOOTER_FIELD.savedState) !== 0,
  };
}

/** The 512 bytes of a footer, checksum included. */
export function encodeFooter(footer: Footer): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FOOTER_SIZE);
  const view = viewOf(bytes);
  const setUint32 = (offset: number, value: number) => view.setUint32(offset, value, BIG_ENDIAN);
  const { dataOffset } = footer;
  bytes.set(new TextEncoder().encode(FOOTER_COOKIE), FOOTER_FIELD.cookie);
  setUint32(FOOTER_FIELD.features, footer.features);
  setUint32(FOOTER_FIELD.fileFormatVersion, footer.fileFormatVersion);
  view.setBigUint64(
    FOOTER_FIELD.dataOffset,
    dataOffset === undefined ? ALL_ONES : BigInt(dataOffset),
    BIG_ENDIAN,
  );
  setUint32(FOOTER_FIELD.timeStamp, footer.timeStamp);
  putCreator(view, footer);
  view.setBigUint64(FOOTER_FIELD.originalSize, BigInt(footer.originalSize), BIG_ENDIAN);
  view.setBigUint64(FOOTER_FIELD.currentSize, BigInt(footer.currentSize), BIG_ENDIAN);
  view.setUint16(FOOTER_FIELD.cylinders, footer.geometry.cylinders, BIG_ENDIAN);
  view.setUint8(FOOTER_FIELD.heads, footer.geometry.heads);
  view.setUint8(FOOTER_FIELD.sectorsPerTrack, footer.geometry.sectorsPerTrack);
  setUint32(FOOTER_FIELD.diskType, footer.diskType);
  writeGuid(bytes, FOOTER_FIELD.uniqueId, footer.uniqueId);
  view.setUint8(FOOTER_FIELD.savedState, footer.savedState ? 1 : 0);
  return sealed(bytes, FOOTER_FIELD.checksum);
}

function putCreator(view: DataView, creator: Creator): void {
  view.setUint32(FOOTER_FIELD.creatorApplication, creator.creatorApplication, BIG_ENDIAN);
  view.setUint32(FOOTER_FIELD.creatorVersion, creator.creatorVersion, BIG_ENDIAN);
  view.setUint32(FOOTER_FIELD.creatorHostOs, creator.creatorHostOs, BIG_ENDIAN);
}

/** The 512 bytes of a footer with another unique id; reserved fields stay as their creator left them. */
export function withUniqueId(footer: Uint8Array, uniqueId: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(footer);
  writeGuid(bytes, FOOTER_FIELD.uniqueId, uniqueId);
  return sealed(bytes, FOOTER_FIELD.checksum);
}

/**
 * As {@linkcode withUniqueId}, with another size and geometry; and with Windows as the creator, for a reader
 * that trusts the geometry of another one would miss what is beyond it.
 */
export function withCurrentSize(
  footer: Uint8Array,
  currentSize: number,
  { cylinders, heads, sectorsPerTrack }: Geometry,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(footer);
  const view = viewOf(bytes);
  view.setBigUint64(FOOTER_FIELD.currentSize, BigInt(currentSize), BIG_ENDIAN);
  view.setUint16(FOOTER_FIELD.cylinders, cylinders, BIG_ENDIAN);
  view.setUint8(FOOTER_FIELD.heads, heads);
  view.setUint8(FOOTER_FIELD.sectorsPerTrack, sectorsPerTrack);
  if (view.getUint32(FOOTER_FIELD.creatorApplication, BIG_ENDIAN) !== WINDOWS.creatorApplication) {
    putCreator(view, WINDOWS);
  }
  return sealed(bytes, FOOTER_FIELD.checksum);
}

/** As {@linkcode withUniqueId}, with a sparse header at another place. */
export function withDataOffset(footer: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(footer);
  viewOf(bytes).setBigUint64(FOOTER_FIELD.dataOffset, BigInt(offset), BIG_ENDIAN);
  return sealed(bytes, FOOTER_FIELD.checksum);
}

// What the footer and the sparse header have in common: a cookie at the front, and a checksum over all of
// their bytes (VHD 1.0, "Hard Disk Footer Format", "Dynamic Disk Header Format").

/** Its length in bytes. */
const CHECKSUM_LENGTH = 4;

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

// Disks of machines whose state is saved: what the machine has in its memory refers to the disk as it is.

/** @throws {ImageError} `ERROR_VHD_INVALID_STATE` for such a disk. */
export function assertNoSavedState(path: string, { savedState }: Footer): void {
  if (!savedState) return;
  throw new ImageError("ERROR_VHD_INVALID_STATE", {
    path,
    reason: "the disk belongs to a machine whose state is saved",
    causes: ["Start the machine and shut it down, or discard its saved state."],
  });
}
