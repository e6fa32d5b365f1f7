/** Bytes that are all zero, which a sparse image need not store. */
import { isEqual } from "./equal.ts";

const ZEROS = new Uint8Array(64 * 1024);

/** Whether no byte differs from zero. */
export function isAllZero(bytes: Uint8Array): boolean {
  for (let start = 0; start < bytes.length; start += ZEROS.length) {
    const part = bytes.subarray(start, start + ZEROS.length);
    if (!isEqual(part, ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

/** Where the first byte is that differs from zero; `undefined` where none does. */
export function firstNonZero(bytes: Uint8Array): number | undefined {
  return isAllZero(bytes) ? undefined : bytes.findIndex((byte) => byte !== 0);
}
