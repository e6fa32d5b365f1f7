/**
 * Blocks: a bitmap with a bit for each sector, then the sectors (VHD 1.0, "Data Blocks").
 *
 * @module
 */
/** What 4 KiB alignment asks of the data of a block. */
export const DATA_ALIGNMENT = 4096;

/** Bytes of the bitmap before the data of a block. */
export function bitmapSize(blockSize: number): number {
  return roundUp(Math.ceil(blockSize / SECTOR_SIZE / 8), SECTOR_SIZE);
}

/** Bytes that a block takes in the file: its bitmap and its data, always whole. */
export function blockFootprint(blockSize: number): number {
  return bitmapSize(blockSize) + blockSize;
}

/** The first place from `offset` on for a block whose data lie at a multiple of 4096. */
export function alignedPlace(offset: number, blockSize: number): number {
  const bitmap = bitmapSize(blockSize);
  return roundUp(offset + bitmap, DATA_ALIGNMENT) - bitmap;
}

/** How many blocks a disk has. */
export function blockCount(virtualSize: number, blockSize: number): number {
  return Math.ceil(virtualSize / blockSize);
}

/** Sectors of a VHD: always 512 bytes, in the disk as in the file (VHD 1.0, "Hard Disk Footer Format"). */

/** Bytes. */
export const SECTOR_SIZE = 512;

/** `bytes` rounded up to a multiple of `unit`. */
export function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

// Cylinders, heads and sectors of a disk: what old machines asked of it. Geometry never tells the size
// of a disk here, for nearly every writer's geometry disagrees with its own size.

/** Counts as the footer holds them. */
export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

const MAX_CYLINDERS = 65535;
const MAX_HEADS = 16;
const MAX_SECTORS_PER_TRACK = 255;

/** The geometry of a disk of `size` bytes (VHD 1.0, "Appendix: CHS Calculation"). */
export function geometryOf(size: number): Geometry {
  const sectors = Math.min(
    Math.floor(size / SECTOR_SIZE),
    MAX_CYLINDERS * MAX_HEADS * MAX_SECTORS_PER_TRACK,
  );
  if (sectors >= MAX_CYLINDERS * MAX_HEADS * 63) {
    return geometry(sectors, MAX_HEADS, MAX_SECTORS_PER_TRACK);
  }
  const tracks = Math.floor(sectors / 17);
  const heads = Math.max(4, Math.ceil(tracks / 1024));
  if (heads <= MAX_HEADS && tracks < heads * 1024) return geometry(sectors, heads, 17);
  const fits31 = Math.floor(sectors / 31) < MAX_HEADS * 1024;
  return geometry(sectors, MAX_HEADS, fits31 ? 31 : 63);
}

function geometry(sectors: number, heads: number, sectorsPerTrack: number): Geometry {
  const tracks = Math.floor(sectors / sectorsPerTrack);
  return { cylinders: Math.floor(tracks / heads), heads, sectorsPerTrack };
}
