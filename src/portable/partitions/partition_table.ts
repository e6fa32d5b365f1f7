/**
 * What a disk says of its partitions: how many bytes of it must stay.
 *
 * @module
 */
import { type GptTable, readGpt } from "./gpt.ts";
import { readMbr } from "./mbr.ts";
import type { PartitionedDisk } from "./partitioned_disk.ts";

const SMALLEST_SECTOR = 512;

/** A partition. */
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

/** A partition table that was found to be sound. */
export interface PartitionTable {
  readonly kind: "mbr" | "gpt";
  /** In the order of the table; at least one. */
  readonly partitions: readonly [Partition, ...Partition[]];
  /** Where the last partition ends, in bytes; an extended one of an MBR counts. */
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
 * @returns `undefined` where there is none, where it is damaged, or where no partition is in it: then
 * nothing tells how much of the disk is in use.
 */
export function readPartitionTable(disk: PartitionedDisk): PartitionTable | undefined {
  // A raw disk that is no whole number of sectors counts in bytes: no table can be in it.
  if (disk.sectorSize < SMALLEST_SECTOR) return undefined;
  const mbr = readMbr(disk);
  if (mbr === undefined) return undefined;
  if (!mbr.isProtective) {
    return tableOf(mbr.partitions, (end) => ({
      kind: "mbr",
      // The table names extended partitions too, whatever is in them.
      end: Math.max(end, mbr.end),
      smallestDisk: Math.max(end, mbr.end),
      reach: 2 ** 32 * disk.sectorSize,
      gpt: undefined,
    }));
  }
  const gpt = readGpt(disk);
  if (gpt === undefined) return undefined;
  return tableOf(gpt.partitions, (end) => ({
    kind: "gpt",
    end,
    smallestDisk: end + gpt.backupLength,
    reach: Number.MAX_SAFE_INTEGER,
    gpt,
  }));
}

function tableOf(
  partitions: readonly Partition[],
  describe: (end: number) => Omit<PartitionTable, "partitions">,
): PartitionTable | undefined {
  const [first, ...others] = partitions;
  if (first === undefined) return undefined;
  const end = partitions.reduce((most, { offset, length }) => Math.max(most, offset + length), 0);
  return { ...describe(end), partitions: [first, ...others] };
}
