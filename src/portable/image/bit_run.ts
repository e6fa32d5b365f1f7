/**
 * Runs of equal bits in bitmaps. The formats number bits in opposite order: VHD from the most significant bit
 * of each byte, VHDX from the least significant.
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

/** A file of bitmaps that is read in pieces, each of which begins at a multiple of their length. */
export interface BitmapPieces {
  /** Bytes. */
  readonly pieceLength: number;
  /** The piece that the byte at `offset` is in; it may end behind that byte. */
  piece(offset: number): Uint8Array;
}

/** The run of equal bits that begins at bit `first`, not followed beyond bit `end` (exclusive). */
export function bitRun(bytes: Uint8Array, first: number, end: number, order: BitOrder): BitRun {
  const value = bitAt(bytes, first, order);
  return { value, length: endOfRun(bytes, value, first + 1, end, order) - first };
}

/** As {@linkcode bitRun}, in the bitmap that begins with the byte at `offset`. */
export function bitRunIn(
  pieces: BitmapPieces,
  offset: number,
  first: number,
  end: number,
  order: BitOrder,
): BitRun {
  let value: boolean | undefined;
  for (let bit = first; bit < end;) {
    const at = offset + (bit >> 3);
    const bytes = pieces.piece(at);
    // From the piece's own beginning on.
    const start = (at % pieces.pieceLength) * 8 + (bit & 7);
    const last = Math.min(bytes.length * 8, start + end - bit);
    value ??= bitAt(bytes, start, order);
    const runEnd = endOfRun(bytes, value, start, last, order);
    bit += runEnd - start;
    if (runEnd < last) return { value, length: bit - first };
  }
  return { value: value!, length: end - first };
}

/** The first bit from `first` on that has another value; `end` if there is none. */
function endOfRun(
  bytes: Uint8Array,
  value: boolean,
  first: number,
  end: number,
  order: BitOrder,
): number {
  const whole = value ? 0xff : 0x00;
  for (let bit = first; bit < end; bit = (bit | 7) + 1) {
    // The bits of another value, those before `bit` left out.
    const others = bytes[bit >> 3]! ^ whole;
    const inByte = bit & 7;
    if (order === "msb-first") {
      const rest = others & 0xff >> inByte;
      if (rest !== 0) return Math.min(end, bit - inByte + Math.clz32(rest) - 24);
    } else {
      const rest = others & 0xff << inByte;
      if (rest !== 0) return Math.min(end, bit - inByte + 31 - Math.clz32(rest & -rest));
    }
  }
  return end;
}

function bitAt(bytes: Uint8Array, bit: number, order: BitOrder): boolean {
  const mask = order === "msb-first" ? 0x80 >> (bit & 7) : 1 << (bit & 7);
  return (bytes[bit >> 3]! & mask) !== 0;
}
