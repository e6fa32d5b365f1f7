/**
 * The GUID partition table (UEFI 2.10, 5.3): a header and an array of entries at the start of the disk, and
 * a backup of both at its end, header last. All numbers are little-endian, and sectors are those of the
 * disk.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { NIL_GUID, readGuid } from "../../bytes/guid.ts";
import { hasSignature, viewOf } from "../file/byte_source.ts";
import { type Partition, type PartitionedDisk, readSector } from "./partitioned_disk.ts";

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

/** The sector of the primary entries where nothing else is known: the first that they may have. */
export const FIRST_ENTRIES_SECTOR = PRIMARY_SECTOR + 1;

const MIN_ENTRY_LENGTH = 128;
const MAX_ENTRY_LENGTH = 4096;
/** Tables have 16 KiB; this bounds what a damaged header makes one read. */
const MAX_ARRAY_LENGTH = 2 ** 20;
const ENTRY_FIELD = { type: 0, firstSector: 32, lastSector: 40 } as const;

/** A table whose header and entries are sound. */
export interface GptTable {
  readonly partitions: readonly Partition[];
  /** Whether it is the backup, because the primary table is damaged. Otherwise nobody looked at the backup. */
  readonly isBackup: boolean;
  /** The sector of the header, all of it. */
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

/**
 * Reads the table: the primary one; where that is damaged the backup, which is the end of the disk, or
 * before the disk was given another size was where the damaged header says.
 *
 * @returns `undefined` where both are damaged, or where the one that counts breaks a rule though its
 * checksums are right: somebody wrote it so, and the other one must not take its place.
 */
export function readGpt(disk: PartitionedDisk): GptTable | undefined {
  const lastSector = Math.floor(disk.size / disk.sectorSize) - 1;
  if (lastSector < PRIMARY_SECTOR) return undefined;
  const { otherSector } = decodeHeader(readSector(disk, PRIMARY_SECTOR));
  const isElsewhere = otherSector > PRIMARY_SECTOR && otherSector < lastSector;
  for (const sector of [PRIMARY_SECTOR, lastSector, ...(isElsewhere ? [otherSector] : [])]) {
    const table = readTable(disk, sector);
    if (table !== "damaged") return table;
  }
  return undefined;
}

/** The table whose header is at a sector of the disk; `undefined` where it is sound but breaks a rule. */
function readTable(
  disk: PartitionedDisk,
  headerSector: number,
): GptTable | "damaged" | undefined {
  const { sectorSize } = disk;
  const header = readSector(disk, headerSector);
  const fields = decodeHeader(header);
  const { ownSector, otherSector, entriesSector, entriesCrc } = fields;
  if (!isHeader(header) || ownSector !== headerSector) return "damaged";
  const arrayLength = fields.entryCount * fields.entryLength;
  const arraySectors = Math.ceil(arrayLength / sectorSize);
  const sectors = Math.floor(disk.size / sectorSize);
  const isReadable = isArray(fields.entryLength, arrayLength) &&
    isPlaced(fields, arraySectors, sectors);
  if (!isReadable) return undefined;
  const entries = disk.read(entriesSector * sectorSize, arraySectors * sectorSize);
  const array = entries.subarray(0, arrayLength);
  if (crc32(array) !== entriesCrc) return "damaged";
  const partitions = readEntries(array, fields, sectorSize);
  const isBackup = ownSector !== PRIMARY_SECTOR;
  return partitions && {
    partitions,
    isBackup,
    header,
    entries,
    backupSector: isBackup ? ownSector : otherSector,
    firstUsable: fields.firstUsable,
    lastUsable: fields.lastUsable,
    backupLength: entries.length + sectorSize,
  };
}

function isArray(entryLength: number, arrayLength: number): boolean {
  return entryLength >= MIN_ENTRY_LENGTH && entryLength <= MAX_ENTRY_LENGTH &&
    (entryLength & (entryLength - 1)) === 0 && arrayLength > 0 && arrayLength <= MAX_ARRAY_LENGTH;
}

/**
 * Whether the entries lie between header and partitions, within the disk, and leave room for those of the
 * other table.
 */
function isPlaced(
  { ownSector, otherSector, entriesSector, firstUsable, lastUsable }: GptHeader,
  arraySectors: number,
  sectors: number,
): boolean {
  const entriesEnd = entriesSector + arraySectors;
  // Equal where there is no room for a partition.
  if (firstUsable > lastUsable + 1) return false;
  if (ownSector === PRIMARY_SECTOR) {
    return entriesSector > ownSector && entriesEnd <= firstUsable && lastUsable < sectors;
  }
  return entriesSector > lastUsable && entriesEnd <= ownSector && otherSector === PRIMARY_SECTOR &&
    FIRST_ENTRIES_SECTOR + arraySectors <= firstUsable;
}

/** `undefined` where an entry breaks a rule. */
function readEntries(
  array: Uint8Array,
  { entryLength, firstUsable, lastUsable }: GptHeader,
  sectorSize: number,
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
