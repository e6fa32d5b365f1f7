/**
 * Which parts of a piece hold something.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";

/** What is looked at as a whole: a hole of a file is at least as large. */
const GRAIN = 64 * 1024;

/** A part of a piece, in bytes from its beginning. */
export interface DataRun {
  readonly start: number;
  readonly end: number;
}

/** The parts that are not zeros, in order, to the grain of 64 KiB. */
export function* dataRuns(bytes: Uint8Array): Generator<DataRun> {
  let start: number | undefined;
  for (let position = 0; position < bytes.length; position += GRAIN) {
    const holdsData = !isAllZero(bytes.subarray(position, position + GRAIN));
    if (holdsData) start ??= position;
    else if (start !== undefined) {
      yield { start, end: position };
      start = undefined;
    }
  }
  if (start !== undefined) yield { start, end: bytes.length };
}
