/**
 * Checks the size of a disk against the one thing outside the format that tells it too: a GUID partition table,
 * whose first header says where the backup is, in the last sector of the disk.
 *
 * @module
 */
import type { DiskImage } from "../image.ts";
import { decodeHeader, isHeader, PRIMARY_SECTOR } from "../partitions/gpt_header.ts";
import { partitionedDisk, readSector } from "../partitions/partitioned_disk.ts";
import type { Findings } from "./findings.ts";

/** Where a header says that the other one is. */
const OTHER_SECTOR = 32;

/** Checks a disk without its parents: a table that lies in one of them says nothing. */
export function checkGptBackup(image: DiskImage, findings: Findings): void {
  const disk = partitionedDisk([image]);
  const { size, sectorSize } = disk;
  const last = Math.floor(size / sectorSize) - 1;
  if (last <= PRIMARY_SECTOR) return;
  const at = PRIMARY_SECTOR * sectorSize;
  const extent = image.extent(at, at + sectorSize);
  if (extent.kind !== "file" || extent.length < sectorSize) return;
  const header = readSector(disk, PRIMARY_SECTOR);
  const { ownSector, otherSector } = decodeHeader(header);
  if (!isHeader(header) || ownSector !== PRIMARY_SECTOR || otherSector === last) return;
  const isCut = otherSector > last;
  findings.add({
    // A disk that was enlarged is like that until its table is moved.
    severity: isCut ? "warning" : "info",
    structure: "GUID partition table",
    offset: extent.fileOffset + OTHER_SECTOR,
    found: `the backup in sector ${otherSector}, of a disk of ${
      (otherSector + 1) * sectorSize
    } bytes`,
    expected: `sector ${last}, the last of the disk's ${size} bytes${
      isCut ? ": the size is damaged, or the disk was cut off" : ", unless the disk was enlarged"
    }`,
    ...(isCut ? { symbol: "ERROR_VHD_INVALID_SIZE" } : {}),
  });
}
