/** Bytes that are all zero, which a sparse image need not store, or all ones. */
import { isEqual } from "./equal.ts";

const ZEROS = new Uint8Array(64 * 1024);
/** Made when it is needed: few files have such tables. */
let ones: Uint8Array | undefined;

/** Whether no byte differs from zero. */
export function isAllZero(bytes: Uint8Array): boolean {
  return isFilled(bytes, ZEROS);
}

/** Whether no bit is zero. */
export function isAllOnes(bytes: Uint8Array): boolean {
  return isFilled(bytes, ones ??= new Uint8Array(ZEROS.length).fill(0xff));
}

/** @param pattern The same byte again and again. */
function isFilled(bytes: Uint8Array, pattern: Uint8Array): boolean {
  const { length } = bytes;
  // Most data begin with something else, and a look takes less than a call.
  if (length > 0 && bytes[0] !== pattern[0]) return false;
  const head = Math.min(length, pattern.length);
  if (!isEqual(bytes.subarray(0, head), pattern.subarray(0, head))) return false;
  // So it begins, and every other byte is what stands as many bytes before it.
  return head === length || isEqual(bytes.subarray(head), bytes.subarray(0, length - head));
}

/** Where the first byte is that differs from zero; `undefined` where none does. */
export function firstNonZero(bytes: Uint8Array): number | undefined {
  return isAllZero(bytes) ? undefined : bytes.findIndex((byte) => byte !== 0);
}
