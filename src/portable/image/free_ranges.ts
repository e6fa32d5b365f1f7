/**
 * An image without what nobody needs of it: ranges that a file system says are free read as zeros.
 *
 * @module
 */
import type { DiskImage, ImageExtent } from "./image.ts";

/** A range of a disk, in bytes. */
export interface DiskRange {
  readonly offset: number;
  readonly length: number;
}

/** Which ranges of a disk are free. */
export interface FreeRanges {
  /**
   * Where the first free range begins and ends that ends behind `offset`; `undefined` if there is none. Cheap
   * if `offset` grows from one call to the next.
   */
  following(offset: number): DiskRange | undefined;
}

/** The image, its free ranges as zeros that are stored nowhere. They hide what a parent holds there. */
export function withoutFree(image: DiskImage, free: FreeRanges): DiskImage {
  return {
    format: image.format,
    subtype: image.subtype,
    source: image.source,
    virtualSize: image.virtualSize,
    blockSize: image.blockSize,
    logicalSectorSize: image.logicalSectorSize,
    physicalSectorSize: image.physicalSectorSize,
    identifier: image.identifier,
    virtualDiskId: image.virtualDiskId,
    parent: image.parent,
    ...(image.metadata === undefined ? {} : { metadata: image.metadata }),
    is4kAligned: () => image.is4kAligned(),
    extent(offset, end): ImageExtent {
      const range = free.following(offset);
      if (range === undefined || range.offset >= end) return image.extent(offset, end);
      if (range.offset > offset) return image.extent(offset, range.offset);
      return {
        kind: "zero",
        offset,
        length: Math.min(end, range.offset + range.length) - offset,
      };
    },
  };
}
