/**
 * What merging takes, whatever the format of the images.
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../byte_source.ts";
import type { Meter } from "./meter.ts";

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
