/**
 * Writes any range of a disk: formats take whole sectors, so what a caller leaves of a sector is read,
 * through the parents where need be, and written again.
 *
 * @module
 */
import { readChain } from "./chain_reader.ts";
import type { DiskImage, WritableImage } from "./image.ts";

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
  const sectorSize = image.logicalSectorSize;
  let position = offset;
  const end = offset + bytes.length;
  while (position < end) {
    const inSector = position % sectorSize;
    const whole = Math.floor((end - position) / sectorSize) * sectorSize;
    const length = inSector === 0 && whole > 0
      ? whole
      : Math.min(sectorSize - inSector, end - position);
    const part = bytes.subarray(position - offset, position - offset + length);
    if (inSector === 0 && whole > 0) image.write(part, position);
    else writePartOfSector(image, images, part, position);
    position += length;
  }
}

function writePartOfSector(
  image: WritableImage,
  images: readonly DiskImage[],
  part: Uint8Array,
  offset: number,
): void {
  const inSector = offset % image.logicalSectorSize;
  const start = offset - inSector;
  const sector = new Uint8Array(image.logicalSectorSize);
  readChain(images, sector, start);
  sector.set(part, inSector);
  image.write(sector, start);
}
