/**
 * Moves the backup of a GUID partition table to the end that the disk has, or is about to have.
 *
 * @module
 */
import { joined } from "../../bytes/joined.ts";
import {
  decodeHeader,
  FIRST_ENTRIES_SECTOR,
  type GptTable,
  hasGptSignature,
  PRIMARY_SECTOR,
  withSectors,
} from "./gpt.ts";
import { MBR, MBR_ENTRY, PROTECTIVE_TYPE } from "./mbr.ts";
import {
  type PartitionedDisk,
  readSector,
  type WritablePartitionedDisk,
  writeDurably,
} from "./partitioned_disk.ts";

/** The largest number of sectors that an MBR can tell; Windows writes it whatever the disk's size. */
const MAX_SECTORS = 0xffff_ffff;

/**
 * Puts the backup at the end of a disk of `size` bytes, and has the primary header and the protective
 * record say so: each durable before the next, so that after a crash the primary table is good, and so is
 * a backup at the end that the disk has. What is in place already is not written. The former backup goes
 * before the primary header is written, which alone knows where that is: the same can be done again.
 *
 * @param gpt The primary table.
 * @param size At least the table's smallest disk, and no more than the disk has.
 */
export function moveBackup(disk: WritablePartitionedDisk, gpt: GptTable, size: number): void {
  const { sectorSize } = disk;
  const lastSector = Math.floor(size / sectorSize) - 1;
  const entriesSector = lastSector - gpt.entries.length / sectorSize;
  const lastUsable = entriesSector - 1;
  const backup = withSectors(gpt.header, {
    ownSector: lastSector,
    otherSector: PRIMARY_SECTOR,
    entriesSector,
    lastUsable,
  });
  const primary = withSectors(gpt.header, { otherSector: lastSector, lastUsable });
  writeDurably(disk, joined(gpt.entries, backup), entriesSector);
  eraseFormerBackup(disk, gpt, entriesSector);
  writeDurably(disk, primary, PRIMARY_SECTOR);
  writeDurably(disk, protectiveRecord(disk, lastSector), 0);
}

/** A record that covers the disk goes on doing so; one with other partitions in it stays as it is. */
function protectiveRecord(disk: PartitionedDisk, lastSector: number): Uint8Array<ArrayBuffer> {
  const bytes = readSector(disk, 0);
  const { entries } = MBR.unpack(bytes);
  const used = entries.filter(({ type }) => type !== 0);
  const [entry] = used;
  if (entry === undefined || used.length > 1) return bytes;
  const isWhole = entry.type === PROTECTIVE_TYPE && entry.firstSector === PRIMARY_SECTOR;
  if (isWhole && entry.sectorCount !== MAX_SECTORS) {
    const at = MBR.at.entries + entries.indexOf(entry) * MBR_ENTRY.size;
    MBR_ENTRY.patch(bytes, { sectorCount: Math.min(lastSector, MAX_SECTORS) }, at);
  }
  return bytes;
}

/**
 * The former header would be a second one in the middle of the disk, for those who search for any. Where
 * the disk is about to be cut before it, it stays what it is until then: the backup.
 */
function eraseFormerBackup(
  disk: WritablePartitionedDisk,
  { backupSector, lastUsable }: GptTable,
  entriesSector: number,
): void {
  if (backupSector <= lastUsable || backupSector >= entriesSector) return;
  if (!hasGptSignature(readSector(disk, backupSector))) return;
  writeDurably(disk, new Uint8Array(disk.sectorSize), backupSector);
}

// Restores a damaged primary GUID partition table from its backup, as UEFI 2.10, 5.3.2 asks of those who
// change disks.

/**
 * Writes the primary table that belongs to the backup: the entries, then the header that makes them count.
 * The backup stays where it is, and is sound meanwhile.
 *
 * @param backup What was read because the primary table is damaged.
 * @returns The primary table.
 */
export function restorePrimary(disk: WritablePartitionedDisk, backup: GptTable): GptTable {
  const entriesSector = primaryEntriesSector(disk, backup);
  const header = withSectors(backup.header, {
    ownSector: PRIMARY_SECTOR,
    otherSector: backup.backupSector,
    entriesSector,
  });
  writeDurably(disk, backup.entries, entriesSector);
  writeDurably(disk, header, PRIMARY_SECTOR);
  return { ...backup, isBackup: false, header };
}

/**
 * Where the damaged header has them, if that can be: boot loaders of some boards lie before them. The backup
 * does not know.
 */
function primaryEntriesSector(
  disk: WritablePartitionedDisk,
  { entries, firstUsable }: GptTable,
): number {
  const { entriesSector } = decodeHeader(readSector(disk, PRIMARY_SECTOR));
  const isPossible = entriesSector >= FIRST_ENTRIES_SECTOR &&
    entriesSector + entries.length / disk.sectorSize <= firstUsable;
  return isPossible ? entriesSector : FIRST_ENTRIES_SECTOR;
}
