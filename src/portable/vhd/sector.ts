/** Sectors of a VHD: always 512 bytes, in the disk as in the file (VHD 1.0, "Hard Disk Footer Format"). */

/** Bytes. */
export const SECTOR_SIZE = 512;

/** `bytes` rounded up to a multiple of `unit`. */
export function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}
