/**
 * What a person wants to know of a disk beside the classes of GET_VIRTUAL_DISK_INFO.
 *
 * @module
 */
import type { ProviderSubtype } from "../../disk/information.ts";
import { formatOf } from "../formats.ts";
import type { DiskImage } from "../image/image.ts";
import { ImageError, isUnreadable } from "../file/image_error.ts";
import { readable } from "../file/promised_end.ts";
import { type Partition, partitionedDisk } from "../partitions/partitioned_disk.ts";
import { readPartitionTable } from "../partitions/partition_table.ts";

/** The unit of `blocks` (POSIX, `st_blocks`). */
const STAT_BLOCK = 512;

/**
 * One file of a chain.
 *
 * @category Information
 */
export interface ImageDetails {
  /** The absolute path of the file; in parentheses, what the bytes come from that have none. */
  readonly path: string;
  /** What the file is. */
  readonly format: "iso" | "vhd" | "vhdx" | "raw";
  /** How its space is allocated. */
  readonly subtype: ProviderSubtype;
  /** Bytes of the disk. */
  readonly virtualSize: number;
  /** Bytes of a block, by which it allocates; 0 if it has none. */
  readonly blockSize: number;
  /** Bytes of the file. */
  readonly fileSize: number;
  /** Bytes that the file takes on its volume, less if it is sparse; absent if the system does not tell. */
  readonly allocatedSize?: number;
  /** The program that made the image, as it says itself; absent if it does not. */
  readonly creator?: string;
  /** When the image was made, by itself: ISO 8601 in UTC; absent if it does not say. */
  readonly created?: string;
  /** When the file was last written: ISO 8601 in UTC; absent if the system does not tell. */
  readonly modified?: string;
  /** Whether a log was left behind, because the image was not closed. */
  readonly dirtyLog: boolean;
  /**
   * How many bytes are missing at the end of the file, at least, by what is in it; absent if it is whole, or
   * does not tell. A block table of more than 1 MiB is not read for it: a check reads all.
   */
  readonly missingBytes?: number;
}

/**
 * The partitions of a disk.
 *
 * @category Information
 */
export interface PartitionTableDetails {
  /** What kind of table it is. */
  readonly kind: "mbr" | "gpt";
  /** Whether it is the backup at the end of the disk, because the one at its start is damaged. */
  readonly isBackup: boolean;
  /** In the order of the table. */
  readonly partitions: readonly Partition[];
}

/**
 * A disk, with the files that it is made of.
 *
 * @category Information
 */
export interface DiskDetails {
  /** The child first, then its open parents, the nearest first. */
  readonly images: readonly [ImageDetails, ...ImageDetails[]];
  /** Absent if the disk has none that is sound, or it is in a parent that is not open. */
  readonly partitionTable?: PartitionTableDetails;
}

/** All of a chain, the child first. */
export function diskDetails(images: readonly [DiskImage, ...DiskImage[]]): DiskDetails {
  const [child, ...parents] = images;
  const partitionTable = partitionsOf(images);
  return {
    images: [imageDetails(child), ...parents.map(imageDetails)],
    ...(partitionTable === undefined ? {} : { partitionTable }),
  };
}

function imageDetails(image: DiskImage): ImageDetails {
  const { source, format, subtype, virtualSize, blockSize } = image;
  const { blocks, mtime, size } = source.origin === undefined
    ? Deno.statSync(source.path)
    : { blocks: null, mtime: null, size: source.size };
  return {
    path: source.path,
    format,
    subtype,
    virtualSize,
    blockSize,
    fileSize: size,
    ...(blocks === null ? {} : { allocatedSize: blocks * STAT_BLOCK }),
    // Who made a damaged image, it may not say any more.
    ...readable(() => formatOf(image).origin(source)),
    ...(mtime === null ? {} : { modified: mtime.toISOString() }),
    dirtyLog: image.hasDirtyLog ?? false,
    ...missingBytes(image),
  };
}

/** Of so many blocks the table is read: 1 MiB of a VHDX. */
const MAX_BLOCKS = 2 ** 17;

function missingBytes(image: DiskImage): Pick<ImageDetails, "missingBytes"> {
  const { source, virtualSize, blockSize } = image;
  if (virtualSize > MAX_BLOCKS * blockSize && blockSize > 0) return {};
  const promised = formatOf(image).promisedEnd?.(source);
  if (promised === undefined || promised.end <= source.size) return {};
  return { missingBytes: promised.end - source.size };
}

function partitionsOf(
  images: readonly [DiskImage, ...DiskImage[]],
): PartitionTableDetails | undefined {
  if (images[0].format === "iso") return undefined;
  try {
    const table = readPartitionTable(partitionedDisk(images));
    if (table === undefined) return undefined;
    const { kind, partitions, gpt } = table;
    return { kind, isBackup: gpt?.isBackup ?? false, partitions };
  } catch (error) {
    // The table is damaged, or the parent that holds it is not open.
    if (error instanceof ImageError && !isUnreadable(error)) return undefined;
    throw error;
  }
}
