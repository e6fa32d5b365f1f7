/**
 * Copies bytes within a file.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import type { WritableSource } from "../byte_source.ts";
import type { Meter } from "./meter.ts";

const PIECE = 2 ** 20;

/** A copy to be made; the two ranges do not overlap. */
export interface RangeCopy {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/**
 * Copies a range. What reads as zeros already is not written: holes stay holes. What lies behind the end of
 * the file is zeros.
 */
export async function copyRange(
  file: WritableSource,
  { from, to, length }: RangeCopy,
  meter: Meter,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(PIECE, length));
  const present = new Uint8Array(buffer.length);
  for (let done = 0; done < length; done += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, length - done));
    piece.fill(0, file.readAt(piece, from + done));
    if (!isAllZero(piece) || !isAllZero(readPiece(file, present, to + done, piece.length))) {
      file.writeAt(piece, to + done);
    }
    await meter.add(piece.length, piece.length);
  }
}

function readPiece(
  file: WritableSource,
  buffer: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  const piece = buffer.subarray(0, length);
  return piece.fill(0, file.readAt(piece, offset));
}
