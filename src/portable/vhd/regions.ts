/**
 * Parts of a file that hold metadata, where neither a block nor another structure may be.
 *
 * @module
 */
import { FOOTER_SIZE } from "./footer.ts";

/** A part of the file, in bytes. */
export interface Region {
  /** What it holds, for error messages. */
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** The footer at the end of a file, if it is there: of an image that is described by its copy it is not. */
export function trailingFooter(
  { structure, offset }: { readonly structure: string; readonly offset: number },
): Region[] {
  return structure === "footer" ? [{ name: structure, offset, length: FOOTER_SIZE }] : [];
}

/** The first of `regions` that shares a byte with the given range. */
export function overlapping(
  regions: readonly Region[],
  offset: number,
  length: number,
): Region | undefined {
  for (const each of regions) {
    if (offset < each.offset + each.length && each.offset < offset + length) return each;
  }
  return undefined;
}
