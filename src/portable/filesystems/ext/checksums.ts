/**
 * The checksums of ext4: both without the final inversion that is usual, so that one continues another.
 *
 * @module
 */
import { crc32c } from "../../../bytes/crc32.ts";

/** CRC-32C, continued from `seed`. */
export function extCrc32c(seed: number, bytes: Uint8Array): number {
  return ~crc32c(bytes, ~seed) >>> 0;
}

/** The reflected polynomial 0x8005. */
const POLYNOMIAL = 0xa001;
const TABLE = Uint16Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-16, continued from `seed`, which is 0xffff at the beginning. */
export function extCrc16(seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;
  return crc;
}

/** A number as the checksums take it. */
export function le32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
