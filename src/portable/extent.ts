/**
 * Where the bytes of a disk are, as a caller sees it.
 *
 * @module
 */
import type { ChainExtent } from "./chain_reader.ts";
import type { DiskImage } from "./image.ts";

/** A piece of a disk and where its bytes are. */
export type Extent = FileExtent | ZeroExtent | ParentExtent;

/** Bytes in the image file itself. */
export interface FileExtent {
  /** In this image's own file. */
  kind: "file";
  /** Where the piece begins in the disk, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** The file. */
  path: string;
  /** Where the piece begins in the file, in bytes. */
  fileOffset: number;
}

/** Bytes that are zeros and stored nowhere. */
export interface ZeroExtent {
  /** Stored nowhere. */
  kind: "zero";
  /** Where the piece begins in the disk, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /**
   * `"zero"` where the file says that there are zeros, `"trimmed"` where what was there has been given back:
   * VHDX only. Absent where nothing has ever been written.
   */
  reason?: "zero" | "trimmed";
}

/** Bytes in the file of a parent, or of its parent, and so on. */
export interface ParentExtent {
  /** In a parent. */
  kind: "parent";
  /** Where the piece begins in the disk, in bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** Which file; absent where the disk was opened without its parents. */
  path?: string;
  /** Where the piece begins in that file, in bytes; absent with `path`. */
  fileOffset?: number;
}

/** The caller's view of a piece of a chain. */
export function toExtent(images: readonly DiskImage[], extent: ChainExtent): Extent {
  const { offset, length } = extent;
  switch (extent.kind) {
    case "zero": {
      const { reason } = extent;
      return { kind: "zero", offset, length, ...(reason === undefined ? {} : { reason }) };
    }
    case "absent":
      return { kind: "parent", offset, length };
    case "file":
      return {
        kind: extent.depth === 0 ? "file" : "parent",
        offset,
        length,
        path: images[extent.depth]!.source.path,
        fileOffset: extent.fileOffset,
      };
  }
}
