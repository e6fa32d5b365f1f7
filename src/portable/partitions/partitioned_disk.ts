/**
 * The disk that a partition table lies on, as the readers of such tables need it.
 *
 * @module
 */
import { isEqual } from "../../bytes/equal.ts";
import { readChain } from "../image/extents.ts";
import type { DiskImage } from "../image/image.ts";

/** A disk that may have a partition table. */
export interface PartitionedDisk {
  /** Bytes. */
  readonly size: number;
  /** Bytes; what the numbers of a table count. */
  readonly sectorSize: number;
  /** Bytes of the disk; the caller keeps the range inside it, and bounds its length. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** A disk whose table is changed. */
export interface WritablePartitionedDisk extends PartitionedDisk {
  /** Writes whole sectors. */
  write(bytes: Uint8Array, offset: number): void;
  /** Makes what was written before durable. */
  flush(): void;
}

/** The disk of a chain of images, the child first. */
export function partitionedDisk(
  images: readonly [DiskImage, ...DiskImage[]],
): PartitionedDisk {
  const [{ virtualSize, logicalSectorSize }] = images;
  return {
    size: virtualSize,
    sectorSize: logicalSectorSize,
    read: (offset, length) => {
      const bytes = new Uint8Array(length);
      readChain(images, bytes, offset);
      return bytes;
    },
  };
}

/** The bytes of a sector of the disk. */
export function readSector(disk: PartitionedDisk, sector: number): Uint8Array<ArrayBuffer> {
  return disk.read(sector * disk.sectorSize, disk.sectorSize);
}

/** Writes whole sectors, and makes them durable; nothing where they are there already. */
export function writeDurably(
  disk: WritablePartitionedDisk,
  bytes: Uint8Array,
  sector: number,
): void {
  const offset = sector * disk.sectorSize;
  if (isEqual(disk.read(offset, bytes.length), bytes)) return;
  disk.write(bytes, offset);
  disk.flush();
}

/**
 * A partition, whatever table names it.
 *
 * @module
 */

/**
 * A partition.
 *
 * @category Information
 */
export interface Partition {
  /** As tools number it, from 1 on; logical partitions of an MBR from 5 on. */
  readonly number: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** GPT: the type's GUID, lower case; MBR: the type's byte in hexadecimal, as `0x07`. */
  readonly type: string;
}

/** Where the last one ends, in bytes; 0 where there is none. */
export function endOf(partitions: readonly Partition[]): number {
  return Math.max(0, ...partitions.map(({ offset, length }) => offset + length));
}
