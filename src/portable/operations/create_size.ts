/**
 * How large a new disk is.
 *
 * @module
 */
import { byteCount } from "../../disk/arguments.ts";
import { sizeText } from "../../disk/size.ts";
import { ImageError } from "../file/image_error.ts";

/** The disk that a new one is a copy of. */
export interface SourceDisk {
  /** Bytes, or `undefined` where only its end tells. */
  readonly virtualSize: number | undefined;
  /** Bytes; `undefined` where the source knows nothing of sectors. */
  readonly logicalSectorSize: number | undefined;
}

/** What a format says of sizes, in bytes. */
export interface SizeRules {
  readonly maximum: number;
  /** The disk is a whole number of them. */
  readonly unit: number;
}

/** What is asked for, in bytes. */
export interface SizeRequest {
  readonly path: string;
  readonly size?: number | undefined;
  readonly alignment?: number | undefined;
}

/** What CreateVirtualDisk asks of a size that is chosen; a copy may be as small as its source. */
const MINIMUM_SIZE = 3 * 2 ** 20;

/**
 * The size of a new disk: what is asked for, or the source's, as a whole number of units.
 *
 * @throws {ImageError} `ERROR_INVALID_PARAMETER` for a size that no disk or not this copy can have,
 * `ERROR_VHD_INVALID_SIZE` for one that is too large for the format.
 * @throws {TypeError | RangeError} Where there is no size, or none that is a number of bytes.
 */
export function newDiskSize(
  request: SizeRequest,
  source: SourceDisk | undefined,
  { maximum, unit }: SizeRules,
): number {
  const { path, alignment = unit } = request;
  if (alignment === 0 || alignment % unit !== 0) {
    throw refused(path, `alignment must be a multiple of ${unit}, not ${alignment}`, "alignment");
  }
  const wanted = chosenSize(request, source, unit);
  const size = Math.ceil(wanted / alignment) * alignment;
  if (size <= maximum) return size;
  throw new ImageError("ERROR_VHD_INVALID_SIZE", {
    path,
    reason: `size must be at most ${sizeText(maximum)} in this format, not ${sizeText(size)}`,
    about: ["size"],
  });
}

function chosenSize(
  { path, size }: SizeRequest,
  source: SourceDisk | undefined,
  unit: number,
): number {
  const least = source?.virtualSize;
  if (size === undefined) {
    if (least === undefined) {
      const isStream = source !== undefined;
      const why = isStream
        ? ": a stream does not say how long it is, and this kind of image must know it first"
        : "";
      throw new TypeError(`size is missing${why}`);
    }
    if (least === 0) throw refused(path, "the source is empty", "source");
    return Math.ceil(least / unit) * unit;
  }
  byteCount(size, "size");
  if (size % unit !== 0) throw refused(path, `size must be a multiple of ${unit}, not ${size}`);
  if (size === 0 || size !== least && unit > 1 && size < MINIMUM_SIZE) {
    throw refused(path, `size must be at least ${sizeText(MINIMUM_SIZE)}, not ${sizeText(size)}`);
  }
  if (least !== undefined && size < least) {
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path,
      reason: `size must be at least that of the source, ${least}, not ${size}`,
      causes: ["Leave `size` out, or resize the copy afterwards."],
    });
  }
  return size;
}

function refused(path: string, reason: string, option = "size"): ImageError {
  return new ImageError("ERROR_INVALID_PARAMETER", { path, reason, about: [option] });
}
