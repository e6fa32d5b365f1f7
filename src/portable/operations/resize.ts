/**
 * ExpandVirtualDisk and ResizeVirtualDisk. The file gets its size, and where the disk has a GPT, that its
 * backup: a larger disk first becomes larger, a smaller one first gets the backup where its end will be. A
 * damaged primary table is restored before, from a backup that would no longer be found thereafter. After
 * each step the disk is sound, so an operation that has been cut short can be done again.
 *
 * @module
 */
import { checkArgument } from "../../disk/arguments.ts";
import {
  type GrowablePartition,
  resizedSize,
  type ResizeOptions,
  type ResizeReport,
  type SmallestSafeSize,
} from "../../disk/operation_options.ts";
import { nearSizeText, newSizeOf, SIZE, type Size, sizeText } from "../../disk/size.ts";
import type { ImageChain, ResizableChain } from "../chain/chain.ts";
import { assertChildless } from "../chain/children.ts";
import type { WritableSource } from "../file/byte_source.ts";
import { ImageError, openForReading } from "../file/image_error.ts";
import { formatOf, type ImageFormat, openWritableImage } from "../formats.ts";
import type { Resizing as FormatResizing } from "../image/format.ts";
import type { DiskImage, WritableImage } from "../image/image.ts";
import { Pace } from "../image/pace.ts";
import { moveBackup, restorePrimary } from "../partitions/gpt_repair.ts";
import {
  noSmallestSafeSize,
  type PartitionTable,
  readPartitionTable,
  smallestSafeSize,
} from "../partitions/partition_table.ts";
import { partitionedDisk, type WritablePartitionedDisk } from "../partitions/partitioned_disk.ts";
import { assertRawDisk } from "./copy_source.ts";

/** How a disk is resized. */
export interface ResizeRequest extends ResizeOptions {
  readonly size: Size | SmallestSafeSize;
  /** Whether it must become larger. */
  readonly expandOnly: boolean;
}

/** The report of a backend that can always tell the sizes. */
export type FullResizeReport =
  & ResizeReport
  & Required<Pick<ResizeReport, "virtualSize" | "previousSize">>;

interface SizedRequest extends ResizeRequest {
  /** In bytes. */
  readonly size: number | SmallestSafeSize;
}

/** The size of the disk; the backup of the table. */
const STEPS = 2;

/**
 * Resizes the child of a chain, or tries how that would be: the same is done then to the file in memory.
 *
 * @throws {ImageError} As ExpandVirtualDisk and ResizeVirtualDisk fail; nothing has been written where the
 * request is refused.
 */
export async function resizeChain(
  chain: ImageChain,
  request: ResizeRequest,
): Promise<FullResizeReport> {
  checkArgument(SIZE, request.size, "size");
  const present = () => chain.image.virtualSize;
  const size = request.expandOnly
    ? newSizeOf(request.size, "size", present)
    : resizedSize(request.size, present);
  // What opening the disk for writing, which cannot be done, would not help.
  resizingOf(chain.image);
  if (!request.allowUnsafe) assertRawDisk(chain.image, CUT_ALL_THE_SAME);
  const sized = { ...request, size };
  const { dryRun = false } = request;
  if (!dryRun) return await resize(chain, sized);
  const [{ format }, ...parents] = chain.images;
  return await chain.rework(
    (file) => resize(new DryRunChain(file, format, parents), sized),
    { dryRun },
  );
}

const CUT_ALL_THE_SAME =
  "Resize with { allowUnsafe: true } to cut off, or to append to, that file all the same.";

function resizingOf(image: DiskImage): FormatResizing {
  const { resizing, title } = formatOf(image);
  if (resizing !== undefined) return resizing;
  throw new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: image.source.path,
    reason: `the size of ${title} cannot be changed`,
    causes: ["Convert it to a VHD or VHDX, and resize that."],
  });
}

async function resize(chain: ResizableChain, request: SizedRequest): Promise<FullResizeReport> {
  const pace = new Pace(request);
  const writable = writableOf(chain);
  const previousSize = writable.virtualSize;
  const size = checkedSize(chain, writable, request);
  const { ignoreChildren = false, dryRun = false } = request;
  if (!ignoreChildren && size !== previousSize) assertChildless(writable);
  const disk = () => diskOf(chain, ignoreChildren || size !== previousSize);
  const table = readPartitionTable(partitionedDisk(chain.images));
  const restored = table?.gpt?.isBackup ? restorePrimary(disk(), table.gpt) : undefined;
  const gpt = restored ?? table?.gpt;
  // Where the disk is cut below that, no table can be right.
  const gptFits = table !== undefined && size >= table.smallestDisk;
  const steps = [
    () => size !== previousSize && chain.resize(writableOf(chain), size),
    () => gpt !== undefined && gptFits && moveBackup(disk(), gpt, size),
  ];
  if (size < previousSize) steps.reverse();
  for (const [done, step] of steps.entries()) {
    step();
    if (done + 1 < STEPS) await pace.reach(done + 1, STEPS);
  }
  writableOf(chain).flush();
  pace.done();
  return resizeReport(chain, { dryRun, previousSize, isRestored: restored !== undefined });
}

function writableOf({ writable, image }: ResizableChain): WritableImage {
  if (writable !== undefined) return writable;
  throw openForReading(image.source);
}

/** The size that is asked for, where the disk can have it. */
function checkedSize(
  { images }: ResizableChain,
  image: WritableImage,
  { size, expandOnly, allowUnsafe = false }: SizedRequest,
): number {
  const { virtualSize, logicalSectorSize, source: { path } } = image;
  const { canShrink, maximumSize, assertPossible } = resizingOf(image);
  const refused = (reason: string, causes?: readonly string[]) =>
    new ImageError("ERROR_INVALID_PARAMETER", { path, reason, causes });
  assertPossible?.(image);
  if (image.parent !== undefined && images.length === 1) {
    throw new ImageError("ERROR_VHD_INVALID_STATE", {
      path,
      reason: "a differencing disk is resized together with its open parent",
      causes: ["Open it without the `no-parents` and `custom-diff-chain` flags."],
    });
  }
  if (size === "smallest-safe") {
    if (allowUnsafe) {
      throw refused("the size is to be safe and unsafe at once", [
        'Nothing is both "smallest-safe" and `allowUnsafe`.',
      ]);
    }
    if (!canShrink) throw shrinking(image);
    const smallest = smallestUnless(images, "Pass a size, and { allowUnsafe: true }.");
    if (smallest < virtualSize) return smallest;
    throw new ImageError("ERROR_VHD_ALREADY_AT_OR_BELOW_MINIMUM_VIRTUAL_SIZE", {
      path,
      reason: `the disk has ${sizeText(virtualSize)}, and the smallest safe size is ${
        sizeText(smallest)
      }`,
    });
  }
  if (size === 0) throw refused("size must be more than 0", []);
  if (size % logicalSectorSize !== 0) {
    throw refused(
      `size must be a multiple of the sector size, ${logicalSectorSize}, not ${size}`,
      [nearSizeText(size, logicalSectorSize)],
    );
  }
  if (expandOnly && size <= virtualSize) {
    throw refused(
      `size must be more than ${sizeText(virtualSize)}, which the disk has, not ${sizeText(size)}`,
      canShrink ? ["resize() makes a disk smaller, too."] : [],
    );
  }
  if (size > maximumSize) {
    throw new ImageError("ERROR_VHD_INVALID_SIZE", {
      path,
      reason: `size must be at most ${sizeText(maximumSize)} in this format, not ${sizeText(size)}`,
    });
  }
  if (size >= virtualSize) return size;
  if (!canShrink) throw shrinking(image);
  if (allowUnsafe) return size;
  const smallest = smallestUnless(
    images,
    "Pass { allowUnsafe: true } to cut off what lies behind that size.",
  );
  if (size >= smallest) return size;
  throw new ImageError("ERROR_VHD_RESIZE_WOULD_TRUNCATE_DATA", {
    path,
    reason: `size must be at least ${sizeText(smallest)}, where the last partition ends, not ${
      sizeText(size)
    }`,
    causes: ["Shrink or remove the last partition first.", "Pass `allowUnsafe` to cut it off."],
  });
}

/** @param advice For whoever asks it of a disk that does not tell. */
function smallestUnless(images: ResizableChain["images"], advice: string): number {
  const size = smallestSafeSize(images);
  if (size === undefined) throw noSmallestSafeSize(images[0], [advice]);
  return size;
}

function shrinking(image: DiskImage): ImageError {
  return new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: image.source.path,
    reason: `a ${image.format.toUpperCase()} can grow, but not shrink`,
  });
}

/** Children need a disk of the same size as it is, if there is anything to be written at all. */
function diskOf(chain: ResizableChain, mayWrite: boolean): WritablePartitionedDisk {
  const child = writableOf(chain);
  let isAllowed = mayWrite;
  return {
    ...partitionedDisk(chain.images),
    write: (bytes, offset) => {
      if (!isAllowed) assertChildless(child);
      isAllowed = true;
      child.write(bytes, offset);
    },
    flush: () => child.flush(),
  };
}

/** What the disk as it is now does not tell. */
interface Resizing {
  readonly dryRun: boolean;
  readonly previousSize: number;
  /** Whether the primary GPT was. */
  readonly isRestored: boolean;
}

/** Looks at the disk as it is now. */
export function resizeReport(
  { image, images }: ResizableChain,
  { dryRun, previousSize, isRestored }: Resizing,
): FullResizeReport {
  const { virtualSize, logicalSectorSize } = image;
  const table = readPartitionTable(partitionedDisk(images));
  if (table === undefined) return { dryRun, virtualSize, previousSize };
  const growable = growablePartition(table, virtualSize, logicalSectorSize);
  return {
    dryRun,
    virtualSize,
    previousSize,
    partitionTable: table.kind,
    ...(isRestored ? { restoredFromBackup: true } : {}),
    ...(growable === undefined ? {} : { growablePartition: growable }),
  };
}

/** The partition that ends last, where the table and the disk let it go on. */
function growablePartition(
  { partitions, end, reach, gpt }: PartitionTable,
  virtualSize: number,
  sectorSize: number,
): GrowablePartition | undefined {
  const last = partitions.find(({ offset, length }) => offset + length === end);
  const limit = gpt === undefined
    ? Math.min(virtualSize, reach)
    : (gpt.lastUsable + 1) * sectorSize;
  if (last === undefined || limit <= end) return undefined;
  const { number, offset, length } = last;
  return { number, offset, length, maximumLength: limit - offset };
}

/** A child in a file of a dry run, with its parents. */
class DryRunChain implements ResizableChain {
  readonly #file: WritableSource;
  readonly #parents: readonly DiskImage[];
  #writable: WritableImage;

  /** @throws {ImageError} As opening the child for writing fails. */
  constructor(file: WritableSource, format: ImageFormat, parents: readonly DiskImage[]) {
    this.#file = file;
    this.#parents = parents;
    this.#writable = openWritableImage(this.#file, format);
  }

  get images(): readonly [DiskImage, ...DiskImage[]] {
    return [this.#writable, ...this.#parents];
  }

  get image(): DiskImage {
    return this.#writable;
  }

  get writable(): WritableImage {
    return this.#writable;
  }

  resize(writable: WritableImage, virtualSize: number): void {
    writable.finish();
    const parentSize = this.#parents[0]?.virtualSize ?? 0;
    formatOf(writable).resizing?.run(this.#file, { virtualSize, parentSize });
    this.#writable = openWritableImage(this.#file, writable.format);
  }
}
