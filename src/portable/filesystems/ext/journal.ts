/**
 * The journal of ext3 and ext4 in its inode: where it is, and that nothing in it waits to be replayed (the Linux
 * kernel's documentation, filesystems/ext4/inodes, ifork and journal).
 *
 * @module
 */
import { viewOf } from "../../file/byte_source.ts";
import { readInside, Refusal, type Volume } from "../file_system.ts";
import { extCrc32c, le32 } from "./checksums.ts";
import type { BlockGroups, BlockRange } from "./groups.ts";
import type { Superblock } from "./superblock.ts";

const INODE = {
  mode: 0x00,
  flags: 0x20,
  blocks: 0x28,
  generation: 0x64,
  checksumLow: 0x7c,
  extraSize: 0x80,
  checksumHigh: 0x82,
} as const;
const OLD_INODE_SIZE = 128;
/** Extra bytes that hold the upper half of the checksum. */
const HIGH_CHECKSUM_END = 4;
const TYPE_MASK = 0xf000;
const REGULAR_FILE = 0x8000;
const EXTENTS_FLAG = 0x80000;

const EXTENT_MAGIC = 0xf30a;
const EXTENT_LENGTH = 12;
const MAX_EXTENT_DEPTH = 5;
/** A longer extent is an unwritten one. */
const MAX_WRITTEN = 32768;

const BLOCK_POINTERS = 15;
const DIRECT_POINTERS = 12;

/** Blocks of the tree, and runs of blocks: a journal in more pieces is refused. */
const MAX_TREE_BLOCKS = 4096;
const MAX_RANGES = 4096;

const JOURNAL = { magic: 0x00, type: 0x04, start: 0x1c, error: 0x20 } as const;
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
  const header = map.block(first);
  const view = viewOf(header);
  const isJournal = view.getUint32(JOURNAL.magic) === JOURNAL_MAGIC &&
    JOURNAL_SUPERBLOCKS.includes(view.getUint32(JOURNAL.type));
  if (!isJournal) throw new Refusal(superblock.name, "its journal does not begin as one");
  if (view.getUint32(JOURNAL.error) !== 0) {
    throw new Refusal(superblock.name, "its journal has recorded an error");
  }
  if (view.getUint32(JOURNAL.start) !== 0) {
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
  const view = viewOf(bytes);
  if ((view.getUint16(INODE.mode, true) & TYPE_MASK) !== REGULAR_FILE) {
    throw new Refusal(name, "its journal is no file");
  }
  if (checksums.kind !== "crc32c") return { bytes, seed: undefined };

  const generation = bytes.subarray(INODE.generation, INODE.generation + 4);
  const seed = extCrc32c(extCrc32c(checksums.seed, le32(journalInode)), generation);
  const hasHigh = inodeSize > OLD_INODE_SIZE &&
    view.getUint16(INODE.extraSize, true) >= HIGH_CHECKSUM_END;
  const stored = view.getUint16(INODE.checksumLow, true) +
    (hasHigh ? view.getUint16(INODE.checksumHigh, true) * 2 ** 16 : 0);
  const copy = bytes.slice();
  copy.fill(0, INODE.checksumLow, INODE.checksumLow + 2);
  if (hasHigh) copy.fill(0, INODE.checksumHigh, INODE.checksumHigh + 2);
  const computed = extCrc32c(seed, copy);
  if (stored !== (hasHigh ? computed : computed & 0xffff)) {
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
    const root = bytes.subarray(INODE.blocks, INODE.blocks + BLOCK_POINTERS * 4);
    if ((viewOf(bytes).getUint32(INODE.flags, true) & EXTENTS_FLAG) !== 0) {
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
    node: Uint8Array<ArrayBuffer>,
    expectedDepth: number | undefined,
    seed: number | undefined,
  ): void {
    const view = viewOf(node);
    const entries = view.getUint16(2, true);
    const most = view.getUint16(4, true);
    const depth = view.getUint16(6, true);
    const tail = (most + 1) * EXTENT_LENGTH;
    const isSound = view.getUint16(0, true) === EXTENT_MAGIC && entries <= most &&
      tail <= node.length && depth <= MAX_EXTENT_DEPTH && depth === (expectedDepth ?? depth);
    if (!isSound) this.#refuse("the extents of its journal are not sound");
    if (expectedDepth !== undefined && seed !== undefined) {
      if (
        tail + 4 > node.length ||
        view.getUint32(tail, true) !== extCrc32c(seed, node.subarray(0, tail))
      ) this.#refuse("the checksum of the extents of its journal does not hold");
    }
    for (let at = EXTENT_LENGTH; at < (entries + 1) * EXTENT_LENGTH; at += EXTENT_LENGTH) {
      if (depth > 0) {
        const child = view.getUint32(at + 4, true) + view.getUint16(at + 8, true) * 2 ** 32;
        this.#readExtents(this.#treeBlock(child), depth - 1, seed);
        continue;
      }
      const length = view.getUint16(at + 4, true);
      const first = view.getUint32(at + 8, true) + view.getUint16(at + 6, true) * 2 ** 32;
      if (view.getUint32(at, true) === 0) this.#firstBlock = first;
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
