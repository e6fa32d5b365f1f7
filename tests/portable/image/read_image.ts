/** Reads a chain of images through their extents alone, for the tests of the formats. */
import { type DiskImage, imageExtents } from "../../../src/portable/image/image.ts";

/**
 * The bytes of a range of a disk.
 *
 * @param images The leaf, its parent, its parent's parent, ...; what lies beyond a parent's end is zeros.
 */
export function readImage(
  images: readonly DiskImage[],
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const [leaf, ...parents] = images;
  if (leaf === undefined) throw new Error("an extent was left to a parent that was not given");
  const end = Math.min(offset + length, leaf.virtualSize);
  for (const extent of imageExtents(leaf, offset, end)) {
    const piece = bytes.subarray(extent.offset - offset, extent.offset - offset + extent.length);
    if (extent.kind === "parent") piece.set(readImage(parents, extent.offset, extent.length));
    if (extent.kind !== "file") continue;
    const count = leaf.source.readAt(piece, extent.fileOffset);
    if (count < piece.length) {
      throw new Error(`the extent at ${extent.offset} lies beyond the file`);
    }
  }
  return bytes;
}
