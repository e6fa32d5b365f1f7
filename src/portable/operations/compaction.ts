/**
 * What compacting an image takes and gives, whatever its format.
 *
 * @module
 */
import type { DiskImage } from "../image.ts";
import type { Meter } from "./meter.ts";

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
