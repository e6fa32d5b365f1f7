/**
 * Writes what images hold into their ancestor, so that it reads as they do.
 *
 * @module
 */
import { chainExtent } from "../chain_reader.ts";
import { type DiskImage, imageExtents, type WritableImage } from "../image.ts";
import { ImageError } from "../image_error.ts";
import type { Meter } from "./meter.ts";

const PIECE = 2 ** 20;

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
  meter: Meter,
): Promise<void> {
  const end = images[0]!.virtualSize;
  const buffer = new Uint8Array(PIECE);
  meter.expect(end);
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
        await meter.add(piece.length, piece.length);
      }
    } else {
      if (extent.kind === "zero") await zeroRange(target, position, limit, meter);
      await meter.add(extent.length, 0);
    }
    position = limit;
  }
}

/** Makes a range read as zeros, whatever the image and its parents hold there. */
async function zeroRange(
  target: WritableImage,
  offset: number,
  end: number,
  meter: Meter,
): Promise<void> {
  const zeros = new Uint8Array(PIECE);
  target.trim(offset, end - offset);
  for (const extent of imageExtents(target, offset, end)) {
    if (extent.kind === "zero") continue;
    for (let done = 0; done < extent.length; done += PIECE) {
      const piece = zeros.subarray(0, extent.length - done);
      target.write(piece, extent.offset + done);
      await meter.add(0, piece.length);
    }
  }
}
