/**
 * What the file systems of a disk leave free.
 *
 * @module
 */

/**
 * A range of a disk that no file system uses.
 *
 * @category Contents
 */
export interface FreeSpaceRange {
  /** Bytes from the start of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/**
 * What is in a partition, or in a disk that has none, and how much of it is free. Without `freeBytes` all of it
 * is taken for used; `reason` says why, unless nothing that is known is in it.
 *
 * @category Contents
 */
export interface PartitionSpace {
  /** As tools number it, from 1 on; absent if the disk has no partition table: the disk is the file system. */
  readonly partition?: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** `"ext4"`, `"ntfs"`; `"btrfs"`, `"LUKS"` and others are known by name only. Absent if nothing is known. */
  readonly fileSystem?: string;
  /** Bytes of the unit in which it allocates. */
  readonly blockSize?: number;
  /** Bytes that the file system says are free. */
  readonly freeBytes?: number;
  /**
   * Of these, bytes in blocks of the image file that hold nothing else: what compacting gives back at least.
   * Absent for an image that has no blocks.
   */
  readonly reclaimableBytes?: number;
  /**
   * Why all of it is taken for used: a sentence without its full stop, whose subject is the file system. Absent if
   * nothing that is known is in it.
   */
  readonly reason?: string;
}

/**
 * How much of a disk is free.
 *
 * @category Contents
 */
export interface FreeSpaceReport {
  /** Bytes, of all partitions together. */
  readonly freeBytes: number;
  /** In the order of the disk. What lies between them is taken for used. */
  readonly partitions: readonly PartitionSpace[];
}

/**
 * The free space of an open disk: how much, and where. The ranges come in order, neighbours joined; they are read
 * from the disk as they are asked for, so the disk must stay open and unchanged meanwhile.
 *
 * @category Contents
 */
export interface DiskFreeSpace extends FreeSpaceReport, AsyncIterable<FreeSpaceRange> {}
