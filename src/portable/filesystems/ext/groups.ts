/**
 * The block groups of ext2, ext3 and ext4: where the superblock and the descriptors have their copies, and what a
 * descriptor says (the Linux kernel's documentation, filesystems/ext4/blockgroup and group_descr).
 *
 * @module
 */
import { u16, u32 } from "../../../bytes/codec.ts";
import { computed, layout } from "../../../bytes/layout.ts";
import { readInside, Refusal, type Volume } from "../file_system.ts";
import { extCrc16, extCrc32c, le32 } from "./checksums.ts";
import { type Superblock, SUPERBLOCK_OFFSET } from "./superblock.ts";

/** Blocks of the volume. */
export interface BlockRange {
  readonly first: number;
  readonly count: number;
}

/** What a descriptor says, found to lie within the file system. */
export interface GroupDescriptor {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  /** Clusters. */
  readonly freeClusters: number;
  /** Whether the bitmap follows from where the structures are, and what is on the volume does not count. */
  readonly isBitmapUninitialized: boolean;
  readonly areInodesUninitialized: boolean;
  /** Of the bitmap; its lower half if `isShortChecksum`. */
  readonly bitmapChecksum: number;
  readonly isShortChecksum: boolean;
}

const DESCRIPTOR = layout("group descriptor", { size: 32, endian: "little" }, {
  blockBitmap: [0x00, u32],
  inodeBitmap: [0x04, u32],
  inodeTable: [0x08, u32],
  freeBlocks: [0x0c, u16],
  flags: [0x12, u16],
  bitmapChecksum: [0x18, u16],
  checksum: [0x1e, computed(u16)],
});
/** What follows in descriptors of 64 bytes or more: the upper halves. */
const UPPER_HALVES = layout("group descriptor", { size: 64, endian: "little" }, {
  blockBitmap: [0x20, u32],
  inodeBitmap: [0x24, u32],
  inodeTable: [0x28, u32],
  freeBlocks: [0x2c, u16],
  bitmapChecksum: [0x38, u16],
});
const OLD_LENGTH = 0x20;
const FLAG = { inodesUninitialized: 1, blocksUninitialized: 2 } as const;
const CACHED_BLOCKS = 64;

/** The descriptors of a file system, read a block at a time. */
export class BlockGroups {
  readonly #volume: Volume;
  readonly #superblock: Superblock;
  readonly #perBlock: number;
  readonly #blockCount: number;
  readonly #cache = new Map<number, Uint8Array<ArrayBuffer>>();

  /** @throws {Refusal} If there is no room for the descriptors. */
  constructor(volume: Volume, superblock: Superblock) {
    this.#volume = volume;
    this.#superblock = superblock;
    const { blockSize, descriptorSize, groupCount, firstMetaGroup } = superblock;
    this.#perBlock = blockSize / descriptorSize;
    this.#blockCount = Math.ceil(groupCount / this.#perBlock);
    if (firstMetaGroup !== Infinity && firstMetaGroup > this.#blockCount) {
      throw new Refusal(superblock.name, "its first meta group is behind its end");
    }
  }

  /** Where a group begins. */
  startOf(group: number): number {
    const { firstDataBlock, blocksPerGroup } = this.#superblock;
    return firstDataBlock + group * blocksPerGroup;
  }

  /** Where a group ends: the last one may be shorter. */
  endOf(group: number): number {
    return Math.min(this.#superblock.blockCount, this.startOf(group + 1));
  }

  /** The group in which a block lies. */
  groupOf(block: number): number {
    const { firstDataBlock, blocksPerGroup } = this.#superblock;
    return Math.floor((block - firstDataBlock) / blocksPerGroup);
  }

  /** How many blocks an inode table has. */
  get inodeTableBlocks(): number {
    const { inodesPerGroup, inodeSize, blockSize } = this.#superblock;
    return Math.ceil(inodesPerGroup * inodeSize / blockSize);
  }

  /** The bitmaps and the inode table of a group, wherever they are. */
  structuresOf({ blockBitmap, inodeBitmap, inodeTable }: GroupDescriptor): readonly BlockRange[] {
    return [
      { first: blockBitmap, count: 1 },
      { first: inodeBitmap, count: 1 },
      { first: inodeTable, count: this.inodeTableBlocks },
    ];
  }

  /** What stands at the beginning of a group: copies of the superblock and of descriptors; often nothing. */
  copiesIn(group: number): BlockRange {
    const { firstMetaGroup, reservedGdtBlocks } = this.#superblock;
    const first = this.startOf(group);
    const hasSuperblock = this.#hasSuperblock(group);
    let count = hasSuperblock ? this.#afterSuperblock(group) - first : 0;
    if (Math.floor(group / this.#perBlock) >= firstMetaGroup) {
      if ([0, 1, this.#perBlock - 1].includes(group % this.#perBlock)) count++;
    } else if (hasSuperblock) {
      count += Math.min(firstMetaGroup, this.#blockCount) + reservedGdtBlocks;
    }
    return { first, count };
  }

  /** The block behind the superblock of a group. That of group 0 is at 1024 bytes, whatever the block size. */
  #afterSuperblock(group: number): number {
    if (group > 0) return this.startOf(group) + 1;
    return Math.floor(SUPERBLOCK_OFFSET / this.#superblock.blockSize) + 1;
  }

  #hasSuperblock(group: number): boolean {
    const { backupGroups, isSparse } = this.#superblock;
    if (group === 0) return true;
    if (backupGroups !== undefined) return backupGroups.includes(group);
    if (!isSparse || group === 1) return true;
    return [3, 5, 7].some((base) => isPowerOf(base, group));
  }

  /** @throws {Refusal} If its checksum does not hold, or what it names is not in the file system. */
  descriptor(group: number): GroupDescriptor {
    const { descriptorSize } = this.#superblock;
    const at = (group % this.#perBlock) * descriptorSize;
    const block = this.#descriptorBlock(Math.floor(group / this.#perBlock));
    const bytes = block.subarray(at, at + descriptorSize);
    this.#demandChecksum(bytes, group);
    const descriptor = this.#decode(bytes);
    const { flags } = descriptor;
    if (this.#superblock.checksums.kind === "none" && flags !== 0) {
      // CVE-2018-10876: nothing says then that nobody has written them by mistake.
      this.#refuse(`group ${group} is marked as uninitialized, but has no checksum`);
    }
    if (group === 0 && descriptor.isBitmapUninitialized) {
      this.#refuse("group 0 is marked as uninitialized");
    }
    const [start, end] = this.#superblock.hasFlexGroups
      ? [this.#superblock.firstDataBlock, this.#superblock.blockCount]
      : [this.startOf(group), this.endOf(group)];
    for (const { first, count } of this.structuresOf(descriptor)) {
      if (first < start || first + count > end) {
        this.#refuse(`a structure of group ${group} lies where it cannot be`);
      }
    }
    return descriptor;
  }

  #decode(bytes: Uint8Array<ArrayBuffer>): GroupDescriptor & { flags: number } {
    const low = DESCRIPTOR.unpack(bytes);
    const isLong = bytes.length > OLD_LENGTH;
    const high = isLong ? UPPER_HALVES.unpack(bytes) : undefined;
    const block = (name: "blockBitmap" | "inodeBitmap" | "inodeTable") =>
      low[name] + (high?.[name] ?? 0) * 2 ** 32;
    const half = (name: "freeBlocks" | "bitmapChecksum") =>
      low[name] + (high?.[name] ?? 0) * 2 ** 16;
    const flags = low.flags & (FLAG.inodesUninitialized | FLAG.blocksUninitialized);
    return {
      blockBitmap: block("blockBitmap"),
      inodeBitmap: block("inodeBitmap"),
      inodeTable: block("inodeTable"),
      freeClusters: half("freeBlocks"),
      flags,
      isBitmapUninitialized: (flags & FLAG.blocksUninitialized) !== 0,
      areInodesUninitialized: (flags & FLAG.inodesUninitialized) !== 0,
      bitmapChecksum: half("bitmapChecksum"),
      isShortChecksum: !isLong,
    };
  }

  #demandChecksum(bytes: Uint8Array<ArrayBuffer>, group: number): void {
    const { checksums } = this.#superblock;
    if (checksums.kind === "none") return;
    const stored = DESCRIPTOR.get(bytes, "checksum");
    const at = DESCRIPTOR.at.checksum;
    let checksum: number;
    if (checksums.kind === "crc16") {
      checksum = extCrc16(extCrc16(0xffff, checksums.uuid), le32(group));
      checksum = extCrc16(checksum, bytes.subarray(0, at));
      checksum = extCrc16(checksum, bytes.subarray(at + 2));
    } else {
      const copy = bytes.slice();
      copy.fill(0, at, at + 2);
      checksum = extCrc32c(extCrc32c(checksums.seed, le32(group)), copy) & 0xffff;
    }
    if (stored !== checksum) {
      this.#refuse(`the checksum of the descriptor of group ${group} does not hold`);
    }
  }

  #descriptorBlock(index: number): Uint8Array<ArrayBuffer> {
    const known = this.#cache.get(index);
    if (known !== undefined) return known;
    const { blockSize, name } = this.#superblock;
    const place = this.#placeOf(index) * blockSize;
    const bytes = readInside(this.#volume, place, blockSize, name, "a block of group descriptors");
    if (this.#cache.size >= CACHED_BLOCKS) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(index, bytes);
    return bytes;
  }

  #placeOf(index: number): number {
    if (index < this.#superblock.firstMetaGroup) return this.#afterSuperblock(0) + index;
    const group = index * this.#perBlock;
    return this.#hasSuperblock(group) ? this.#afterSuperblock(group) : this.startOf(group);
  }

  #refuse(reason: string): never {
    throw new Refusal(this.#superblock.name, reason);
  }
}

function isPowerOf(base: number, value: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}
