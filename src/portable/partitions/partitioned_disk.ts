/**
 * The disk that a partition table lies on, as the readers of such tables need it.
 *
 * @module
 */
import { readChain } from "../chain_reader.ts";
import type { DiskImage } from "../image.ts";

/** A disk that may have a partition table. */
export interface PartitionedDisk {
  /** Bytes. */
  readonly size: number;
  /** Bytes; what the numbers of a table count. */
  readonly sectorSize: number;
  /** Bytes of the disk; the caller keeps the range inside it, and bounds its length. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

/** The disk of a chain of images, the child first. */
export function partitionedDisk(
  images: readonly [DiskImage, ...DiskImage[]],
): PartitionedDisk {
  const [{ virtualSize, logicalSectorSize }] = images;
  return {
    size: virtualSize,
    sectorSize: logicalSectorSize,
    read: (offset, length) => {
      const bytes = new Uint8Array(length);
      readChain(images, bytes, offset);
      return bytes;
    },
  };
}
