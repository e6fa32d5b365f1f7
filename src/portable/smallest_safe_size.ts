/**
 * How small a disk can become without its partitions being cut.
 *
 * @module
 */
import type { DiskImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import { readPartitionTable } from "./partitions/partition_table.ts";
import { partitionedDisk } from "./partitions/partitioned_disk.ts";

/**
 * The end of the last partition; behind that a GPT keeps room for its backup, which moves there. Where the
 * primary GPT is damaged, its backup tells. It is a whole number of sectors, as partitions are: nothing is
 * rounded up, so that the size is really the smallest.
 *
 * @param images The chain, the child first.
 * @returns Bytes. More than the disk has where the backup of its GPT has no room.
 * @throws {ImageError} `ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE` where there is no partition table,
 * a damaged one or an empty one.
 */
export function smallestSafeSize(images: readonly [DiskImage, ...DiskImage[]]): number {
  const table = readPartitionTable(partitionedDisk(images));
  // A table without partitions does not tell whether the disk is in use.
  if (table !== undefined && table.partitions.length > 0) return table.smallestDisk;
  throw new ImageError("ERROR_VHD_COULD_NOT_COMPUTE_MINIMUM_VIRTUAL_SIZE", {
    path: images[0].source.path,
    reason: "the disk has no partition table that is sound and names a partition",
  });
}
