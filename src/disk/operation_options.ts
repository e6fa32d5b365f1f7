/** What the long operations on a disk take. */
import { BOOLEAN, NUMBER, type OptionKinds, PATH } from "./arguments.ts";
import { didYouMean } from "../text/nearest_word.ts";
import type { FreeSpaceReport } from "./free_space.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "./progress.ts";
import { quoted } from "../text/quoted.ts";
import { newSizeOf, type Size } from "./size.ts";

/**
 * How an image file is compacted.
 *
 * @category Operations
 */
export interface CompactOptions extends OperationOptions {
  /**
   * Leaves blocks alone that are allocated but hold zeros alone, or what the parent holds: nothing of the
   * disk is read. Native backend: newer Windows 10.
   *
   * @default {false}
   */
  noZeroScan?: boolean | undefined;
  /**
   * Frees blocks, but moves none to shorten the file. Native backend: newer Windows 10.
   *
   * @default {false}
   */
  noBlockMoves?: boolean | undefined;
  /**
   * Portable backend: writes nothing, and tells what would be won. The disk may be open for reading.
   *
   * @default {false}
   */
  dryRun?: boolean | undefined;
  /**
   * Portable backend: gives back also what the file systems on the disk say is free, whatever was there: deleted
   * files can no longer be recovered from it. Only file systems that are understood and were unmounted cleanly
   * are believed; of each partition the report says whether it was. Every byte that a file system uses stays. The
   * disk becomes another one to its children: where there are any, it is refused.
   *
   * @default {false}
   */
  freeSpace?: boolean | undefined;
  /**
   * Portable backend, together with `freeSpace`: goes on although images in the same folder have this one as
   * their parent, which become invalid, or it cannot be found out whether there are any (see
   * `OpenOptions.ignoreChildren`).
   *
   * @default {What the disk was opened with; true for one that this process has just created.}
   */
  ignoreChildren?: boolean | undefined;
}

/**
 * What compacting has won, or would. The portable backend knows all of it; what Windows does not tell is absent.
 *
 * @category Operations
 */
export interface CompactionReport {
  /** Whether nothing has been written. */
  readonly dryRun: boolean;
  /** Of the image file before, in bytes. */
  readonly previousFileSize?: number;
  /** Of the image file afterwards, in bytes. */
  readonly fileSize?: number;
  /** Blocks that were given back. */
  readonly releasedBlocks?: number;
  /** Blocks that have another place in the file. */
  readonly movedBlocks?: number;
  /** What the file systems on the disk say, if they were asked. */
  readonly freeSpace?: FreeSpaceReport;
}

/**
 * What the portable backend tells of a compaction: all of it.
 *
 * @category Operations
 */
export type CompleteCompactionReport =
  & Required<Omit<CompactionReport, "freeSpace">>
  & Pick<CompactionReport, "freeSpace">;

/**
 * How a disk is made larger.
 *
 * @category Operations
 */
export interface ExpandOptions extends OperationOptions {
  /**
   * Portable backend: writes nothing, and tells what would become of the disk, or fails as the expansion
   * would. The disk may be open for reading.
   *
   * @default {false}
   */
  dryRun?: boolean | undefined;
  /**
   * Portable backend: goes on although images in the same folder have this one as their parent, which become
   * invalid, or it cannot be found out whether there are any (see `OpenOptions.ignoreChildren`).
   *
   * @default {What the disk was opened with; true for one that this process has just created.}
   */
  ignoreChildren?: boolean | undefined;
  /**
   * Native backend: tells the system of the new size. Newer Windows 10.
   *
   * @default {false}
   */
  notifyChange?: boolean | undefined;
}

/**
 * How a disk is given another size.
 *
 * @category Operations
 */
export interface ResizeOptions extends OperationOptions {
  /**
   * Portable backend: writes nothing, and tells what would become of the disk, or fails as the resizing
   * would. The disk may be open for reading.
   *
   * @default {false}
   */
  dryRun?: boolean | undefined;
  /**
   * Shrinks below the end of the last partition too, which may destroy data; and resizes as a raw disk even a
   * file that plainly is an image, packed or a text.
   *
   * @default {false}
   */
  allowUnsafe?: boolean | undefined;
  /**
   * Portable backend: goes on although images in the same folder have this one as their parent, which become
   * invalid, or it cannot be found out whether there are any (see `OpenOptions.ignoreChildren`).
   *
   * @default {What the disk was opened with; true for one that this process has just created.}
   */
  ignoreChildren?: boolean | undefined;
}

/**
 * What has become of a disk that was given another size, or would. What Windows does not tell is absent: it gives the
 * sizes if the disk may be asked for them, and does not look at partitions.
 *
 * @category Operations
 */
export interface ResizeReport {
  /** Whether nothing has been written. */
  readonly dryRun: boolean;
  /** Bytes. */
  readonly virtualSize?: number;
  /** What there was, in bytes. */
  readonly previousSize?: number;
  /** The table on the disk; absent if there is none, or a damaged one. */
  readonly partitionTable?: "mbr" | "gpt";
  /** Present if the primary GPT was damaged: it has been, or would be, restored from its backup. */
  readonly restoredFromBackup?: true;
  /** The last partition, if there is room behind it. Its file system has to be grown by its own system. */
  readonly growablePartition?: GrowablePartition;
}

/**
 * A partition with room behind it.
 *
 * @category Operations
 */
export interface GrowablePartition {
  /** As tools number it, from 1 on. */
  readonly number: number;
  /** Bytes from the start of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** To how many bytes it can grow. */
  readonly maximumLength: number;
}

/**
 * What is merged into what. Without depths the disk is merged into its parent.
 *
 * Metadata items of a VHDX that their writer has marked as the disk's (IsVirtualDisk, [MS-VHDX] 2.6.1.2) go
 * with the disk: the ancestor loses its own and gets those of the uppermost merged file. All others, which is
 * what `metadata.set()` of the portable backend makes, belong to their file: the ancestor keeps its own, but
 * for ids that the disk's have too, and those of the merged files stay in them; `removeChild` removes them
 * with the files, so what is to live on must be read before. A new file, `into`, gets the items of the disk,
 * and all user items of the file that was opened. Where the ancestor has no room for them, nothing is written:
 * `ERROR_VHD_METADATA_FULL`.
 *
 * @category Operations
 */
export interface MergeOptions extends OperationOptions {
  /**
   * Over how many parents: 1 is into the parent, 2 is the disk and its parent into the grandparent. It
   * excludes `sourceDepth` and `targetDepth`. Native backend: it makes a version 1 merge, for disks opened
   * with `access` and an `rwDepth` greater than this.
   */
  depth?: number | undefined;
  /**
   * The number of the file that is merged, the open one being 1, its parent 2.
   *
   * @default {1}
   */
  sourceDepth?: number | undefined;
  /**
   * The number of the file that it is merged into.
   *
   * @default {sourceDepth + 1}
   */
  targetDepth?: number | undefined;
  /**
   * Portable backend: writes what the whole chain holds into a new file, a dynamic disk without parents, and
   * changes none of the chain. The file is a VHD or VHDX as its extension says, else what the disk is. The
   * disk may be open for reading; depths are refused.
   */
  into?: string | URL | undefined;
  /**
   * Portable backend: removes the merged files when their parent is complete. The disk is closed then; or,
   * with a `sourceDepth` above 1, the file before them is told of its new parent, and the disk stays open.
   * Not with `into`. User metadata that belongs to the removed files goes with them.
   *
   * @default {false}
   */
  removeChild?: boolean | undefined;
  /**
   * Portable backend: goes on although images in the folders of the merged files and of the ancestor have one
   * of these as their parent, and are not merged themselves, which become invalid; or it cannot be found out
   * whether there are any. Not needed for `into`.
   *
   * @default {false}
   */
  ignoreChildren?: boolean | undefined;
  /**
   * Portable backend: writes and removes nothing, and tells what would be merged, or fails as the merge
   * would; but for a full disk, and for files that may not be written. The disk may be open for reading.
   *
   * @default {false}
   */
  dryRun?: boolean | undefined;
}

/**
 * What a merge has left, or would leave. The portable backend knows all of it; what Windows does not tell is absent.
 *
 * @category Operations
 */
export interface MergeReport {
  /** Whether nothing has been written. */
  readonly dryRun: boolean;
  /** The absolute path of the file that holds the merged disk. */
  readonly path?: string;
  /** The absolute paths of the files that were merged into it, the nearest to the user first. */
  readonly merged?: readonly string[];
  /** Whether these have been removed, or would be. */
  readonly removed: boolean;
}

/**
 * How a disk is mirrored.
 *
 * @category Windows only
 */
export interface MirrorOptions extends OperationOptions {
  /**
   * The file is there already; otherwise it must not be.
   *
   * @default {false}
   */
  existingFile?: boolean | undefined;
  /**
   * MIRROR_VIRTUAL_DISK_FLAG_SKIP_MIRROR_ACTIVATION. Newer Windows.
   *
   * @default {false}
   */
  skipActivation?: boolean | undefined;
  /**
   * Compresses what goes over the network. Newer Windows.
   *
   * @default {false}
   */
  smbCompression?: boolean | undefined;
  /**
   * The mirror is part of moving a running machine. Newer Windows.
   *
   * @default {false}
   */
  liveMigration?: boolean | undefined;
}

/**
 * How a disk is forked.
 *
 * @category Windows only
 */
export interface ForkOptions extends OperationOptions {
  /**
   * The file is there already; otherwise it must not be.
   *
   * @default {false}
   */
  existingFile?: boolean | undefined;
}

/**
 * Instead of a size: the end of the last partition.
 *
 * @category Operations
 */
export type SmallestSafeSize = "smallest-safe";

const SMALLEST: SmallestSafeSize = "smallest-safe";
/** So much of a wrong word is repeated. */
const SHOWN = 40;

/**
 * The size that a disk is to be resized to, in bytes.
 *
 * @param present How many bytes it has: `"+100MiB"` is so much more.
 * @throws {TypeError | RangeError} If it is no size.
 */
export function resizedSize(
  size: Size | SmallestSafeSize,
  present: () => number,
): number | SmallestSafeSize {
  if (size === SMALLEST) return SMALLEST;
  if (typeof size === "number" || /\d/.test(size)) return newSizeOf(size, "size", present);
  const hint = didYouMean(size, [SMALLEST]);
  throw new RangeError(
    `size must be a size such as 10GiB or +100MiB, or ${SMALLEST}, not ${
      quoted(size, SHOWN)
    }${hint}`,
  );
}

/** The kinds of options. */
export const COMPACT_OPTIONS: OptionKinds<CompactOptions> = {
  ...OPERATION_OPTIONS,
  noZeroScan: BOOLEAN,
  noBlockMoves: BOOLEAN,
  dryRun: BOOLEAN,
  freeSpace: BOOLEAN,
  ignoreChildren: BOOLEAN,
};

/** Likewise. */
export const EXPAND_OPTIONS: OptionKinds<ExpandOptions> = {
  ...OPERATION_OPTIONS,
  dryRun: BOOLEAN,
  ignoreChildren: BOOLEAN,
  notifyChange: BOOLEAN,
};

/** Likewise. */
export const RESIZE_OPTIONS: OptionKinds<ResizeOptions> = {
  ...OPERATION_OPTIONS,
  dryRun: BOOLEAN,
  allowUnsafe: BOOLEAN,
  ignoreChildren: BOOLEAN,
};

/** Likewise. */
export const MERGE_OPTIONS: OptionKinds<MergeOptions> = {
  ...OPERATION_OPTIONS,
  depth: NUMBER,
  sourceDepth: NUMBER,
  targetDepth: NUMBER,
  into: PATH,
  removeChild: BOOLEAN,
  ignoreChildren: BOOLEAN,
  dryRun: BOOLEAN,
};

/** Likewise. */
export const MIRROR_OPTIONS: OptionKinds<MirrorOptions> = {
  ...OPERATION_OPTIONS,
  existingFile: BOOLEAN,
  skipActivation: BOOLEAN,
  smbCompression: BOOLEAN,
  liveMigration: BOOLEAN,
};

/** Likewise. */
export const FORK_OPTIONS: OptionKinds<ForkOptions> = {
  ...OPERATION_OPTIONS,
  existingFile: BOOLEAN,
};
