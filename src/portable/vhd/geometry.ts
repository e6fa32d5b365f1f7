/**
 * Cylinders, heads and sectors of a disk: what old machines asked of it. Geometry never tells the size
 * of a disk here, for nearly every writer's geometry disagrees with its own size.
 *
 * @module
 */
import { SECTOR_SIZE } from "./sector.ts";

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
