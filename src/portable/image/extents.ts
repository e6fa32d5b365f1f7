/**
 * Reads through a chain: each piece from the nearest file that holds it.
 *
 * @module
 */
import type { LossReason } from "../../disk/damage.ts";
import { type ByteSource, partOf } from "../file/byte_source.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { ImageError } from "../file/image_error.ts";
import type { DiskImage, ImageExtent, WritableImage, ZeroReason } from "./image.ts";

/** Where a piece of the disk was found. */
export type ChainExtent =
  | {
    readonly kind: "file";
    readonly offset: number;
    readonly length: number;
    /** The number of the image in the chain: 0 is the child. */
    readonly depth: number;
    readonly fileOffset: number;
  }
  | {
    readonly kind: "zero";
    readonly offset: number;
    readonly length: number;
    /** Absent where no file has ever had anything there. */
    readonly reason?: ZeroReason;
  }
  /** In a parent that is not open. */
  | { readonly kind: "absent"; readonly offset: number; readonly length: number }
  /** Of a disk that is read in spite of its damage: reads as zeros, whatever was there. */
  | {
    readonly kind: "lost";
    readonly offset: number;
    readonly length: number;
    readonly reason: LossReason;
  };

/** The first piece of the range from `offset` to `end`, wherever in the chain it is. */
export function chainExtent(
  images: readonly DiskImage[],
  offset: number,
  end: number,
): ChainExtent {
  let limit = end;
  for (let depth = 0; depth < images.length; depth++) {
    const image = images[depth]!;
    // A VHDX parent may be smaller than its child: what lies beyond its end is zeros.
    if (offset >= image.virtualSize) return { kind: "zero", offset, length: limit - offset };
    limit = Math.min(limit, image.virtualSize);
    const extent: ImageExtent = image.extent(offset, limit);
    if (extent.kind === "file") {
      const { length, fileOffset } = extent;
      return { kind: "file", offset, length, depth, fileOffset };
    }
    if (extent.kind === "zero" || extent.kind === "lost") return extent;
    limit = offset + extent.length;
  }
  return { kind: "absent", offset, length: limit - offset };
}

/** The pieces of a range, neighbours that continue each other joined, in order and without gaps. */
export function* chainExtents(
  images: readonly DiskImage[],
  offset: number,
  end: number,
): Generator<ChainExtent> {
  if (offset >= end) return;
  let pending = chainExtent(images, offset, end);
  for (let position = offset + pending.length; position < end;) {
    const next = chainExtent(images, position, end);
    position += next.length;
    if (continues(pending, next)) {
      pending = { ...pending, length: pending.length + next.length };
    } else {
      yield pending;
      pending = next;
    }
  }
  yield pending;
}

/** As {@linkcode chainExtents}, of files that may have to be fetched. */
export async function* fetchedChainExtents(
  images: readonly DiskImage[],
  offset: number,
  end: number,
): AsyncGenerator<ChainExtent> {
  let pending: ChainExtent | undefined;
  for (let position = offset; position < end;) {
    const next = await whenFetched(() => chainExtent(images, position, end));
    position += next.length;
    if (pending !== undefined && continues(pending, next)) {
      pending = { ...pending, length: pending.length + next.length };
      continue;
    }
    if (pending !== undefined) yield pending;
    pending = next;
  }
  if (pending !== undefined) yield pending;
}

/** Fills `buffer` from `offset` on; the caller keeps the range inside the disk. */
export function readChain(images: readonly DiskImage[], buffer: Uint8Array, offset: number): void {
  const end = offset + buffer.length;
  for (let position = offset; position < end;) {
    const extent = chainExtent(images, position, end);
    const start = position - offset;
    readExtent(images, extent, partOf(buffer, start, start + extent.length));
    position += extent.length;
  }
}

/** Fills `target` with what is in a piece, all of it. */
export function readExtent(
  images: readonly DiskImage[],
  extent: ChainExtent,
  target: Uint8Array,
): void {
  switch (extent.kind) {
    case "zero":
    case "lost":
      target.fill(0);
      return;
    case "absent":
      throw new ImageError("ERROR_VHD_INVALID_STATE", {
        path: images[0]!.source.path,
        reason: `the bytes from ${extent.offset} on are in a parent that is not open`,
      });
    case "file":
      return readFile(images[extent.depth]!.source, target, extent.fileOffset);
  }
}

/**
 * Fills `buffer` with what a file has from `offset` on.
 *
 * @throws {ImageError} `ERROR_HANDLE_EOF` if it ends before.
 */
export function readFile(source: ByteSource, buffer: Uint8Array, offset: number): void {
  const count = source.readAt(buffer, offset);
  if (count === buffer.length) return;
  throw new ImageError("ERROR_HANDLE_EOF", {
    path: source.path,
    reason: `the file ends at ${offset + count}: it has become shorter since it was opened`,
  });
}

function continues(first: ChainExtent, second: ChainExtent): boolean {
  if (first.kind === "zero" && second.kind === "zero") return first.reason === second.reason;
  if (first.kind === "lost" && second.kind === "lost") return first.reason === second.reason;
  if (first.kind !== "file" || second.kind !== "file") return first.kind === second.kind;
  return first.depth === second.depth && first.fileOffset + first.length === second.fileOffset;
}

// Writes any range of a disk: formats take whole sectors, so what a caller leaves of a sector is read,
// through the parents where need be, and written again.

/**
 * Writes `bytes` at `offset`; the range lies inside the disk.
 *
 * @param image The child, which alone is written.
 * @param images The whole chain, the child first.
 */
export function writeChain(
  image: WritableImage,
  images: readonly DiskImage[],
  bytes: Uint8Array,
  offset: number,
): void {
  writeSectors(image, images, bytes, offset, false);
}

/** @param takesSpace Of zeros too. */
function writeSectors(
  image: WritableImage,
  images: readonly DiskImage[],
  bytes: Uint8Array,
  offset: number,
  takesSpace: boolean,
): void {
  const sectorSize = image.logicalSectorSize;
  let position = offset;
  const end = offset + bytes.length;
  while (position < end) {
    const inSector = position % sectorSize;
    const whole = Math.floor((end - position) / sectorSize) * sectorSize;
    const length = inSector === 0 && whole > 0
      ? whole
      : Math.min(sectorSize - inSector, end - position);
    const part = partOf(bytes, position - offset, position - offset + length);
    if (inSector === 0 && whole > 0) image.write(part, position, takesSpace);
    else writePartOfSector(image, images, part, position, takesSpace);
    position += length;
  }
}

/** Zeros are written in pieces of so many bytes at most: each sector is in one, so that after a crash it is old or new. */
const ZEROS_LENGTH = 1024 * 1024;

/**
 * Makes a range read as zeros, whatever it was before and whoever reads; the range lies inside the disk.
 *
 * @param takesSpace Whether the zeros are stored, so that a later write needs no more space.
 */
export function zeroChain(
  image: WritableImage,
  images: readonly DiskImage[],
  { offset, length, takesSpace }: { offset: number; length: number; takesSpace: boolean },
): void {
  const end = offset + length;
  if (!takesSpace) image.zeroBlocks(offset, length);
  let zeros = new Uint8Array();
  for (let position = offset; position < end;) {
    const limit = Math.min(end, position + ZEROS_LENGTH - position % ZEROS_LENGTH);
    const extent = chainExtent(images, position, limit);
    const isDone = extent.kind === "zero" && extent.reason !== "trimmed" && !takesSpace;
    if (!isDone) {
      if (zeros.length < extent.length) zeros = new Uint8Array(ZEROS_LENGTH);
      writeSectors(image, images, zeros.subarray(0, extent.length), position, true);
    }
    position += extent.length;
  }
}

function writePartOfSector(
  image: WritableImage,
  images: readonly DiskImage[],
  part: Uint8Array,
  offset: number,
  takesSpace: boolean,
): void {
  const inSector = offset % image.logicalSectorSize;
  const start = offset - inSector;
  const sector = new Uint8Array(image.logicalSectorSize);
  readChain(images, sector, start);
  sector.set(part, inSector);
  image.write(sector, start, takesSpace);
}

/**
 * A piece of a disk and where its bytes are.
 *
 * @category Contents
 */
export type Extent = FileExtent | ZeroExtent | ParentExtent | LostExtent;

/**
 * Bytes in the image file itself.
 *
 * @category Contents
 */
export interface FileExtent {
  /** In this image's own file. */
  kind: "file";
  /** Where the piece begins in the disk, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** The file. */
  path: string;
  /** Where the piece begins in the file, in bytes. */
  fileOffset: number;
}

/**
 * Bytes that are zeros and stored nowhere.
 *
 * @category Contents
 */
export interface ZeroExtent {
  /** Stored nowhere. */
  kind: "zero";
  /** Where the piece begins in the disk, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /**
   * `"zero"` where the file says that there are zeros, `"trimmed"` where what was there has been given back:
   * VHDX only. Absent where nothing has ever been written.
   */
  reason?: "zero" | "trimmed";
}

/**
 * Bytes in the file of a parent, or of its parent, and so on.
 *
 * @category Contents
 */
export interface ParentExtent {
  /** In a parent. */
  kind: "parent";
  /** Where the piece begins in the disk, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** Which file; absent where the disk was opened without its parents. */
  path?: string;
  /** Where the piece begins in that file, in bytes; absent with `path`. */
  fileOffset?: number;
}

/**
 * Bytes of which nobody knows what they were; they read as zeros. Only of disks that were opened with
 * `{ damage: "tolerate" }`.
 *
 * @category Contents
 */
export interface LostExtent {
  /** Lost. */
  kind: "lost";
  /** Where the piece begins in the disk, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** Why. */
  reason: LossReason;
}

/** The caller's view of a piece of a chain. */
export function toExtent(images: readonly DiskImage[], extent: ChainExtent): Extent {
  const { offset, length } = extent;
  switch (extent.kind) {
    case "zero": {
      const { reason } = extent;
      return { kind: "zero", offset, length, ...(reason === undefined ? {} : { reason }) };
    }
    case "absent":
      return { kind: "parent", offset, length };
    case "lost":
      return { kind: "lost", offset, length, reason: extent.reason };
    case "file":
      return {
        kind: extent.depth === 0 ? "file" : "parent",
        offset,
        length,
        path: images[extent.depth]!.source.path,
        fileOffset: extent.fileOffset,
      };
  }
}
