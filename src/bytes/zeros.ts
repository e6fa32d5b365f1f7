/** Bytes that are all zero, which a sparse image need not store. */
import { isEqual } from "./equal.ts";

const ZEROS = new Uint8Array(64 * 1024);

/** Whether no byte differs from zero. */
export function isAllZero(bytes: Uint8Array): boolean {
  const { length } = bytes;
  // Most data begin with something else, and a look takes less than a call.
  if (length > 0 && bytes[0] !== 0) return false;
  const head = Math.min(length, ZEROS.length);
  if (!isEqual(bytes.subarray(0, head), ZEROS.subarray(0, head))) return false;
  // Zeros at the beginning, and every other byte is what stands as many bytes before it.
  return isEqual(bytes.subarray(head), bytes.subarray(0, length - head));
}

/** Where the first byte is that differs from zero; `undefined` where none does. */
export function firstNonZero(bytes: Uint8Array): number | undefined {
  return isAllZero(bytes) ? undefined : bytes.findIndex((byte) => byte !== 0);
}
