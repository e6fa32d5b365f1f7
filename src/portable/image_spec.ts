/**
 * What a new, empty image is to be: every default chosen, every limit checked, so that the formats only
 * write it down.
 *
 * @module
 */

import type { CopyableItem } from "./metadata_item.ts";

/** The parent of a new differencing image. */
export interface ParentSpec {
  /** What the child knows it by: VHD unique id, or VHDX data write GUID. */
  readonly identifier: string;
  /** From the child's folder, in Windows notation: `.\base.vhdx`, `..\images\base.vhdx`. */
  readonly relativePath: string | undefined;
  /** A drive or UNC path; only a child made on Windows has one. */
  readonly absolutePath: string | undefined;
}

/** A new image. Sizes are bytes. */
export interface ImageSpec {
  readonly subtype: "fixed" | "dynamic" | "differencing";
  readonly virtualSize: number;
  /** 0 for a fixed VHD, which has no blocks. */
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  /** VHD: the unique id; VHDX: the virtual disk id (page 83). */
  readonly identifier: string;
  /** Differencing images only. */
  readonly parent: ParentSpec | undefined;
  /** VHDX: metadata items that come from another file, where there are any. */
  readonly items?: readonly CopyableItem[];
}
