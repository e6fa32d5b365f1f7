/**
 * Parts of a file that hold metadata, where neither a block nor another structure may be.
 *
 * @module
 */

/** A part of the file, in bytes. */
export interface Region {
  /** What it holds, for error messages. */
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** The first of `regions` that shares a byte with the given range. */
export function overlapping(
  regions: readonly Region[],
  offset: number,
  length: number,
): Region | undefined {
  return regions.find((each) =>
    offset < each.offset + each.length && each.offset < offset + length
  );
}
