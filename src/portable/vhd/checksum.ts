/** The checksum of VHD's footer and sparse header (VHD 1.0, "Hard Disk Footer Format"). */

/** Its length in bytes. */
const CHECKSUM_LENGTH = 4;

/** The ones' complement of the sum of all bytes, those of the checksum itself counted as zero. */
export function vhdChecksum(bytes: Uint8Array, checksumOffset: number): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  for (let i = 0; i < CHECKSUM_LENGTH; i++) sum -= bytes[checksumOffset + i]!;
  return ~sum >>> 0;
}
