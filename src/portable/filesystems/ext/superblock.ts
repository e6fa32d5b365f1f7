/**
 * The superblock of ext2, ext3 and ext4 (the Linux kernel's documentation, filesystems/ext4/super): 1024 bytes at
 * offset 1024, little-endian. Everything that the rest relies on is checked here.
 *
 * @module
 */
import { raw, u16, u32, u64, u8, type ValueOf } from "../../../bytes/codec.ts";
import { computed, layout } from "../../../bytes/layout.ts";
import { type FileSystemName, Refusal, type Volume } from "../file_system.ts";
import { extCrc32c } from "./checksums.ts";

/** Bytes from the start of the volume. */
export const SUPERBLOCK_OFFSET = 1024;
const SUPERBLOCK_LENGTH = 1024;

const SUPERBLOCK = layout("superblock", { size: SUPERBLOCK_LENGTH, endian: "little" }, {
  inodeCount: [0x00, u32],
  blockCountLow: [0x04, u32],
  freeBlocksLow: [0x0c, u32],
  firstDataBlock: [0x14, u32],
  logBlockSize: [0x18, u32],
  logClusterSize: [0x1c, u32],
  blocksPerGroup: [0x20, u32],
  clustersPerGroup: [0x24, u32],
  inodesPerGroup: [0x28, u32],
  magic: [0x38, u16],
  state: [0x3a, u16],
  revision: [0x4c, u32],
  inodeSize: [0x58, u16],
  compat: [0x5c, u32],
  incompat: [0x60, u32],
  roCompat: [0x64, u32],
  uuid: [0x68, raw(16)],
  reservedGdtBlocks: [0xce, u16],
  journalInode: [0xe0, u32],
  lastOrphan: [0xe8, u32],
  descriptorSize: [0xfe, u16],
  firstMetaGroup: [0x104, u32],
  blockCountHigh: [0x150, u32],
  freeBlocksHigh: [0x158, u32],
  mmpBlock: [0x168, u64],
  checksumType: [0x175, u8],
  errorCount: [0x194, u32],
  firstBackupGroup: [0x24c, u32],
  secondBackupGroup: [0x250, u32],
  checksumSeed: [0x270, u32],
  checksum: [0x3fc, computed(u32)],
});
type Fields = ValueOf<typeof SUPERBLOCK>;

const MAGIC = 0xef53;
const STATE = { clean: 1, errors: 2, orphans: 4 } as const;
const CHECKSUM_CRC32C = 1;

/** Bits of the three sets of features, by the names that mke2fs and dumpe2fs have for them. */
const COMPAT = {
  dir_prealloc: 0x1,
  imagic_inodes: 0x2,
  has_journal: 0x4,
  ext_attr: 0x8,
  resize_inode: 0x10,
  dir_index: 0x20,
  sparse_super2: 0x200,
  fast_commit: 0x400,
  stable_inodes: 0x800,
  orphan_file: 0x1000,
} as const;
/** What cannot be read without knowing it. */
const INCOMPAT = {
  filetype: 0x2,
  needs_recovery: 0x4,
  journal_dev: 0x8,
  meta_bg: 0x10,
  extent: 0x40,
  "64bit": 0x80,
  mmp: 0x100,
  flex_bg: 0x200,
  ea_inode: 0x400,
  metadata_csum_seed: 0x2000,
  large_dir: 0x4000,
  inline_data: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;
/** What cannot be written without knowing it. */
const RO_COMPAT = {
  sparse_super: 0x1,
  large_file: 0x2,
  huge_file: 0x8,
  uninit_bg: 0x10,
  dir_nlink: 0x20,
  extra_isize: 0x40,
  quota: 0x100,
  bigalloc: 0x200,
  metadata_csum: 0x400,
  project: 0x2000,
  verity: 0x8000,
  orphan_present: 0x10000,
} as const;

/** Names of bits that are known, but whose file systems are left alone. */
const NOT_UNDERSTOOD: Readonly<Record<"compat" | "incompat" | "roCompat", Record<number, string>>> =
  {
    compat: { 0x40: "lazy_bg", 0x80: "exclude_inode", 0x100: "snapshot_bitmap" },
    incompat: { 0x1: "compression", 0x1000: "dirdata" },
    roCompat: {
      0x4: "btree_dir",
      0x80: "snapshot",
      0x800: "replica",
      0x1000: "read-only",
      0x4000: "shared_blocks",
    },
  };

const EXT4_INCOMPAT = INCOMPAT.extent | INCOMPAT["64bit"] | INCOMPAT.mmp | INCOMPAT.flex_bg |
  INCOMPAT.ea_inode | INCOMPAT.metadata_csum_seed | INCOMPAT.large_dir | INCOMPAT.inline_data |
  INCOMPAT.encrypt | INCOMPAT.casefold;
const EXT3_RO_COMPAT = RO_COMPAT.sparse_super | RO_COMPAT.large_file;

const MAX_LOG_BLOCK_SIZE = 6;
/** Clusters of 512 MiB, the most that mke2fs makes. */
const MAX_LOG_CLUSTER_SIZE = 19;
/** The least that mke2fs makes. */
const MIN_BLOCKS_PER_GROUP = 256;
const OLD_INODE_SIZE = 128;
const OLD_DESCRIPTOR_SIZE = 32;
const MIN_64BIT_DESCRIPTOR_SIZE = 64;
const MAX_DESCRIPTOR_SIZE = 1024;

/** What the superblock says, found to be consistent. Numbers of blocks count from the start of the volume. */
export interface Superblock {
  readonly name: FileSystemName;
  /** Bytes. */
  readonly blockSize: number;
  /** Blocks of a cluster, for which a bit of a bitmap stands: 1 without bigalloc. */
  readonly clusterBlocks: number;
  readonly blockCount: number;
  readonly freeBlocks: number;
  /** Where group 0 begins. */
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly clustersPerGroup: number;
  readonly groupCount: number;
  readonly inodesPerGroup: number;
  /** Bytes. */
  readonly inodeSize: number;
  /** Bytes. */
  readonly descriptorSize: number;
  readonly reservedGdtBlocks: number;
  /** From which block of descriptors on each is in its own meta group; `Infinity` without meta_bg. */
  readonly firstMetaGroup: number;
  /** 0 if there is no journal. */
  readonly journalInode: number;
  /** 0 if there is none. */
  readonly mmpBlock: number;
  readonly hasFlexGroups: boolean;
  readonly isSparse: boolean;
  /** With sparse_super2, the groups of the copies; they may be none. */
  readonly backupGroups: readonly number[] | undefined;
  readonly checksums: Checksums;
}

/** What protects descriptors and bitmaps. */
export type Checksums =
  | { readonly kind: "none" }
  /** gdt_csum: of descriptors only. */
  | { readonly kind: "crc16"; readonly uuid: Uint8Array }
  /** metadata_csum. */
  | { readonly kind: "crc32c"; readonly seed: number };

/** `undefined` if there is no superblock. @throws {Refusal} If its file system is not to be believed. */
export function readSuperblock(volume: Volume): Superblock | undefined {
  if (volume.size < SUPERBLOCK_OFFSET + SUPERBLOCK_LENGTH) return undefined;
  const bytes = volume.read(SUPERBLOCK_OFFSET, SUPERBLOCK_LENGTH);
  const fields = SUPERBLOCK.unpack(bytes);
  if (fields.magic !== MAGIC) return undefined;

  const isOld = fields.revision === 0;
  const compat = isOld ? 0 : fields.compat;
  const incompat = isOld ? 0 : fields.incompat;
  const roCompat = isOld ? 0 : fields.roCompat;
  const name = nameOf(compat, incompat, roCompat);
  const demand = (holds: boolean, reason: string) => {
    if (!holds) throw new Refusal(name, reason);
  };

  demand(fields.revision <= 1, `its revision ${fields.revision} is not known`);
  demandKnown(name, "compat", compat, COMPAT);
  demandKnown(name, "incompat", incompat, INCOMPAT);
  demandKnown(name, "roCompat", roCompat, RO_COMPAT);
  demand((incompat & INCOMPAT.journal_dev) === 0, "it is the journal of another file system");
  const checksums = readChecksums(name, bytes, fields, { incompat, roCompat });

  demand(
    (incompat & INCOMPAT.needs_recovery) === 0,
    "its journal must be replayed: it was not unmounted cleanly",
  );
  const state = fields.state;
  demand(
    (state & STATE.errors) === 0 && fields.errorCount === 0,
    "it has errors that e2fsck has not repaired",
  );
  demand((state & STATE.clean) !== 0, "it was not unmounted cleanly");
  demand(
    (state & STATE.orphans) === 0 && fields.lastOrphan === 0,
    "it has deleted files whose blocks have not been freed",
  );
  const states = STATE.clean | STATE.errors | STATE.orphans;
  demand((state & ~states) === 0, "its state is not known");
  demand(
    (roCompat & RO_COMPAT.orphan_present) === 0,
    "its orphan file may have entries: it was not unmounted cleanly",
  );

  demand(fields.logBlockSize <= MAX_LOG_BLOCK_SIZE, "its block size is not known");
  const blockSize = 1024 * 2 ** fields.logBlockSize;
  const hasClusters = (roCompat & RO_COMPAT.bigalloc) !== 0;
  const logRatio = fields.logClusterSize - fields.logBlockSize;
  demand(
    hasClusters ? logRatio >= 0 && fields.logClusterSize <= MAX_LOG_CLUSTER_SIZE : logRatio === 0,
    "its cluster size contradicts its block size",
  );
  const clusterBlocks = 2 ** logRatio;

  const has64Bit = (incompat & INCOMPAT["64bit"]) !== 0;
  const number = (low: number, high: number) => low + (has64Bit ? high * 2 ** 32 : 0);
  const blockCount = number(fields.blockCountLow, fields.blockCountHigh);
  const freeBlocks = number(fields.freeBlocksLow, fields.freeBlocksHigh);
  const firstDataBlock = blockSize === 1024 && !hasClusters ? 1 : 0;
  demand(fields.firstDataBlock === firstDataBlock, "its first data block contradicts its sizes");
  demand(blockCount > firstDataBlock, "it has no blocks");
  demand(blockCount * blockSize <= volume.size, "it is larger than its volume");

  const blocksPerGroup = fields.blocksPerGroup;
  const clustersPerGroup = blocksPerGroup / clusterBlocks;
  demand(
    fields.clustersPerGroup === clustersPerGroup && clustersPerGroup % 8 === 0 &&
      blocksPerGroup >= MIN_BLOCKS_PER_GROUP && clustersPerGroup <= 8 * blockSize,
    "the size of its groups is not possible",
  );
  const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
  const inodesPerGroup = fields.inodesPerGroup;
  const inodeSize = isOld ? OLD_INODE_SIZE : fields.inodeSize;
  demand(
    inodeSize >= OLD_INODE_SIZE && inodeSize <= blockSize && isPowerOfTwo(inodeSize) &&
      inodesPerGroup > 0 && inodesPerGroup <= 8 * blockSize &&
      fields.inodeCount === inodesPerGroup * groupCount,
    "the number or size of its inodes is not possible",
  );
  const descriptorSize = has64Bit ? fields.descriptorSize : OLD_DESCRIPTOR_SIZE;
  demand(
    !has64Bit || descriptorSize >= MIN_64BIT_DESCRIPTOR_SIZE &&
        descriptorSize <= MAX_DESCRIPTOR_SIZE && isPowerOfTwo(descriptorSize),
    "the size of its group descriptors is not possible",
  );

  const hasMetaGroups = (incompat & INCOMPAT.meta_bg) !== 0;
  const reservedGdtBlocks = isOld ? 0 : fields.reservedGdtBlocks;
  // The kernel and e2fsprogs differ on where they would be; neither makes such a file system.
  demand(!hasMetaGroups || reservedGdtBlocks === 0, "it has both meta groups and reserved blocks");
  const journalInode = fields.journalInode;
  const hasJournal = (compat & COMPAT.has_journal) !== 0;
  demand(!hasJournal || journalInode !== 0, "its journal is on another device");

  return {
    name,
    blockSize,
    clusterBlocks,
    blockCount,
    freeBlocks,
    firstDataBlock,
    blocksPerGroup,
    clustersPerGroup,
    groupCount,
    inodesPerGroup,
    inodeSize,
    descriptorSize,
    reservedGdtBlocks,
    firstMetaGroup: hasMetaGroups ? fields.firstMetaGroup : Infinity,
    journalInode: hasJournal ? journalInode : 0,
    mmpBlock: (incompat & INCOMPAT.mmp) === 0 ? 0 : fields.mmpBlock,
    hasFlexGroups: (incompat & INCOMPAT.flex_bg) !== 0,
    isSparse: (roCompat & RO_COMPAT.sparse_super) !== 0,
    backupGroups: (compat & COMPAT.sparse_super2) === 0
      ? undefined
      : [fields.firstBackupGroup, fields.secondBackupGroup].filter((group) => group !== 0),
    checksums,
  };
}

function nameOf(compat: number, incompat: number, roCompat: number): FileSystemName {
  if ((incompat & EXT4_INCOMPAT) !== 0 || (roCompat & ~EXT3_RO_COMPAT) !== 0) return "ext4";
  return (compat & COMPAT.has_journal) === 0 ? "ext2" : "ext3";
}

function demandKnown(
  name: FileSystemName,
  set: keyof typeof NOT_UNDERSTOOD,
  bits: number,
  known: Readonly<Record<string, number>>,
): void {
  const unknown = bits & ~Object.values(known).reduce((all, bit) => all | bit, 0);
  if (unknown === 0) return;
  const bit = (unknown & -unknown) >>> 0;
  const what = NOT_UNDERSTOOD[set][bit] ?? `0x${bit.toString(16)} of the ${SET_NAMES[set]} ones`;
  throw new Refusal(name, `it has a feature that is not understood: ${what}`);
}

const SET_NAMES = {
  compat: "compatible",
  incompat: "incompatible",
  roCompat: "read-only",
} as const;

/** Which checksums there are; that of the superblock holds then. */
function readChecksums(
  name: FileSystemName,
  bytes: Uint8Array<ArrayBuffer>,
  { uuid, checksumType, checksumSeed }: Fields,
  { incompat, roCompat }: Pick<Fields, "incompat" | "roCompat">,
): Checksums {
  const hasSeed = (incompat & INCOMPAT.metadata_csum_seed) !== 0;
  const hasGroupChecksums = (roCompat & RO_COMPAT.uninit_bg) !== 0;
  if ((roCompat & RO_COMPAT.metadata_csum) === 0) {
    if (hasSeed) throw new Refusal(name, "it has a seed of checksums, but no checksums");
    return hasGroupChecksums ? { kind: "crc16", uuid } : { kind: "none" };
  }
  if (hasGroupChecksums) throw new Refusal(name, "it has two kinds of group checksums at once");
  if (checksumType !== CHECKSUM_CRC32C) {
    throw new Refusal(name, "the kind of its checksums is not known");
  }
  const checksum = extCrc32c(~0, bytes.subarray(0, SUPERBLOCK.at.checksum));
  if (checksum !== SUPERBLOCK.get(bytes, "checksum")) {
    throw new Refusal(name, "the checksum of its superblock does not hold");
  }
  const seed = hasSeed ? checksumSeed : extCrc32c(~0, uuid);
  return { kind: "crc32c", seed };
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}
