/**
 * The journal of ext3 and ext4 in its inode: where it is, and that nothing in it waits to be replayed (the Linux
 * kernel's documentation, filesystems/ext4/inodes, ifork and journal).
 *
 * @module
 */
import { raw, u16, u32 } from "../../../bytes/codec.ts";
import { computed, layout } from "../../../bytes/layout.ts";
import { viewOf } from "../../file/byte_source.ts";
import { readInside, Refusal, type Volume } from "../file_system.ts";
import { extCrc32c, le32 } from "./checksums.ts";
import type { BlockGroups, BlockRange } from "./groups.ts";
import type { Superblock } from "./superblock.ts";

const BLOCK_POINTERS = 15;
const DIRECT_POINTERS = 12;

const INODE = layout("inode", { size: 128, endian: "little" }, {
  mode: [0x00, u16],
  flags: [0x20, u32],
  blocks: [0x28, raw(BLOCK_POINTERS * 4)],
  generation: [0x64, raw(4)],
  checksumLow: [0x7c, computed(u16)],
});
/** What follows in inodes that are longer. */
const LONG_INODE = layout("inode", { size: 132, endian: "little" }, {
  extraSize: [0x80, u16],
  checksumHigh: [0x82, computed(u16)],
});
const OLD_INODE_SIZE = 128;
/** Extra bytes that hold the upper half of the checksum. */
const HIGH_CHECKSUM_END = 4;
const TYPE_MASK = 0xf000;
const REGULAR_FILE = 0x8000;
const EXTENTS_FLAG = 0x80000;

const EXTENT_MAGIC = 0xf30a;
const EXTENT_LENGTH = 12;
const EXTENT_HEADER = layout("extent header", { size: EXTENT_LENGTH, endian: "little" }, {
  magic: [0, u16],
  entries: [2, u16],
  most: [4, u16],
  depth: [6, u16],
});
/** In a node without children. */
const EXTENT = layout("extent", { size: EXTENT_LENGTH, endian: "little" }, {
  fileBlock: [0, u32],
  length: [4, u16],
  startHigh: [6, u16],
  startLow: [8, u32],
});
/** In a node with children. */
const EXTENT_INDEX = layout("extent index", { size: EXTENT_LENGTH, endian: "little" }, {
  childLow: [4, u32],
  childHigh: [8, u16],
});
const MAX_EXTENT_DEPTH = 5;
/** A longer extent is an unwritten one. */
const MAX_WRITTEN = 32768;

/** Blocks of the tree, and runs of blocks: a journal in more pieces is refused. */
const MAX_TREE_BLOCKS = 4096;
const MAX_RANGES = 4096;

const JOURNAL = layout("journal superblock", { size: 1024, endian: "big" }, {
  magic: [0x00, u32],
  type: [0x04, u32],
  start: [0x1c, u32],
  error: [0x20, u32],
});
const JOURNAL_MAGIC = 0xc03b3998;
const JOURNAL_SUPERBLOCKS: readonly number[] = [3, 4];

/**
 * The blocks of the journal, and those that say where they are; there are none if it has no journal.
 *
 * @throws {Refusal} If the journal is not sound and empty.
 */
export function readJournal(
  volume: Volume,
  superblock: Superblock,
  groups: BlockGroups,
): readonly BlockRange[] {
  if (superblock.journalInode === 0) return [];
  const map = new FileMap(volume, superblock);
  const inode = readInode(volume, superblock, groups);
  map.read(inode);
  const first = map.firstBlock;
  if (first === undefined) throw new Refusal(superblock.name, "its journal has no blocks");
  const { magic, type, start, error } = JOURNAL.unpack(map.block(first));
  const isJournal = magic === JOURNAL_MAGIC && JOURNAL_SUPERBLOCKS.includes(type);
  if (!isJournal) throw new Refusal(superblock.name, "its journal does not begin as one");
  if (error !== 0) {
    throw new Refusal(superblock.name, "its journal has recorded an error");
  }
  if (start !== 0) {
    throw new Refusal(superblock.name, "its journal must be replayed, though it says otherwise");
  }
  return map.ranges;
}

/** What a block of the tree is protected by. */
interface Inode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of metadata_csum, over number and generation. */
  readonly seed: number | undefined;
}

function readInode(volume: Volume, superblock: Superblock, groups: BlockGroups): Inode {
  const { name, journalInode, inodesPerGroup, inodeSize, blockSize, groupCount, checksums } =
    superblock;
  const group = Math.floor((journalInode - 1) / inodesPerGroup);
  if (group >= groupCount) throw new Refusal(name, "its journal is an inode that does not exist");
  const { inodeTable, areInodesUninitialized } = groups.descriptor(group);
  if (areInodesUninitialized) {
    throw new Refusal(name, "its journal is an inode that was never written");
  }
  const place = inodeTable * blockSize + (journalInode - 1) % inodesPerGroup * inodeSize;
  const bytes = readInside(volume, place, inodeSize, name, "the inode of its journal");
  const { mode, generation } = INODE.unpack(bytes);
  if ((mode & TYPE_MASK) !== REGULAR_FILE) throw new Refusal(name, "its journal is no file");
  if (checksums.kind !== "crc32c") return { bytes, seed: undefined };

  const seed = extCrc32c(extCrc32c(checksums.seed, le32(journalInode)), generation);
  const hasHigh = inodeSize > OLD_INODE_SIZE &&
    LONG_INODE.get(bytes, "extraSize") >= HIGH_CHECKSUM_END;
  const stored = INODE.get(bytes, "checksumLow") +
    (hasHigh ? LONG_INODE.get(bytes, "checksumHigh") * 2 ** 16 : 0);
  const copy = bytes.slice();
  INODE.patch(copy, { checksumLow: 0 });
  if (hasHigh) LONG_INODE.patch(copy, { checksumHigh: 0 });
  const checksum = extCrc32c(seed, copy);
  if (stored !== (hasHigh ? checksum : checksum & 0xffff)) {
    throw new Refusal(name, "the checksum of the inode of its journal does not hold");
  }
  return { bytes, seed };
}

/** Where the blocks of a file are: by extents, or by pointers as in ext2. */
class FileMap {
  readonly #volume: Volume;
  readonly #superblock: Superblock;
  readonly #ranges: { first: number; count: number }[] = [];
  #firstBlock: number | undefined;
  #treeBlocks = 0;

  constructor(volume: Volume, superblock: Superblock) {
    this.#volume = volume;
    this.#superblock = superblock;
  }

  /** What the file takes, its tree included. */
  get ranges(): readonly BlockRange[] {
    return this.#ranges;
  }

  /** Where its first bytes are. */
  get firstBlock(): number | undefined {
    return this.#firstBlock;
  }

  read({ bytes, seed }: Inode): void {
    const { blocks: root, flags } = INODE.unpack(bytes);
    if ((flags & EXTENTS_FLAG) !== 0) {
      this.#readExtents(root, undefined, seed);
      return;
    }
    const view = viewOf(root);
    for (let index = 0; index < BLOCK_POINTERS; index++) {
      this.#readPointer(view.getUint32(index * 4, true), Math.max(0, index - DIRECT_POINTERS + 1));
    }
  }

  /** A block of the file system. */
  block(number: number): Uint8Array<ArrayBuffer> {
    const { blockSize, name } = this.#superblock;
    return readInside(this.#volume, number * blockSize, blockSize, name, "a block of its journal");
  }

  #readPointer(block: number, depth: number): void {
    if (block === 0) return;
    if (depth === 0) {
      this.#firstBlock ??= block;
      this.#add(block, 1);
      return;
    }
    const view = viewOf(this.#treeBlock(block));
    for (let at = 0; at < view.byteLength; at += 4) {
      this.#readPointer(view.getUint32(at, true), depth - 1);
    }
  }

  /** @param expectedDepth `undefined` for the root, which says it itself. */
  #readExtents(
    node: Uint8Array,
    expectedDepth: number | undefined,
    seed: number | undefined,
  ): void {
    const { magic, entries, most, depth } = EXTENT_HEADER.unpack(node);
    const tail = (most + 1) * EXTENT_LENGTH;
    const isSound = magic === EXTENT_MAGIC && entries <= most &&
      tail <= node.length && depth <= MAX_EXTENT_DEPTH && depth === (expectedDepth ?? depth);
    if (!isSound) this.#refuse("the extents of its journal are not sound");
    if (expectedDepth !== undefined && seed !== undefined) {
      if (
        tail + 4 > node.length ||
        viewOf(node).getUint32(tail, true) !== extCrc32c(seed, node.subarray(0, tail))
      ) this.#refuse("the checksum of the extents of its journal does not hold");
    }
    for (let at = EXTENT_LENGTH; at < (entries + 1) * EXTENT_LENGTH; at += EXTENT_LENGTH) {
      if (depth > 0) {
        const { childLow, childHigh } = EXTENT_INDEX.unpack(node, at);
        this.#readExtents(this.#treeBlock(childLow + childHigh * 2 ** 32), depth - 1, seed);
        continue;
      }
      const { fileBlock, length, startLow, startHigh } = EXTENT.unpack(node, at);
      const first = startLow + startHigh * 2 ** 32;
      if (fileBlock === 0) this.#firstBlock = first;
      this.#add(first, length > MAX_WRITTEN ? length - MAX_WRITTEN : length);
    }
  }

  #treeBlock(block: number): Uint8Array<ArrayBuffer> {
    if (++this.#treeBlocks > MAX_TREE_BLOCKS) this.#refuse("its journal is in too many pieces");
    this.#add(block, 1);
    return this.block(block);
  }

  #add(first: number, count: number): void {
    const last = this.#ranges.at(-1);
    if (last !== undefined && last.first + last.count === first) last.count += count;
    else if (this.#ranges.push({ first, count }) > MAX_RANGES) {
      this.#refuse("its journal is in too many pieces");
    }
  }

  #refuse(reason: string): never {
    throw new Refusal(this.#superblock.name, reason);
  }
}
