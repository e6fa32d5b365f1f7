/**
 * Whether a block could do without its place in the file.
 *
 * @module
 */
import { isEqual } from "../../bytes/equal.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import type { WritableSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import type { DiskRange } from "./free_ranges.ts";
import type { Pace } from "./pace.ts";
import { chainExtent, readChain } from "./extents.ts";
import { type DiskImage, imageExtents, type WritableImage } from "./image.ts";

const PIECE = 2 ** 20;

/** What a block holds. */
export interface BlockContents {
  /** Nothing but zeros, none of them its parent's. */
  readonly isZero: boolean;
  /** Nothing that the parent does not hold in the same place. */
  readonly isParents: boolean;
}

/** Which block is looked at, and how. */
export interface BlockQuestion {
  readonly image: DiskImage;
  /** The nearest first; none where they are not open. */
  readonly parents: readonly DiskImage[];
  /** Where the block begins and ends in the disk. */
  readonly offset: number;
  readonly end: number;
  /** Whether bytes are read, beside what the tables say. */
  readonly readsData: boolean;
}

/** Looks at a block; reads no further than it takes to answer. */
export async function blockContents(
  { image, parents, offset, end, readsData }: BlockQuestion,
  pace: Pace,
): Promise<BlockContents> {
  let isZero = true;
  let isParents = image.parent !== undefined;
  const own = new Uint8Array(PIECE);
  const parental = new Uint8Array(isParents ? PIECE : 0);
  for (const extent of imageExtents(image, offset, end)) {
    if (extent.kind === "parent") isZero = false;
    if (extent.kind === "zero" && isParents) {
      isParents = readsData && parents.length > 0 && await areZeros(parents, extent, pace);
      if (!isZero && !isParents) break;
    }
    if (extent.kind !== "file") continue;
    if (!readsData) return { isZero: false, isParents: false };
    if (parents.length === 0) isParents = false;
    for (let done = 0; done < extent.length && (isZero || isParents); done += PIECE) {
      const piece = own.subarray(0, Math.min(PIECE, extent.length - done));
      readOwn(image, piece, extent.fileOffset + done);
      isZero &&= isAllZero(piece);
      if (isParents) {
        const other = parental.subarray(0, piece.length);
        readChain(parents, other, extent.offset + done);
        isParents = isEqual(piece, other);
      }
      await pace.add(0, piece.length);
    }
    if (!isZero && !isParents) break;
  }
  return { isZero, isParents };
}

/** Whether the parents hold nothing but zeros in a range. */
async function areZeros(
  parents: readonly DiskImage[],
  { offset, length }: DiskRange,
  pace: Pace,
): Promise<boolean> {
  const piece = new Uint8Array(Math.min(PIECE, length));
  for (let done = 0; done < length; done += PIECE) {
    const bytes = piece.subarray(0, length - done);
    readChain(parents, bytes, offset + done);
    await pace.add(0, bytes.length);
    if (!isAllZero(bytes)) return false;
  }
  return true;
}

function readOwn({ source }: DiskImage, piece: Uint8Array, fileOffset: number): void {
  if (source.readAt(piece, fileOffset) === piece.length) return;
  throw new ImageError("ERROR_HANDLE_EOF", {
    path: source.path,
    reason: `the file ends before ${fileOffset + piece.length}`,
  });
}

/**
 * Writes what the images hold, and nothing that they leave to the ancestor. Every range that is written is
 * theirs, so whoever reads through them sees no change meanwhile.
 *
 * @param images The nearest to the user first; the last is the child of `target`.
 * @param target At least as large as the first image.
 */
export async function applyImages(
  images: readonly DiskImage[],
  target: WritableImage,
  pace: Pace,
): Promise<void> {
  const end = images[0]!.virtualSize;
  const buffer = new Uint8Array(PIECE);
  pace.expect(end);
  for (let position = 0; position < end;) {
    const extent = chainExtent(images, position, end);
    const limit = position + extent.length;
    if (extent.kind === "file") {
      const { source } = images[extent.depth]!;
      for (let done = 0; done < extent.length; done += PIECE) {
        const piece = buffer.subarray(0, Math.min(PIECE, extent.length - done));
        if (source.readAt(piece, extent.fileOffset + done) < piece.length) {
          throw new ImageError("ERROR_HANDLE_EOF", {
            path: source.path,
            reason: `the file ends before ${extent.fileOffset + done + piece.length}`,
          });
        }
        target.write(piece, position + done);
        await pace.add(piece.length, piece.length);
      }
    } else {
      if (extent.kind === "zero") await zeroRange(target, position, limit, pace);
      await pace.add(extent.length, 0);
    }
    position = limit;
  }
}

/** Makes a range read as zeros, whatever the image and its parents hold there. */
async function zeroRange(
  target: WritableImage,
  offset: number,
  end: number,
  pace: Pace,
): Promise<void> {
  const zeros = new Uint8Array(PIECE);
  target.trim(offset, end - offset);
  for (const extent of imageExtents(target, offset, end)) {
    if (extent.kind === "zero") continue;
    for (let done = 0; done < extent.length; done += PIECE) {
      const piece = zeros.subarray(0, extent.length - done);
      target.write(piece, extent.offset + done);
      await pace.add(0, piece.length);
    }
  }
}

/** A copy to be made; the two ranges do not overlap. */
export interface RangeCopy {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/**
 * Copies a range. What reads as zeros already is not written: holes stay holes. What lies behind the end of
 * the file is zeros.
 */
export async function copyRange(
  file: WritableSource,
  { from, to, length }: RangeCopy,
  pace: Pace,
): Promise<void> {
  if (file.copyWithin !== undefined) {
    file.copyWithin(from, to, length);
    return await pace.add(length, 0);
  }
  const buffer = new Uint8Array(Math.min(PIECE, length));
  const present = new Uint8Array(buffer.length);
  for (let done = 0; done < length; done += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, length - done));
    piece.fill(0, file.readAt(piece, from + done));
    if (!isAllZero(piece) || !isAllZero(readPiece(file, present, to + done, piece.length))) {
      file.writeAt(piece, to + done);
    }
    await pace.add(piece.length, piece.length);
  }
}

function readPiece(
  file: WritableSource,
  buffer: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  const piece = buffer.subarray(0, length);
  return piece.fill(0, file.readAt(piece, offset));
}

/** What is looked at as a whole: a hole of a file is at least as large. */
const GRAIN = 64 * 1024;

/** A part of a piece, in bytes from its beginning. */
export interface DataRun {
  readonly start: number;
  readonly end: number;
}

/** The parts that are not zeros, in order, to the grain of 64 KiB. */
export function* dataRuns(bytes: Uint8Array): Generator<DataRun> {
  if (isAllZero(bytes)) return;
  let start: number | undefined;
  for (let position = 0; position < bytes.length; position += GRAIN) {
    const holdsData = !isAllZero(bytes.subarray(position, position + GRAIN));
    if (holdsData) start ??= position;
    else if (start !== undefined) {
      yield { start, end: position };
      start = undefined;
    }
  }
  if (start !== undefined) yield { start, end: bytes.length };
}
