/**
 * Which blocks of an ext2, ext3 or ext4 file system are free.
 *
 * @module
 */
import { u32 } from "../../../bytes/codec.ts";
import { computed, layout } from "../../../bytes/layout.ts";
import {
  type FileSystem,
  type FreeRange,
  readInside,
  Refusal,
  type Volume,
} from "../file_system.ts";
import { BlockBitmaps } from "./bitmaps.ts";
import { extCrc32c } from "./checksums.ts";
import { BlockGroups } from "./groups.ts";
import { readJournal } from "./journal.ts";
import { readSuperblock, type Superblock } from "./superblock.ts";

/** Reads a file system of the kind; see {@linkcode FileSystemReader}. */
export function readExt(volume: Volume): FileSystem | undefined {
  const superblock = readSuperblock(volume);
  if (superblock === undefined) return undefined;
  const { name, blockSize, clusterBlocks, blockCount } = superblock;
  return {
    name,
    blockSize: blockSize * clusterBlocks,
    size: blockCount * blockSize,
    freeRanges: () => freeRanges(volume, superblock),
  };
}

/** As {@linkcode FileSystem.freeRanges}: a batch for each group. */
function* freeRanges(volume: Volume, superblock: Superblock): Generator<readonly FreeRange[]> {
  const { name, blockSize, clusterBlocks, groupCount } = superblock;
  // Read anew each time: nothing of an earlier iteration is relied on.
  const groups = new BlockGroups(volume, superblock);
  const bitmaps = new BlockBitmaps(volume, superblock, groups);
  for (const range of readJournal(volume, superblock, groups)) {
    bitmaps.demandUsed(range, "its journal");
  }
  demandUnmounted(volume, superblock, bitmaps);

  let freeClusters = 0;
  for (let group = 0; group < groupCount; group++) {
    const descriptor = groups.descriptor(group);
    const copies = groups.copiesIn(group);
    if (copies.count > 0) {
      bitmaps.demandUsed(copies, `the copy of the superblock or of descriptors in group ${group}`);
    }
    for (const range of groups.structuresOf(descriptor)) {
      bitmaps.demandUsed(range, `a structure of group ${group}`);
    }
    freeClusters += descriptor.freeClusters;
    yield [...bitmaps.freeRuns(group)].map(({ first, count }) => ({
      offset: first * blockSize,
      length: count * blockSize,
    }));
  }
  if (freeClusters * clusterBlocks === superblock.freeBlocks) return;
  throw new Refusal(
    name,
    `its groups have ${
      freeClusters * clusterBlocks
    } free blocks, its superblock says ${superblock.freeBlocks}`,
  );
}

const MMP = layout("mount protection", { size: 1024, endian: "little" }, {
  magic: [0x00, u32],
  sequence: [0x04, u32],
  checksum: [0x3fc, computed(u32)],
});
const MMP_MAGIC = 0x004d4d50;
const MMP_CLEAN = 0xff4d4d50;

/** Multiple mount protection says whether a machine has it mounted (filesystems/ext4/mmp). */
function demandUnmounted(volume: Volume, superblock: Superblock, bitmaps: BlockBitmaps): void {
  const { name, mmpBlock, blockSize, checksums } = superblock;
  if (mmpBlock === 0) return;
  bitmaps.demandUsed({ first: mmpBlock, count: 1 }, "the block of its mount protection");
  const what = "the block of its mount protection";
  const block = readInside(volume, mmpBlock * blockSize, blockSize, name, what);
  const { magic, sequence } = MMP.unpack(block);
  const isSound = magic === MMP_MAGIC &&
    (checksums.kind !== "crc32c" ||
      extCrc32c(checksums.seed, block.subarray(0, MMP.at.checksum)) === MMP.get(block, "checksum"));
  if (!isSound) throw new Refusal(name, `${what} is not sound`);
  if (sequence !== MMP_CLEAN) {
    throw new Refusal(name, "its mount protection says that a machine has it mounted");
  }
}
