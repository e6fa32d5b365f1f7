/**
 * What a file that is a raw disk says of itself: nothing but its partition table.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import { EndlessSource } from "../file/promised_end.ts";
import { readPartitionTable } from "./partition_table.ts";
import type { PartitionedDisk } from "./partitioned_disk.ts";

/** A raw disk with a partition table. */
export interface RawDisk {
  readonly kind: "mbr" | "gpt";
  /** The least that the disk has, in bytes: up to the last partition, or to the backup of a GPT. */
  readonly end: number;
}

const SECTOR_SIZES = [512, 4096];

/** Looks for a partition table at the start of a file, which may be cut off. */
export function rawDiskIn(file: ByteSource): RawDisk | undefined {
  const source = new EndlessSource(file);
  for (const sectorSize of SECTOR_SIZES) {
    const disk: PartitionedDisk = {
      size: source.size,
      sectorSize,
      read: (offset, length) => {
        const bytes = new Uint8Array(length);
        source.readAt(bytes, offset);
        return bytes;
      },
    };
    const table = readPartitionTable(disk);
    if (table === undefined) continue;
    const { kind, gpt, smallestDisk } = table;
    const backupEnd = gpt === undefined ? 0 : (gpt.backupSector + 1) * sectorSize;
    return { kind, end: Math.max(kind === "gpt" ? backupEnd : smallestDisk, 0) };
  }
  return undefined;
}
