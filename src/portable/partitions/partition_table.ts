/**
 * What a disk says of its partitions: how many bytes of it must stay.
 *
 * @module
 */
import { ImageError } from "../file/image_error.ts";
import type { DiskImage } from "../image/image.ts";
import { type GptTable, readGpt } from "./gpt.ts";
import { readMbr } from "./mbr.ts";
import {
  endOf,
  type Partition,
  type PartitionedDisk,
  partitionedDisk,
} from "./partitioned_disk.ts";

const SMALLEST_SECTOR = 512;

/** A partition table that was found to be sound. */
export interface PartitionTable {
  readonly kind: "mbr" | "gpt";
  /** In the order of the table; a GPT may have none. */
  readonly partitions: readonly Partition[];
  /** Where the last partition ends, in bytes; those that only an MBR knows of count, and extended ones. */
  readonly end: number;
  /** The smallest disk that holds all of it, in bytes: up to `end`, and what a GPT keeps behind that. */
  readonly smallestDisk: number;
  /** The largest disk whose end a partition can reach, in bytes. */
  readonly reach: number;
  /** Where `kind` is `"gpt"`. */
  readonly gpt: GptTable | undefined;
}

/**
 * Reads the table of a disk.
 *
 * @returns `undefined` where there is none, or a damaged one. A record without partitions is none: boot
 * sectors of file systems have nothing but zeros there too. A GPT without a protective record is none
 * either, as UEFI 2.10, 5.2.3 and 5.3 have it, and Linux.
 */
export function readPartitionTable(disk: PartitionedDisk): PartitionTable | undefined {
  // A raw disk that is no whole number of sectors counts in bytes: no table can be in it.
  if (disk.sectorSize < SMALLEST_SECTOR) return undefined;
  const mbr = readMbr(disk);
  if (mbr === undefined) return undefined;
  if (mbr.isProtective) return gptOf(disk, mbr.end);
  const { partitions, end } = mbr;
  if (partitions.length === 0) return undefined;
  const reach = 2 ** 32 * disk.sectorSize;
  return { kind: "mbr", partitions, end, smallestDisk: end, reach, gpt: undefined };
}

/** @param mbrEnd Where the last partition ends that the record names beside the GPT. */
function gptOf(disk: PartitionedDisk, mbrEnd: number): PartitionTable | undefined {
  const gpt = readGpt(disk);
  if (gpt === undefined) return undefined;
  const { partitions, firstUsable, backupLength } = gpt;
  const end = Math.max(mbrEnd, endOf(partitions));
  // Where there is no partition, there is room for one.
  const smallestDisk = Math.max(end, (firstUsable + 1) * disk.sectorSize) + backupLength;
  return { kind: "gpt", partitions, end, smallestDisk, reach: Number.MAX_SAFE_INTEGER, gpt };
}

/**
 * The end of the last partition; behind that a GPT keeps room for its backup, which moves there. Where the
 * primary GPT is damaged, its backup tells. It is a whole number of sectors, as partitions are: nothing is
 * rounded up, so that the size is really the smallest.
 *
 * @param images The chain, the child first.
 * @returns Bytes. More than the disk has where the backup of its GPT has no room. `undefined` where there is no
 * partition table, a damaged one or an empty one.
 */
export function smallestSafeSize(
  images: readonly [DiskImage, ...DiskImage[]],
): number | undefined {
  const table = readPartitionTable(partitionedDisk(images));
  // A table without partitions does not tell whether the disk is in use.
  return table !== undefined && table.partitions.length > 0 ? table.smallestDisk : undefined;
}

/** The error of a disk that has no such size. */
export function noSmallestSafeSize(image: DiskImage, causes?: readonly string[]): ImageError {
  return new ImageError("ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE", {
    path: image.source.path,
    reason: "the disk has no partition table that is sound and names a partition",
    ...(causes === undefined ? {} : { causes }),
  });
}
