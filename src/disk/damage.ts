/**
 * What is lost of a damaged disk, and what may be said in place of what its file no longer says.
 *
 * @module
 */
import { checkOptions, type OptionKinds } from "./arguments.ts";
import { SIZE, type Size, sizeOf } from "./size.ts";

/**
 * Why a range of a disk is lost:
 *
 * - `"cut-off"`: it was behind the end of the file.
 * - `"table"`: the entry that says where it is, or whether it is anywhere, is damaged or missing.
 * - `"overlap"`: the file has two blocks in one place, and nothing tells whose it is.
 * - `"bitmap"`: the bitmap that says whether it is in this file or in the parent is missing.
 * - `"log"`: a log that cannot be replayed may have another place for it.
 * - `"parent"`: it is in a parent, which is not there, is another disk, or is damaged too much.
 *
 * @category Contents
 */
export type LossReason = "cut-off" | "table" | "overlap" | "bitmap" | "log" | "parent";

/** All of them. */
export const LOSS_REASONS: readonly LossReason[] = [
  "cut-off",
  "table",
  "overlap",
  "bitmap",
  "log",
  "parent",
];

/**
 * A range of a disk of which nobody knows what it held. It reads as zeros.
 *
 * @category Contents
 */
export interface LostRange {
  /** Bytes from the start of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Why it is lost. */
  readonly reason: LossReason;
}

/**
 * Something that is wrong with the file of a damaged disk, and what that leads to.
 *
 * @category Contents
 */
export interface DamageFinding {
  /** The file. */
  readonly path: string;
  /** The structure of the format, in its specification's words, for example `"region table"`. */
  readonly structure: string;
  /** Byte offset in the file. */
  readonly offset: number;
  /** What is there. */
  readonly found: string;
  /** What the format asks for. */
  readonly expected: string;
  /** What has been done about it: a sentence. */
  readonly consequence: string;
  /** Whether the disk may hold older contents because of it, beside the ranges that are known to be lost. */
  readonly isUncertain: boolean;
}

/**
 * How much is lost of a partition, or of a disk that has none.
 *
 * @category Contents
 */
export interface PartitionDamage {
  /** As tools number it, from 1 on; absent if the disk has no partition table, or none that can be read. */
  readonly partition?: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Bytes of it that are lost. */
  readonly lostBytes: number;
}

/**
 * What is lost of a disk.
 *
 * @category Contents
 */
export interface DiskDamage {
  /** Whether nothing is lost, and nothing uncertain. */
  readonly isWhole: boolean;
  /** Bytes of the disk that are lost. */
  readonly lostBytes: number;
  /** Of these, how many for which reason; only reasons that there are. */
  readonly lostBytesByReason: { readonly [R in LossReason]?: number };
  /** The ranges in order, neighbours of one reason joined; at most 10,000. `extents()` tells all. */
  readonly lostRanges: readonly LostRange[];
  /** How many ranges more there are. */
  readonly leftOut: number;
  /** In the order of the disk. */
  readonly partitions: readonly PartitionDamage[];
  /** What is wrong with the files. */
  readonly findings: readonly DamageFinding[];
}

/**
 * What a damaged image does not say any more, said by someone who knows. It is believed, whatever the file says.
 *
 * @category Opening
 */
export interface AssumedDisk {
  /** Size of the disk, in bytes or as in `"127GiB"`. */
  size?: Size | undefined;
  /** Bytes of a block, or as in `"2MiB"`. */
  blockSize?: Size | undefined;
  /** Logical sector size in bytes: 512 or 4096. */
  sectorSize?: Size | undefined;
}

/** As {@linkcode AssumedDisk}, in bytes. */
export type AssumedSizes = { readonly [K in keyof AssumedDisk]: number };

const ASSUMED_DISK: OptionKinds<AssumedDisk> = { size: SIZE, blockSize: SIZE, sectorSize: SIZE };

/**
 * Checks what is assumed of a disk.
 *
 * @throws {TypeError | RangeError} If one is no size.
 */
export function assumedSizes(assumed: AssumedDisk | undefined): AssumedSizes {
  const given = checkOptions(ASSUMED_DISK, assumed, "assume");
  const sizes: { -readonly [K in keyof AssumedDisk]: number } = {};
  for (const name of ["size", "blockSize", "sectorSize"] as const) {
    const size = given[name];
    if (size !== undefined) sizes[name] = sizeOf(size, name);
  }
  return sizes;
}
