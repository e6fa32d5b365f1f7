/**
 * Restores a damaged primary GUID partition table from its backup, as UEFI 2.10, 5.3.2 asks of those who
 * change disks.
 *
 * @module
 */
import { FIRST_ENTRIES_SECTOR, type GptTable } from "./gpt.ts";
import { decodeHeader, PRIMARY_SECTOR, withSectors } from "./gpt_header.ts";
import { readSector, type WritablePartitionedDisk, writeDurably } from "./partitioned_disk.ts";

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
