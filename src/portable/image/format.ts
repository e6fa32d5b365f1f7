/**
 * What compacting an image takes and gives, whatever its format.
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import type { Meter } from "./pace.ts";
import type { DiskImage } from "./image.ts";

/** How an image is compacted. */
export interface Compaction {
  /** The nearest first; none where they are not open: then nothing is compared with them. */
  readonly parents: readonly DiskImage[];
  /** Whether the contents of blocks are looked at. */
  readonly zeroScan: boolean;
  /** Whether blocks move to shorten the file. */
  readonly blockMoves: boolean;
  /** Nothing is written: what would be won is found out. */
  readonly dryRun: boolean;
  readonly meter: Meter;
}

/** What compacting has done, or would do. */
export interface CompactionOutcome {
  /** Of the file afterwards, in bytes. */
  readonly fileSize: number;
  readonly releasedBlocks: number;
  readonly movedBlocks: number;
}

/** Files of a chain, of which some are merged into their ancestor. */
export interface Merging {
  /** What is merged beside `child`, the nearest to the user first. */
  readonly above: readonly ByteSource[];
  /** The last that is merged: the child of `target`. */
  readonly child: WritableSource;
  /** What it is merged into. */
  readonly target: WritableSource;
  /** How large the disk of the parent of `target` is, in bytes; 0 where there is none. */
  readonly targetParentSize: number;
  /** Everything but the data is done, to files that are changed in memory alone. */
  readonly dryRun: boolean;
  readonly meter: Meter;
}
