/**
 * The GUID partition table (UEFI 2.10, 5.3): a header and an array of entries at the start of the disk, and
 * a backup of both at its end, header last. All numbers are little-endian, and sectors are those of the
 * disk.
 *
 * @module
 */
import { crc32 } from "../../bytes/crc32.ts";
import { guid, u32, u64, type ValueOf } from "../../bytes/codec.ts";
import { NIL_GUID } from "../../bytes/guid.ts";
import { computed, layout, signature } from "../../bytes/layout.ts";
import { type Partition, type PartitionedDisk, readSector } from "./partitioned_disk.ts";

/** The sector of the header that is read first. */
export const PRIMARY_SECTOR = 1;

const MIN_HEADER_SIZE = 92;

/** A header, in a sector of its own. */
const GPT_HEADER = layout("GPT header", { size: MIN_HEADER_SIZE, endian: "little" }, {
  signature: [0, signature("EFI PART")],
  headerSize: [12, computed(u32)],
  headerCrc: [16, computed(u32)],
  ownSector: [24, u64],
  otherSector: [32, u64],
  firstUsable: [40, u64],
  lastUsable: [48, u64],
  entriesSector: [72, u64],
  entryCount: [80, u32],
  /** Bytes. */
  entryLength: [84, u32],
  entriesCrc: [88, u32],
});

/** What a header says. */
export type GptHeader = ValueOf<typeof GPT_HEADER>;

/** What a header says of where things are. */
export type GptSectors = Omit<GptHeader, "entryCount" | "entryLength" | "entriesCrc">;

/** What stands in a header, be it sound or not. */
export function decodeHeader(bytes: Uint8Array): GptHeader {
  return GPT_HEADER.unpack(bytes);
}

/** A copy of a header with other sectors, and the checksum that belongs to it. */
export function withSectors(
  header: Uint8Array,
  sectors: Partial<GptSectors>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(header);
  GPT_HEADER.patch(bytes, sectors);
  GPT_HEADER.patch(bytes, { headerCrc: headerCrc(bytes) });
  return bytes;
}

/** Whether a sector begins as a header does. */
export function hasGptSignature(sector: Uint8Array): boolean {
  return GPT_HEADER.hasSignature(sector);
}

/** Whether a sector begins with a header whose checksum is right. */
export function isHeader(bytes: Uint8Array): boolean {
  if (!hasGptSignature(bytes)) return false;
  const size = GPT_HEADER.get(bytes, "headerSize");
  return size >= MIN_HEADER_SIZE && size <= bytes.length &&
    GPT_HEADER.get(bytes, "headerCrc") === headerCrc(bytes);
}

/** The checksum of a header: over its size, itself taken for zero. */
function headerCrc(bytes: Uint8Array): number {
  const header = bytes.slice(0, GPT_HEADER.get(bytes, "headerSize"));
  GPT_HEADER.patch(header, { headerCrc: 0 });
  return crc32(header);
}

/** The sector of the primary entries where nothing else is known: the first that they may have. */
export const FIRST_ENTRIES_SECTOR = PRIMARY_SECTOR + 1;

const MIN_ENTRY_LENGTH = 128;
const MAX_ENTRY_LENGTH = 4096;
/** Tables have 16 KiB; this bounds what a damaged header makes one read. */
const MAX_ARRAY_LENGTH = 2 ** 20;
/** An entry; longer ones begin so. */
const GPT_ENTRY = layout("GPT entry", { size: MIN_ENTRY_LENGTH, endian: "little" }, {
  type: [0, guid],
  firstSector: [32, u64],
  lastSector: [40, u64],
});

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
  const partitions: Partition[] = [];
  for (let at = 0; at < array.length; at += entryLength) {
    const { type, firstSector: first, lastSector: last } = GPT_ENTRY.unpack(array, at);
    if (type === NIL_GUID) continue;
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
