/**
 * Whether a block could do without its place in the file.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isAllZero } from "../../bytes/zeros.ts";
import { readChain } from "../chain_reader.ts";
import { type DiskImage, imageExtents } from "../image.ts";
import { ImageError } from "../image_error.ts";
import type { Meter } from "./meter.ts";

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
  meter: Meter,
): Promise<BlockContents> {
  let isZero = true;
  let isParents = image.parent !== undefined;
  const own = new Uint8Array(PIECE);
  const parental = new Uint8Array(isParents ? PIECE : 0);
  for (const extent of imageExtents(image, offset, end)) {
    if (extent.kind === "parent") isZero = false;
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
        isParents = Buffer.compare(piece, other) === 0;
      }
      await meter.add(0, piece.length);
    }
    if (!isZero && !isParents) break;
  }
  return { isZero, isParents };
}

function readOwn({ source }: DiskImage, piece: Uint8Array, fileOffset: number): void {
  if (source.readAt(piece, fileOffset) === piece.length) return;
  throw new ImageError("ERROR_HANDLE_EOF", {
    path: source.path,
    reason: `the file ends before ${fileOffset + piece.length}`,
  });
}
