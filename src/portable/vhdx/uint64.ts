/** Unsigned 64-bit little-endian fields that hold offsets and sizes. */

/**
 * Reads a u64 as a number: exact below 2^53. What is larger comes out as 2^53 or more, so that a bound
 * below 2^53, which every offset and size has, refuses it.
 */
export function readUint64(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}

/** Writes a safe integer as a u64. */
export function writeUint64(view: DataView, offset: number, value: number): void {
  view.setBigUint64(offset, BigInt(value), true);
}
