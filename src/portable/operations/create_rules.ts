/**
 * The rules of CreateVirtualDisk that need no file: defaults, limits and which options go together.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/ns-virtdisk-create_virtual_disk_parameters}
 * @module
 */
import { nearSizeText, sizeText } from "../../disk/size.ts";
import { byteCount } from "../../disk/arguments.ts";
import type { OperationOptions } from "../../disk/progress.ts";
import { extname } from "../../text/paths.ts";
import type { SourceDisk, SourceRequest } from "./copy_source.ts";
import { type NewFormat, newFormatOfExtension, newImagesOf } from "../formats.ts";
import type { NewImages } from "../image/format.ts";
import { type DiskImage, diskItems, type ImageSpec, type ParentSpec } from "../image/image.ts";
import { ImageError } from "../file/image_error.ts";

/** A disk that a caller wants; what is absent or `undefined` has its default. */
export interface NewDisk {
  readonly path: string;
  readonly type?: NewFormat | undefined;
  readonly subtype?: ImageSpec["subtype"] | undefined;
  readonly size?: number | undefined;
  readonly blockSize?: number | undefined;
  readonly sectorSize?: number | undefined;
  readonly physicalSectorSize?: number | undefined;
  readonly parent?: string | undefined;
  readonly identifier?: string | undefined;
  /** A whole number of so many bytes is made of the size. */
  readonly alignment?: number | undefined;
}

/** What a caller wants to be created, how and from what. */
export interface CreateRequest extends NewDisk, OperationOptions {
  readonly source?: SourceRequest | undefined;
  /** Whether a file of that name is replaced. */
  readonly overwrite: boolean;
  /** Whether it is replaced although it is an image with children, or that cannot be found out. */
  readonly ignoreChildren: boolean;
  /** Whether all of a fixed disk is written, so that its file has no holes. */
  readonly preallocate: boolean;
}

/** What kind of image is made: decided once, before anything is opened. */
export interface NewKind {
  readonly format: NewFormat;
  readonly rules: NewImages;
  readonly subtype: ImageSpec["subtype"];
}

/**
 * Decides what kind of image to make.
 *
 * @throws {ImageError} `ERROR_INVALID_PARAMETER` if nothing says which, or what is said does not go together.
 */
export function kindToCreate(request: NewDisk): NewKind {
  const { path, subtype, parent, identifier } = request;
  const format = formatToCreate(request);
  const rules = newImagesOf(format);
  const [byDefault] = rules.subtypes;
  const actual = subtype ?? (parent === undefined ? byDefault! : "differencing");
  if ((actual === "differencing") !== (parent !== undefined)) {
    throw refused(path, "a differencing disk has a parent, and no other kind does", [
      actual === "differencing"
        ? "Say which image it is based on: pass `parent`."
        : "Leave `subtype` or `parent` out.",
    ]);
  }
  if (!rules.subtypes.includes(actual)) {
    throw refused(path, `a ${format} disk image is ${rules.subtypes.join(" or ")}`, [
      "Leave `subtype` out.",
    ]);
  }
  if (rules.identifier === "none" && identifier !== undefined) {
    throw refused(path, `a ${format} disk image has no identifier`, ["Leave `identifier` out."]);
  }
  return { format, rules, subtype: actual };
}

function formatToCreate({ path, type }: Pick<NewDisk, "path" | "type">): NewFormat {
  if (type !== undefined) return type;
  const format = newFormatOfExtension(path);
  if (format !== undefined && format !== "iso") return format;
  const given = extname(path) === "" ? "none" : JSON.stringify(extname(path));
  throw refused(
    path,
    `the extension must be .vhd, .vhdx, .avhd, .avhdx, .raw or .img to say what to make, not ${given}`,
    ['Name the file so, or say what to make: { type: "vhdx" }.'],
  );
}

/**
 * Applies the defaults and limits of the format.
 *
 * @param parent Of a differencing disk.
 * @param source The disk that the new one is a copy of.
 */
export function imageSpec(
  request: NewDisk,
  { rules, subtype }: NewKind,
  parent: { readonly image: DiskImage; readonly spec: ParentSpec } | undefined,
  source: SourceDisk | undefined,
): ImageSpec {
  const { path } = request;
  const inherited = parent?.image;
  const logicalSectorSize = choose(
    path,
    "sectorSize",
    request.sectorSize,
    inherited?.logicalSectorSize ?? sectorSizeOfCopy(request, rules, source) ?? 512,
    inherited === undefined ? rules.sectorSizes : [inherited.logicalSectorSize],
  );
  const physicalSectorSize = choose(
    path,
    "physicalSectorSize",
    request.physicalSectorSize,
    inherited?.physicalSectorSize ?? rules.defaultPhysicalSectorSize,
    inherited === undefined ? rules.physicalSectorSizes : [inherited.physicalSectorSize],
  );
  const virtualSize = inherited === undefined
    ? newDiskSize(request, source, rules, rules.sectorSizes.length === 0 ? 1 : logicalSectorSize)
    : inheritSize(request, inherited);
  const blockSize = subtype === "fixed"
    ? choose(
      path,
      "blockSize of a fixed disk",
      request.blockSize,
      rules.fixedBlockSize(virtualSize),
      [],
    )
    : choose(
      path,
      "blockSize",
      request.blockSize,
      rules.defaultBlockSize(inherited),
      rules.blockSizes,
    );
  return {
    subtype,
    virtualSize,
    blockSize,
    logicalSectorSize,
    physicalSectorSize,
    identifier: request.identifier ?? inheritedIdentifier(rules, inherited) ?? crypto.randomUUID(),
    parent: parent?.spec,
    items: inherited === undefined ? [] : diskItems(inherited),
  };
}

/** What is on a disk counts in its sectors: a copy with others would hold the same bytes to no use. */
function sectorSizeOfCopy(
  { path, sectorSize }: NewDisk,
  { sectorSizes }: NewImages,
  source: SourceDisk | undefined,
): number | undefined {
  const own = source?.logicalSectorSize;
  if (own === undefined || sectorSizes.length === 0 || sectorSizes.includes(own)) return own;
  if (sectorSize !== undefined) return undefined;
  throw refused(path, `the source has sectors of ${own} bytes, which the format does not`, [
    "Choose VHDX, or pass `sectorSize` to copy the bytes all the same.",
  ]);
}

function inheritedIdentifier(
  { identifier }: NewImages,
  parent: DiskImage | undefined,
): string | undefined {
  return identifier === "inherited" ? parent?.virtualDiskId : undefined;
}

function choose(
  path: string,
  name: string,
  wanted: number | undefined,
  byDefault: number,
  allowed: readonly number[],
): number {
  if (wanted === undefined) return byDefault;
  byteCount(wanted, name);
  if (allowed.includes(wanted)) return wanted;
  const rule = allowed.length === 0
    ? "cannot be chosen here"
    : `must be ${rangeText(allowed)}, not ${sizeText(wanted)}`;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: `${name} ${rule}`,
    about: [name.split(" ")[0]!],
  });
}

/** Few values one by one, many as what lies between. */
function rangeText(allowed: readonly number[]): string {
  const [first, ...others] = allowed.map(sizeText);
  return others.length < 3
    ? [first, ...others].join(" or ")
    : `a power of two from ${first} to ${others.at(-1)}`;
}

/** What CreateVirtualDisk asks of a size that is chosen; a copy may be as small as its source. */
const MINIMUM_SIZE = 3 * 2 ** 20;

/**
 * The size of a new disk: what is asked for, or the source's, as a whole number of units.
 *
 * @param unit Bytes.
 * @throws {ImageError} `ERROR_INVALID_PARAMETER` for a size that no disk or not this copy can have,
 * `ERROR_VHD_INVALID_SIZE` for one that is too large for the format.
 * @throws {TypeError | RangeError} Where there is no size, or none that is a number of bytes.
 */
function newDiskSize(
  request: NewDisk,
  source: SourceDisk | undefined,
  { maximumSize }: NewImages,
  unit: number,
): number {
  const { path, alignment = unit } = request;
  if (alignment === 0 || alignment % unit !== 0) {
    throw refusedOption(
      path,
      `alignment must be a multiple of ${unit}, not ${alignment}`,
      "alignment",
    );
  }
  const wanted = chosenSize(request, source, unit);
  const size = Math.ceil(wanted / alignment) * alignment;
  if (size <= maximumSize) return size;
  throw new ImageError("ERROR_VHD_INVALID_SIZE", {
    path,
    reason: `size must be at most ${sizeText(maximumSize)} in this format, not ${sizeText(size)}`,
    about: ["size"],
  });
}

function chosenSize(
  { path, size }: NewDisk,
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
    if (least === 0) throw refusedOption(path, "the source is empty", "source");
    return Math.ceil(least / unit) * unit;
  }
  byteCount(size, "size");
  if (size % unit !== 0) {
    throw refused(path, `size must be a multiple of ${unit}, not ${size}`, [
      nearSizeText(size, unit),
    ]);
  }
  if (size === 0 || size !== least && unit > 1 && size < MINIMUM_SIZE) {
    throw refusedOption(
      path,
      `size must be at least ${sizeText(MINIMUM_SIZE)}, not ${sizeText(size)}`,
    );
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

function refusedOption(path: string, reason: string, option = "size"): ImageError {
  return new ImageError("ERROR_INVALID_PARAMETER", { path, reason, about: [option] });
}

function inheritSize({ path, size }: NewDisk, parent: DiskImage): number {
  if (size !== undefined) {
    throw refused(path, "a differencing disk has its parent's size", ["Leave `size` out."]);
  }
  return parent.virtualSize;
}

function refused(path: string, reason: string, causes?: readonly string[]): ImageError {
  return new ImageError("ERROR_INVALID_PARAMETER", { path, reason, causes });
}
