/**
 * Zeros in a file.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import type { WritableSource } from "../file/byte_source.ts";
import { MIB } from "./file_map.ts";

/** Makes a range read as zeros. What does so already is not written: holes stay holes. */
export function fillWithZeros(file: WritableSource, offset: number, length: number): void {
  const present = new Uint8Array(Math.min(MIB, length));
  for (let done = 0; done < length; done += MIB) {
    const piece = present.subarray(0, Math.min(MIB, length - done));
    piece.fill(0);
    file.readAt(piece, offset + done);
    if (!isAllZero(piece)) file.writeAt(piece.fill(0), offset + done);
  }
}
