/** Whether bytes are the same. */

/**
 * So many bytes are compared before `node:buffer` is loaded, which compares a hundred times as fast: loading it takes
 * as long as comparing these, and who opens an image compares fewer.
 */
const FEW = 1 << 20;
let left = FEW;

/** Whether both hold the same, and as much of it. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  // Both are native: a loop takes four times as long as the second, and before it is compiled a hundred times.
  if (left <= 0) return Buffer.compare(one, other) === 0;
  left -= one.length;
  return one.toHex() === other.toHex();
}
