/**
 * Reads through a chain: each piece from the nearest file that holds it.
 *
 * @module
 */
import type { DiskImage, ImageExtent, ZeroReason } from "./image.ts";
import { ImageError } from "./image_error.ts";

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
  | { readonly kind: "absent"; readonly offset: number; readonly length: number };

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
    if (extent.kind === "zero") return extent;
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

/** Fills `buffer` from `offset` on; the caller keeps the range inside the disk. */
export function readChain(images: readonly DiskImage[], buffer: Uint8Array, offset: number): void {
  const end = offset + buffer.length;
  for (let position = offset; position < end;) {
    const extent = chainExtent(images, position, end);
    const start = position - offset;
    const target = extent.length === buffer.length
      ? buffer
      : buffer.subarray(start, start + extent.length);
    readExtent(images, extent, target);
    position += extent.length;
  }
}

function readExtent(images: readonly DiskImage[], extent: ChainExtent, target: Uint8Array): void {
  switch (extent.kind) {
    case "zero":
      target.fill(0);
      return;
    case "absent":
      throw new ImageError("ERROR_VHD_INVALID_STATE", {
        path: images[0]!.source.path,
        reason: `the bytes from ${extent.offset} on are in a parent that is not open`,
      });
    case "file": {
      const { source } = images[extent.depth]!;
      const count = source.readAt(target, extent.fileOffset);
      if (count < target.length) {
        throw new ImageError("ERROR_HANDLE_EOF", {
          path: source.path,
          reason: `the file ends at ${
            extent.fileOffset + count
          }: it has become shorter since it was opened`,
        });
      }
    }
  }
}

function continues(first: ChainExtent, second: ChainExtent): boolean {
  if (first.kind === "zero" && second.kind === "zero") return first.reason === second.reason;
  if (first.kind !== "file" || second.kind !== "file") return first.kind === second.kind;
  return first.depth === second.depth && first.fileOffset + first.length === second.fileOffset;
}
