/**
 * What has become of a disk that was given another size.
 *
 * @module
 */
import type { GrowablePartition, ResizeReport } from "../../disk/operation_options.ts";
import { type PartitionTable, readPartitionTable } from "../partitions/partition_table.ts";
import { partitionedDisk } from "../partitions/partitioned_disk.ts";
import type { ResizableChain } from "../resizable_chain.ts";

/** What the disk as it is now does not tell. */
interface Resizing {
  readonly dryRun: boolean;
  readonly previousSize: number;
  /** Whether the primary GPT was. */
  readonly isRestored: boolean;
}

/** Looks at the disk as it is now. */
export function resizeReport(
  { image, images }: ResizableChain,
  { dryRun, previousSize, isRestored }: Resizing,
): ResizeReport {
  const { virtualSize, logicalSectorSize } = image;
  const table = readPartitionTable(partitionedDisk(images));
  if (table === undefined) return { dryRun, virtualSize, previousSize };
  const growable = growablePartition(table, virtualSize, logicalSectorSize);
  return {
    dryRun,
    virtualSize,
    previousSize,
    partitionTable: table.kind,
    ...(isRestored ? { restoredFromBackup: true } : {}),
    ...(growable === undefined ? {} : { growablePartition: growable }),
  };
}

/** The partition that ends last, where the table and the disk let it go on. */
function growablePartition(
  { partitions, end, reach, gpt }: PartitionTable,
  virtualSize: number,
  sectorSize: number,
): GrowablePartition | undefined {
  const last = partitions.find(({ offset, length }) => offset + length === end);
  const limit = gpt === undefined
    ? Math.min(virtualSize, reach)
    : (gpt.lastUsable + 1) * sectorSize;
  if (last === undefined || limit <= end) return undefined;
  const { number, offset, length } = last;
  return { number, offset, length, maximumLength: limit - offset };
}
