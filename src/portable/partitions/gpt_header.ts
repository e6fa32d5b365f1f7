/**
 * The header of a GUID partition table (UEFI 2.10, 5.3.2), which fills a sector. All numbers are
 * little-endian, and sectors are those of the disk.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { hasSignature, viewOf } from "../byte_source.ts";

/** The sector of the header that is read first. */
export const PRIMARY_SECTOR = 1;

const SIGNATURE = "EFI PART";
const MIN_HEADER_SIZE = 92;

/** Where the fields are that are not sectors. */
const FIELD = {
  signature: 0,
  headerSize: 12,
  headerCrc: 16,
  entryCount: 80,
  entryLength: 84,
  entriesCrc: 88,
} as const;

/** Where the fields are that are sectors. */
const SECTOR_FIELD = {
  ownSector: 24,
  otherSector: 32,
  firstUsable: 40,
  lastUsable: 48,
  entriesSector: 72,
} as const;

/** What a header says of where things are. */
export type GptSectors = Record<keyof typeof SECTOR_FIELD, number>;

/** What a header says. */
export interface GptHeader extends GptSectors {
  readonly entryCount: number;
  /** Bytes. */
  readonly entryLength: number;
  readonly entriesCrc: number;
}

/** What stands in a header, be it sound or not. */
export function decodeHeader(bytes: Uint8Array): GptHeader {
  const view = viewOf(bytes);
  const sector = (name: keyof GptSectors) => Number(view.getBigUint64(SECTOR_FIELD[name], true));
  return {
    ownSector: sector("ownSector"),
    otherSector: sector("otherSector"),
    firstUsable: sector("firstUsable"),
    lastUsable: sector("lastUsable"),
    entriesSector: sector("entriesSector"),
    entryCount: view.getUint32(FIELD.entryCount, true),
    entryLength: view.getUint32(FIELD.entryLength, true),
    entriesCrc: view.getUint32(FIELD.entriesCrc, true),
  };
}

/** A copy of a header with other sectors, and the checksum that belongs to it. */
export function withSectors(
  header: Uint8Array,
  sectors: Partial<GptSectors>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header);
  const view = viewOf(bytes);
  for (const [name, value] of Object.entries(sectors)) {
    view.setBigUint64(SECTOR_FIELD[name as keyof GptSectors], BigInt(value), true);
  }
  view.setUint32(FIELD.headerCrc, headerCrc(bytes), true);
  return bytes;
}

/** Whether a sector begins as a header does. */
export function hasGptSignature(sector: Uint8Array): boolean {
  return hasSignature(sector, FIELD.signature, SIGNATURE);
}

/** Whether a sector begins with a header whose checksum is right. */
export function isHeader(bytes: Uint8Array): boolean {
  if (!hasGptSignature(bytes)) return false;
  const view = viewOf(bytes);
  const size = view.getUint32(FIELD.headerSize, true);
  return size >= MIN_HEADER_SIZE && size <= bytes.length &&
    view.getUint32(FIELD.headerCrc, true) === headerCrc(bytes);
}

/** The checksum of a header: over its size, itself taken for zero. */
function headerCrc(bytes: Uint8Array): number {
  const header = bytes.slice(0, viewOf(bytes).getUint32(FIELD.headerSize, true));
  viewOf(header).setUint32(FIELD.headerCrc, 0, true);
  return crc32(header);
}
