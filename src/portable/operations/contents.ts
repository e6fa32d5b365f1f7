/**
 * What a file holds, told by its contents alone: those of other programs and those that are damaged too.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import { brokenFormat, detectFormat, formatOfExtension, type MarkedFormat } from "../formats.ts";
import { type ForeignFormat, foreignFormat } from "../image/foreign_format.ts";
import { ImageError, isUnreadable } from "../file/image_error.ts";
import { type RawDisk, rawDiskIn } from "../partitions/raw_disk.ts";

/** What a file holds. */
export interface Contents {
  /** The format that the file has, or is called by; absent if neither tells. */
  readonly format?: MarkedFormat;
  /** Whether the contents have the mark of that format; else it is only the name that says so. */
  readonly isMarked: boolean;
  /** What the file is instead. */
  readonly foreign?: ForeignFormat;
  /** The partition table with which it begins, without the mark of any format. */
  readonly rawDisk?: RawDisk;
}

/**
 * Looks at the marks of all formats.
 *
 * @throws {ImageError} If the file cannot be read.
 */
export function contentsOf(file: ByteSource): Contents {
  const format = markOf(file);
  if (format !== undefined) return { format, isMarked: true };
  const named = formatOfExtension(file.path);
  const name = named === undefined ? {} : { format: named };
  const foreign = foreignFormat(file);
  // The first bytes of a VHD whose mark is not whole: it is no foreign file.
  if (foreign?.kind === "named") return { format: "vhd", isMarked: false };
  if (foreign !== undefined) return { ...name, isMarked: false, foreign };
  const rawDisk = rawDiskIn(file);
  return { ...name, isMarked: false, ...(rawDisk === undefined ? {} : { rawDisk }) };
}

function markOf(file: ByteSource): Contents["format"] {
  try {
    return detectFormat(file);
  } catch (error) {
    if (!(error instanceof ImageError) || isUnreadable(error)) throw error;
    // Marks of several formats, or none; the length of an ISO image is not looked at here.
    return brokenFormat(file);
  }
}
