/**
 * All formats, and which one a file is: by what the caller says, else by what the file holds, else by its
 * extension.
 *
 * @module
 */
import { extname } from "../text/paths.ts";
import type { ByteSource, WritableSource } from "./file/byte_source.ts";
import { ImageError, isUnreadable } from "./file/image_error.ts";
import { foreignFormat } from "./image/foreign_format.ts";
import type { Format, NewImages, OpenDamaged } from "./image/format.ts";
import type { DiskImage, WritableImage } from "./image/image.ts";
import type { Damages } from "./image/tolerant_image.ts";
import { ISO } from "./iso/format.ts";
import { RAW } from "./raw/format.ts";
import { VHD } from "./vhd/format.ts";
import { VHDX } from "./vhdx/format.ts";

/** The formats that the portable backend reads. */
export type ImageFormat = DiskImage["format"];
/** The formats that a file can be seen to have; a raw disk may look like anything. */
export type MarkedFormat = Exclude<ImageFormat, "raw">;

const FORMATS: Readonly<Record<ImageFormat, Format>> = { vhd: VHD, vhdx: VHDX, iso: ISO, raw: RAW };
const MARKED: readonly MarkedFormat[] = ["vhd", "vhdx", "iso"];

/** The format of that name. */
export function formatNamed(name: ImageFormat): Format {
  return FORMATS[name];
}

/** The format of an image. */
export function formatOf({ format }: Pick<DiskImage, "format">): Format {
  return FORMATS[format];
}

/** Parses an image as `format`, or as what it turns out to be. */
export function openImage(source: ByteSource, format?: ImageFormat): DiskImage {
  // Mostly it is what it is called: then no other mark is looked for, whatever there is.
  const promised = format === undefined ? formatOfExtension(source.path) : undefined;
  const image = promised === undefined ? undefined : FORMATS[promised].openMarked?.(source);
  if (image !== undefined) return image;
  const actual = FORMATS[format ?? detectFormat(source)];
  return openAs(source, actual, () => actual.open(source));
}

/**
 * Opens what is left of an image, as `format`, or as what it seems to be.
 *
 * @throws {ImageError} If that cannot be told.
 */
export type OpenDamagedImage = (
  source: ByteSource,
  damages: Damages,
  format?: ImageFormat,
) => DiskImage;

/** Loads what opens damaged images, of whichever format. */
export async function damagedImageOpener(): Promise<OpenDamagedImage> {
  const openers = new Map<ImageFormat, OpenDamaged>();
  for (const name of MARKED) {
    const open = await FORMATS[name].damagedOpener?.();
    if (open !== undefined) openers.set(name, open);
  }
  return (source, damages, format = damagedFormat(source)) =>
    openers.get(format)?.(source, damages) ?? FORMATS[format].open(source);
}

/** By what is left of its marks, or else by its name, unless it is plainly something else. */
function damagedFormat(source: ByteSource): MarkedFormat {
  try {
    return detectFormat(source);
  } catch (error) {
    if (!(error instanceof ImageError) || isUnreadable(error)) throw error;
    const format = MARKED.find((name) => FORMATS[name].matchesWithoutMark?.(source)) ??
      formatOfExtension(source.path);
    if (format === undefined || FORMATS[format].damagedOpener === undefined) throw error;
    const foreign = foreignFormat(source);
    if (foreign !== undefined && foreign.kind !== "raw" && foreign.kind !== "named") throw error;
    return format;
  }
}

/** What does not open as it is called may be something else. */
function openAs<T>(source: ByteSource, format: Format, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof ImageError) || format.matches(source)) throw error;
    const other = MARKED.find((each) => FORMATS[each].matches(source));
    if (other === undefined) throw error;
    throw new ImageError(error.symbol, {
      path: source.path,
      reason: `the file is ${FORMATS[other].title}, not ${format.title}`,
      causes: ["Leave the type out: what the file is, its contents say."],
      cause: error,
    });
  }
}

/**
 * As {@linkcode openImage}, for writing.
 *
 * @throws {ImageError} `ERROR_ACCESS_DENIED` for a format that can only be read.
 */
export function openWritableImage(source: WritableSource, format?: ImageFormat): WritableImage {
  const actual = FORMATS[format ?? detectFormat(source)];
  if (actual.openForWriting !== undefined) {
    return openAs(source, actual, () => actual.openForWriting!(source));
  }
  throw new ImageError("ERROR_ACCESS_DENIED", {
    path: source.path,
    reason: `${actual.title} cannot be opened for writing`,
    causes: ["Leave `readOnly` out; to change what it holds, convert it to a VHD or VHDX."],
  });
}

/** The format of which a file has the mark, but breaks a rule without which it does not open. */
export function brokenFormat(source: ByteSource): MarkedFormat | undefined {
  return MARKED.find((name) => FORMATS[name].openBroken?.(source) !== undefined);
}

/** The format of a device number, or `undefined` where the number is UNKNOWN or not read here. */
export function formatOfDevice(deviceId: number): MarkedFormat | undefined {
  return MARKED.find((name) => FORMATS[name].deviceId === deviceId);
}

/** The format that a file name promises. */
export function formatOfExtension(path: string): MarkedFormat | undefined {
  const extension = extname(path).toLowerCase();
  return MARKED.find((name) => FORMATS[name].extensions.includes(extension));
}

/** A format of which new images can be made. */
export type NewFormat = Exclude<ImageFormat, "iso">;

/** What new images of a format can be. */
export function newImagesOf(name: NewFormat): NewImages {
  return FORMATS[name].newImages!;
}

/** The format that the name of a new file asks for. */
export function newFormatOfExtension(path: string): ImageFormat | undefined {
  const extension = extname(path).toLowerCase();
  const isNamed = ({ newImages }: Format) => newImages?.extensions.includes(extension) === true;
  return isNamed(RAW) ? "raw" : formatOfExtension(path);
}

function matchesPlainly(source: ByteSource, name: MarkedFormat): boolean {
  const format = FORMATS[name];
  return format.matchesPlainly?.(source) ?? format.matches(source);
}

/** A mark in an unusual place counts if there is no other, or if the file is called so. */
function marksOf(source: ByteSource, promised: MarkedFormat | undefined): MarkedFormat[] {
  const plain = MARKED.filter((name) => matchesPlainly(source, name));
  const mayBeElsewhere = promised !== undefined && !plain.includes(promised) &&
    FORMATS[promised].matchesPlainly !== undefined;
  if (plain.length > 0 && !mayBeElsewhere) return plain;
  return MARKED.filter((name) => FORMATS[name].matches(source));
}

/**
 * The contents decide. Where they fit several formats (a fixed VHD holds whatever its user puts at
 * offset 0), the extension does; where it does not help either, nothing is guessed.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT`, `ERROR_VHD_FORMAT_UNKNOWN` or
 * `ERROR_VIRTDISK_PROVIDER_NOT_FOUND` where it cannot be told.
 */
export function detectFormat(source: ByteSource): MarkedFormat {
  const promised = formatOfExtension(source.path);
  // Whatever other marks there are.
  if (promised !== undefined && matchesPlainly(source, promised)) return promised;
  const found = marksOf(source, promised);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (promised !== undefined && found.includes(promised)) return promised;
  if (found.length > 1) {
    throw new ImageError("ERROR_FILE_CORRUPT", {
      path: source.path,
      reason: `the file has the signatures of several formats: ${found.join(", ")}`,
      causes: ["Say which it is: pass the `type` option."],
    });
  }
  const symbol = promised === undefined
    ? "ERROR_VIRTDISK_PROVIDER_NOT_FOUND"
    : FORMATS[promised].unmarked;
  const foreign = foreignFormat(source);
  throw new ImageError(symbol, {
    path: source.path,
    reason: foreign === undefined
      ? "the file has no signature of a VHD, VHDX or ISO image"
      : `the file is ${foreign.name}, not a VHD, VHDX or ISO image`,
    ...(foreign === undefined ? {} : { causes: [foreign.advice] }),
  });
}
