/**
 * Blocks: a bitmap with a bit for each sector, then the sectors (VHD 1.0, "Data Blocks").
 *
 * @module
 */
import { roundUp, SECTOR_SIZE } from "./sector.ts";

/** Bytes of the bitmap before the data of a block. */
export function bitmapSize(blockSize: number): number {
  return roundUp(Math.ceil(blockSize / SECTOR_SIZE / 8), SECTOR_SIZE);
}

/** How many blocks a disk has. */
export function blockCount(virtualSize: number, blockSize: number): number {
  return Math.ceil(virtualSize / blockSize);
}
