/**
 * Zeros in a file.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import { MIB } from "./file_map.ts";

/** Whether all bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  // Most data show it in their first bytes; `every` would call a function for each byte.
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Makes a range read as zeros. What does so already is not written: holes stay holes. */
export function fillWithZeros(file: WritableSource, offset: number, length: number): void {
  const present = new Uint8Array(Math.min(MIB, length));
  for (let done = 0; done < length; done += MIB) {
    const piece = present.subarray(0, Math.min(MIB, length - done));
    piece.fill(0);
    file.readAt(piece, offset + done);
    if (!isZero(piece)) file.writeAt(piece.fill(0), offset + done);
  }
}
