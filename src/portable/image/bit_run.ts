/**
 * Runs of equal bits in sector bitmaps. The formats number bits in opposite order: VHD from the most
 * significant bit of each byte, VHDX from the least significant.
 *
 * @module
 */

/** Which bit of a byte comes first. */
export type BitOrder = "msb-first" | "lsb-first";

/** A run of equal bits. */
export interface BitRun {
  readonly value: boolean;
  /** In bits, at least 1. */
  readonly length: number;
}

/**
 * The run of equal bits that begins at bit `first`, not followed beyond bit `end` (exclusive).
 *
 * @param byteAt Gives the byte of a bitmap by its number.
 */
export function bitRun(
  byteAt: (index: number) => number,
  first: number,
  end: number,
  order: BitOrder,
): BitRun {
  const value = bitAt(byteAt(first >> 3), first & 7, order);
  const wholeByte = value ? 0xff : 0x00;
  let bit = first + 1;
  while (bit < end) {
    const byte = byteAt(bit >> 3);
    if ((bit & 7) === 0 && byte === wholeByte) {
      bit = Math.min(end, bit + 8);
      continue;
    }
    if (bitAt(byte, bit & 7, order) !== value) break;
    bit++;
  }
  return { value, length: bit - first };
}

function bitAt(byte: number, index: number, order: BitOrder): boolean {
  return ((order === "msb-first" ? 0x80 >> index : 1 << index) & byte) !== 0;
}
