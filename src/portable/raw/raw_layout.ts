/**
 * A new raw disk image: nothing but the disk.
 *
 * @module
 */
import type { ImageSpec } from "../image_spec.ts";
import type { ImageLayout } from "../operations/image_layout.ts";

/** A new image, which has no structures at all. */
export function rawLayout({ virtualSize }: ImageSpec): ImageLayout {
  return {
    virtualSize,
    blockSize: virtualSize,
    isFull: true,
    blocksOffset: 0,
    blockStride: virtualSize,
    blockPrefix: new Uint8Array(0),
    stages: 1,
    byteLength: () => virtualSize,
    parts: () => [],
  };
}
