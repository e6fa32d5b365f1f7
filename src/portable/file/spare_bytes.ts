/**
 * Bytes to read into and forget: to make them new takes longer than to fill them, and makes work for the garbage
 * collector, which waits for the memory of typed arrays.
 *
 * @module
 */

/** How many there are. So many are read in little more time than a quarter of them. */
export const SPARE_LENGTH = 2 ** 18;

/** Absent while somebody has them. */
let spare: Uint8Array<ArrayBuffer> | undefined;

/** {@linkcode SPARE_LENGTH} bytes, whatever is in them. Whoever has them gives them back, and keeps no view of them. */
export function takeSpareBytes(): Uint8Array<ArrayBuffer> {
  const bytes = spare ?? new Uint8Array(SPARE_LENGTH);
  spare = undefined;
  return bytes;
}

/** Ends the use of bytes that were taken. */
export function giveBackSpareBytes(bytes: Uint8Array<ArrayBuffer>): void {
  spare = bytes;
}

/** Lends at most {@linkcode SPARE_LENGTH} bytes, whatever is in them, while `use` runs. */
export function withSpareBytes<T>(
  length: number,
  use: (bytes: Uint8Array<ArrayBuffer>) => T,
): T {
  const bytes = takeSpareBytes();
  try {
    return use(bytes.subarray(0, length));
  } finally {
    giveBackSpareBytes(bytes);
  }
}
