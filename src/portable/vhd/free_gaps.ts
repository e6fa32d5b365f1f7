/**
 * The gaps of an image file that a block fits into: what a trimmed block left behind, or the room of
 * blocks that a crash cut off. A smaller gap is nobody's: some creators keep tables of their own there.
 *
 * @module
 */
import type { Region } from "./regions.ts";
import { roundUp, SECTOR_SIZE } from "./sector.ts";

/** A part of the file that nothing refers to, in bytes; it begins and ends with a sector. */
export interface Gap {
  readonly offset: number;
  readonly end: number;
}

/** What takes up a file. */
export interface Occupancy {
  /** First sectors of the blocks, ascending, without overlaps. */
  readonly blocks: Uint32Array;
  /** Bytes of a block in the file. */
  readonly footprint: number;
  readonly metadata: readonly Region[];
  /** Where the file ends, but for its footer. */
  readonly end: number;
}

/** The gaps of at least the size of a block, in the order of the file. */
export function freeGaps({ blocks, footprint, metadata, end }: Occupancy): Gap[] {
  const gaps: Gap[] = [];
  let free = 0;
  const occupy = (from: number, to: number) => {
    if (from - free >= footprint) gaps.push({ offset: free, end: from });
    free = Math.max(free, to);
  };
  const structures = metadata.toSorted((a, b) => a.offset - b.offset);
  let next = 0;
  const occupyStructures = (before: number) => {
    for (let each = structures[next]; each && each.offset < before; each = structures[++next]) {
      const from = each.offset - each.offset % SECTOR_SIZE;
      occupy(from, roundUp(each.offset + each.length, SECTOR_SIZE));
    }
  };
  for (const sector of blocks) {
    const offset = sector * SECTOR_SIZE;
    occupyStructures(offset);
    occupy(offset, offset + footprint);
  }
  occupyStructures(end);
  const last = end - end % SECTOR_SIZE;
  occupy(last, last);
  return gaps;
}
