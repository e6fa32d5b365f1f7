/**
 * The block bitmaps of ext2, ext3 and ext4: a bit for each cluster, set if it is used, the lowest bit of a byte first
 * (the Linux kernel's documentation, filesystems/ext4/bitmaps).
 *
 * @module
 */
import { isEqual } from "../../../bytes/equal.ts";
import { bitRun } from "../../image/bit_run.ts";
import { Refusal, type Volume } from "../file_system.ts";
import { extCrc32c } from "./checksums.ts";
import type { BlockGroups, BlockRange, GroupDescriptor } from "./groups.ts";
import type { Superblock } from "./superblock.ts";

/** 8 MiB of the largest ones: the groups of a flexible one have their structures in its first. */
const CACHED_BITMAPS = 128;
/** The largest bitmap. */
const ALL_SET = new Uint8Array(64 * 1024).fill(0xff);
/** Without checksums and fixed places, bitmaps are compared with each other; more groups than 128 TiB have. */
const MAX_COMPARED_GROUPS = 2 ** 20;

/** The bitmaps of a file system, each verified when it is read. */
export class BlockBitmaps {
  readonly #volume: Volume;
  readonly #superblock: Superblock;
  readonly #groups: BlockGroups;
  readonly #cache = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Places of bitmaps, if nothing else says that no two groups have the same. */
  readonly #places: Map<number, number> | undefined;

  /** @throws {Refusal} If there are too many groups to be certain. */
  constructor(volume: Volume, superblock: Superblock, groups: BlockGroups) {
    this.#volume = volume;
    this.#superblock = superblock;
    this.#groups = groups;
    if (superblock.hasFlexGroups && superblock.checksums.kind === "none") {
      if (superblock.groupCount > MAX_COMPARED_GROUPS) {
        throw new Refusal(superblock.name, "it has no checksums, and too many groups");
      }
      this.#places = new Map();
    }
  }

  /** How many clusters a group has: the last one of the file system may be a part of one. */
  clustersIn(group: number): number {
    const { clusterBlocks } = this.#superblock;
    return Math.ceil((this.#groups.endOf(group) - this.#groups.startOf(group)) / clusterBlocks);
  }

  /** @throws {Refusal} If its checksum, its padding or its number of free clusters does not hold. */
  of(group: number): Uint8Array<ArrayBuffer> {
    const known = this.#cache.get(group);
    if (known !== undefined) return known;
    const descriptor = this.#groups.descriptor(group);
    const bitmap = descriptor.isBitmapUninitialized
      ? this.#computed(group, descriptor)
      : this.#read(group, descriptor);
    this.#demandCount(bitmap, group, descriptor.freeClusters);
    if (this.#cache.size >= CACHED_BITMAPS) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(group, bitmap);
    return bitmap;
  }

  /** The runs of free blocks in a group, in order. */
  *freeRuns(group: number): Generator<BlockRange> {
    const { clusterBlocks } = this.#superblock;
    const bitmap = this.of(group);
    const start = this.#groups.startOf(group);
    const end = this.#groups.endOf(group);
    const count = this.clustersIn(group);
    for (let cluster = 0; cluster < count;) {
      const { value, length } = bitRun(bitmap, cluster, count, "lsb-first");
      const first = start + cluster * clusterBlocks;
      cluster += length;
      if (!value) yield { first, count: Math.min(end, start + cluster * clusterBlocks) - first };
    }
  }

  /**
   * Something of the file system itself must be marked as used.
   *
   * @param what For the reason: `the journal`.
   * @throws {Refusal} If a block of it is not, or is not in the file system.
   */
  demandUsed({ first, count }: BlockRange, what: string): void {
    const { firstDataBlock, blockCount, clusterBlocks } = this.#superblock;
    if (first < firstDataBlock || !(first + count <= blockCount)) {
      this.#refuse(`${what} does not lie in it`);
    }
    for (let block = first; block < first + count;) {
      const group = this.#groups.groupOf(block);
      const start = this.#groups.startOf(group);
      const end = Math.min(first + count, this.#groups.endOf(group));
      const bitmap = this.of(group);
      const from = Math.floor((block - start) / clusterBlocks);
      const to = Math.ceil((end - start) / clusterBlocks);
      const run = bitRun(bitmap, from, to, "lsb-first");
      if (!run.value || run.length < to - from) this.#refuse(`${what} is marked as free`);
      block = end;
    }
  }

  #read(group: number, descriptor: GroupDescriptor): Uint8Array<ArrayBuffer> {
    const { blockSize, clustersPerGroup, checksums } = this.#superblock;
    const { blockBitmap, bitmapChecksum, isShortChecksum } = descriptor;
    if (this.#places !== undefined) {
      const other = this.#places.get(blockBitmap) ?? group;
      if (other !== group) this.#refuse(`groups ${other} and ${group} have the same bitmap`);
      this.#places.set(blockBitmap, group);
    }
    // The descriptor has been found to name a block of the file system.
    const bitmap = this.#volume.read(blockBitmap * blockSize, blockSize);
    if (checksums.kind === "crc32c") {
      const computed = extCrc32c(checksums.seed, bitmap.subarray(0, clustersPerGroup / 8));
      if (bitmapChecksum !== (isShortChecksum ? computed & 0xffff : computed)) {
        this.#refuse(`the checksum of the block bitmap of group ${group} does not hold`);
      }
    }
    this.#demandPadding(bitmap, group);
    return bitmap;
  }

  /** What no block stands for is set: a bitmap that was never written, or of another file system, is not so. */
  #demandPadding(bitmap: Uint8Array<ArrayBuffer>, group: number): void {
    const count = this.clustersIn(group);
    const whole = Math.ceil(count / 8);
    const partial = count % 8;
    const isSet = partial === 0 || (bitmap[whole - 1]! | (1 << partial) - 1) === 0xff;
    const rest = bitmap.subarray(whole);
    if (isSet && isEqual(rest, ALL_SET.subarray(0, rest.length))) return;
    this.#refuse(`the block bitmap of group ${group} has free blocks behind its end`);
  }

  /** Nothing is used in it but what stands at fixed places, and its own structures if they are in it. */
  #computed(group: number, descriptor: GroupDescriptor): Uint8Array<ArrayBuffer> {
    const { blockSize, clusterBlocks } = this.#superblock;
    const bitmap = new Uint8Array(blockSize);
    const start = this.#groups.startOf(group);
    const end = this.#groups.endOf(group);
    const used = [this.#groups.copiesIn(group), ...this.#groups.structuresOf(descriptor)];
    for (const { first, count } of used) {
      const from = Math.max(first, start) - start;
      const to = Math.min(first + count, end) - start;
      for (
        let cluster = Math.floor(from / clusterBlocks);
        cluster * clusterBlocks < to;
        cluster++
      ) {
        bitmap[cluster >>> 3]! |= 1 << (cluster & 7);
      }
    }
    return bitmap;
  }

  #demandCount(bitmap: Uint8Array<ArrayBuffer>, group: number, expected: number): void {
    const count = this.clustersIn(group);
    let free = 0;
    for (let cluster = 0; cluster < count;) {
      const { value, length } = bitRun(bitmap, cluster, count, "lsb-first");
      cluster += length;
      if (!value) free += length;
    }
    if (free === expected) return;
    this.#refuse(
      `the bitmap of group ${group} has ${free} free clusters, its descriptor ${expected}`,
    );
  }

  #refuse(reason: string): never {
    throw new Refusal(this.#superblock.name, reason);
  }
}
