/**
 * Which parts of a piece hold something.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** What is compared at once: a hole of a file is at least as large. */
const GRAIN = 64 * 1024;
const ZEROS = new Uint8Array(GRAIN);

/** A part of a piece, in bytes from its beginning. */
export interface DataRun {
  readonly start: number;
  readonly end: number;
}

/** Whether all bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  for (let start = 0; start < bytes.length; start += GRAIN) {
    if (!isZeroGrain(bytes.subarray(start, start + GRAIN))) return false;
  }
  return true;
}

/** The parts that are not zeros, in order, to the grain of 64 KiB. */
export function* dataRuns(bytes: Uint8Array): Generator<DataRun> {
  let start: number | undefined;
  for (let position = 0; position < bytes.length; position += GRAIN) {
    const holdsData = !isZeroGrain(bytes.subarray(position, position + GRAIN));
    if (holdsData) start ??= position;
    else if (start !== undefined) {
      yield { start, end: position };
      start = undefined;
    }
  }
  if (start !== undefined) yield { start, end: bytes.length };
}

/** One native comparison: a loop over the bytes takes many times as long. */
function isZeroGrain(bytes: Uint8Array): boolean {
  const zeros = bytes.length === GRAIN ? ZEROS : ZEROS.subarray(0, bytes.length);
  return Buffer.compare(bytes, zeros) === 0;
}
