/**
 * The GUID partition table (UEFI 2.10, 5.3): a header and an array of entries at the start of the disk, and
 * a backup of both at its end, header last. All numbers are little-endian, and sectors are those of the
 * disk.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { NIL_GUID, readGuid } from "../../bytes/guid.ts";
import { hasSignature, viewOf } from "../byte_source.ts";
import type { Partition } from "./partition.ts";
import type { PartitionedDisk } from "./partitioned_disk.ts";

/** The fields of a header. */
export const HEADER_FIELD = {
  signature: 0,
  revision: 8,
  headerSize: 12,
  headerCrc: 16,
  ownSector: 24,
  otherSector: 32,
  firstUsable: 40,
  lastUsable: 48,
  diskGuid: 56,
  entriesSector: 72,
  entryCount: 80,
  entryLength: 84,
  entriesCrc: 88,
} as const;

/** The sector of the header that is read first. */
export const PRIMARY_SECTOR = 1;

const SIGNATURE = "EFI PART";
const MIN_HEADER_SIZE = 92;
const MIN_ENTRY_LENGTH = 128;
const MAX_ENTRY_LENGTH = 4096;
/** Tables have 16 KiB; this bounds what a damaged header makes one read. */
const MAX_ARRAY_LENGTH = 2 ** 20;
const ENTRY_FIELD = { type: 0, firstSector: 32, lastSector: 40 } as const;

/** A table whose primary header and entries are sound. The backup has not been looked at. */
export interface GptTable {
  readonly partitions: readonly Partition[];
  /** The sector of the primary header, all of it. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** The array of entries, in whole sectors. */
  readonly entries: Uint8Array<ArrayBuffer>;
  /** The sector of the backup's header, as the primary one has it. */
  readonly backupSector: number;
  /** The first sector that a partition may have. */
  readonly firstUsable: number;
  /** The last sector that a partition may have. */
  readonly lastUsable: number;
  /** Bytes of the backup at the end of the disk: entries and header. */
  readonly backupLength: number;
}

/** Reads the primary table; `undefined` where there is none, or one that breaks a rule. */
export function readGpt(disk: PartitionedDisk): GptTable | undefined {
  const { sectorSize } = disk;
  const sectors = Math.floor(disk.size / sectorSize);
  if (sectors <= PRIMARY_SECTOR) return undefined;
  const header = disk.read(PRIMARY_SECTOR * sectorSize, sectorSize);
  if (!isHeader(header)) return undefined;
  const view = viewOf(header);
  const sector = (field: number) => Number(view.getBigUint64(field, true));
  const entryCount = view.getUint32(HEADER_FIELD.entryCount, true);
  const entryLength = view.getUint32(HEADER_FIELD.entryLength, true);
  const arrayLength = entryCount * entryLength;
  const isArray = entryLength >= MIN_ENTRY_LENGTH && entryLength <= MAX_ENTRY_LENGTH &&
    (entryLength & (entryLength - 1)) === 0 && arrayLength > 0 && arrayLength <= MAX_ARRAY_LENGTH;
  if (!isArray) return undefined;
  const arraySectors = Math.ceil(arrayLength / sectorSize);
  const entriesSector = sector(HEADER_FIELD.entriesSector);
  const firstUsable = sector(HEADER_FIELD.firstUsable);
  const lastUsable = sector(HEADER_FIELD.lastUsable);
  const isPlaced = sector(HEADER_FIELD.ownSector) === PRIMARY_SECTOR &&
    entriesSector > PRIMARY_SECTOR && entriesSector + arraySectors <= firstUsable &&
    lastUsable < sectors;
  if (!isPlaced) return undefined;
  const entries = disk.read(entriesSector * sectorSize, arraySectors * sectorSize);
  const array = entries.subarray(0, arrayLength);
  if (crc32(array) !== view.getUint32(HEADER_FIELD.entriesCrc, true)) return undefined;
  const partitions = readEntries(array, { entryLength, firstUsable, lastUsable, sectorSize });
  return partitions && {
    partitions,
    header,
    entries,
    backupSector: sector(HEADER_FIELD.otherSector),
    firstUsable,
    lastUsable,
    backupLength: entries.length + sectorSize,
  };
}

/** Whether a sector begins as a header does. */
export function hasGptSignature(sector: Uint8Array): boolean {
  return hasSignature(sector, HEADER_FIELD.signature, SIGNATURE);
}

/** Whether a sector begins with a header whose checksum is right. */
function isHeader(bytes: Uint8Array<ArrayBuffer>): boolean {
  if (!hasGptSignature(bytes)) return false;
  const view = viewOf(bytes);
  const size = view.getUint32(HEADER_FIELD.headerSize, true);
  return size >= MIN_HEADER_SIZE && size <= bytes.length &&
    view.getUint32(HEADER_FIELD.headerCrc, true) === headerCrc(bytes);
}

/** The checksum of a header: over its size, itself taken for zero. */
export function headerCrc(bytes: Uint8Array): number {
  const header = bytes.slice(0, viewOf(bytes).getUint32(HEADER_FIELD.headerSize, true));
  viewOf(header).setUint32(HEADER_FIELD.headerCrc, 0, true);
  return crc32(header);
}

interface Bounds {
  readonly entryLength: number;
  readonly firstUsable: number;
  readonly lastUsable: number;
  readonly sectorSize: number;
}

/** `undefined` where an entry breaks a rule. */
function readEntries(
  array: Uint8Array,
  { entryLength, firstUsable, lastUsable, sectorSize }: Bounds,
): Partition[] | undefined {
  const view = viewOf(array);
  const partitions: Partition[] = [];
  for (let at = 0; at < array.length; at += entryLength) {
    const type = readGuid(array, at + ENTRY_FIELD.type);
    if (type === NIL_GUID) continue;
    const first = Number(view.getBigUint64(at + ENTRY_FIELD.firstSector, true));
    const last = Number(view.getBigUint64(at + ENTRY_FIELD.lastSector, true));
    if (first < firstUsable || last < first || last > lastUsable) return undefined;
    partitions.push({
      number: at / entryLength + 1,
      offset: first * sectorSize,
      length: (last - first + 1) * sectorSize,
      type,
    });
  }
  return partitions;
}
