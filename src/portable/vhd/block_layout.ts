/**
 * Blocks: a bitmap with a bit for each sector, then the sectors (VHD 1.0, "Data Blocks").
 *
 * @module
 */
import { roundUp, SECTOR_SIZE } from "./sector.ts";

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
