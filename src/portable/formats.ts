/**
 * Which format a file is: by what the caller says, else by what the file holds, else by its extension.
 *
 * @module
 */
import { extname } from "@std/path";
import { VIRTUAL_STORAGE_TYPE_DEVICE } from "../constants.ts";
import type { ErrorSymbol } from "../errors/codes.ts";
import type { ByteSource, WritableSource } from "./file/byte_source.ts";
import { foreignFormat } from "./image/foreign_format.ts";
import type { DiskImage, ImageOrigin, WritableImage } from "./image/image.ts";
import { ImageError } from "./file/image_error.ts";
import { isIso, openIso } from "./iso/iso_image.ts";
import { isoOrigin } from "./iso/origin.ts";
import { openRaw, openWritableRaw } from "./raw/raw_image.ts";
import { isVhd, openVhd, openWritableVhd, vhdOrigin } from "./vhd/open.ts";
import { resizeVhd } from "./vhd/resize.ts";
import { readCreator } from "./vhdx/file_map.ts";
import { type NewSize, resizeVhdx } from "./vhdx/resize.ts";
import { isVhdx, openVhdx } from "./vhdx/image.ts";
import { openWritableVhdx } from "./vhdx/writable_image.ts";

/** The formats that the portable backend reads. */
export type ImageFormat = DiskImage["format"];

/** The formats that a file can be seen to have; a raw disk may look like anything. */
type SignedFormat = Exclude<ImageFormat, "raw">;

interface FormatReader {
  /** Whether the file has the format's signature; says nothing of its health. */
  isFormat(source: ByteSource): boolean;
  open(source: ByteSource): DiskImage;
  /** Absent where images of the format can only be read. */
  readonly openWritable?: (source: WritableSource) => WritableImage;
  /** Absent where disks of the format keep their size. */
  readonly resize?: (source: WritableSource, size: NewSize) => void;
  /** Who made an image that opens, and when. */
  origin(source: ByteSource): ImageOrigin;
  readonly deviceId: number;
  /** Lower case. `.avhd` and `.avhdx` are differencing images of the same formats. */
  readonly extensions: readonly string[];
  /** What a file of that extension, but without the signature, gives. */
  readonly missing: ErrorSymbol;
}

const READERS: Record<SignedFormat, FormatReader> = {
  vhd: {
    isFormat: isVhd,
    open: openVhd,
    openWritable: openWritableVhd,
    resize: (source, { virtualSize }) => resizeVhd(source, virtualSize),
    origin: vhdOrigin,
    deviceId: VIRTUAL_STORAGE_TYPE_DEVICE.VHD,
    extensions: [".vhd", ".avhd"],
    missing: "ERROR_VHD_FORMAT_UNKNOWN",
  },
  vhdx: {
    isFormat: isVhdx,
    open: openVhdx,
    openWritable: openWritableVhdx,
    resize: resizeVhdx,
    origin: vhdxOrigin,
    deviceId: VIRTUAL_STORAGE_TYPE_DEVICE.VHDX,
    extensions: [".vhdx", ".avhdx"],
    missing: "ERROR_VHD_FORMAT_UNKNOWN",
  },
  iso: {
    isFormat: isIso,
    open: openIso,
    origin: isoOrigin,
    deviceId: VIRTUAL_STORAGE_TYPE_DEVICE.ISO,
    extensions: [".iso"],
    missing: "ERROR_FILE_CORRUPT",
  },
};
const FORMATS = Object.keys(READERS) as SignedFormat[];
/** Of new files alone: one that exists is taken for a raw disk only if the caller says so. */
const RAW_EXTENSIONS: readonly string[] = [".raw", ".img"];

/** What to do about an image that can only be read. */
const READ_ONLY_FORMAT = [
  "Leave `readOnly` out; to change what it holds, convert it to a VHD or VHDX.",
];

/** Parses an image as `format`, or as what it turns out to be. */
export function openImage(source: ByteSource, format?: ImageFormat): DiskImage {
  if (format === "raw") return openRaw(source);
  const actual = format ?? detectFormat(source);
  return openAs(source, actual, () => READERS[actual].open(source));
}

/** What does not open as it is called may be something else. */
function openAs<T>(source: ByteSource, format: SignedFormat, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof ImageError) || READERS[format].isFormat(source)) throw error;
    const other = FORMATS.find((each) => READERS[each].isFormat(source));
    if (other === undefined) throw error;
    throw new ImageError(error.symbol, {
      path: source.path,
      reason: `the file is ${imageOf(other)}, not ${imageOf(format)}`,
      causes: ["Leave the type out: what the file is, its contents say."],
      cause: error,
    });
  }
}

function imageOf(format: SignedFormat): string {
  return `${format === "iso" ? "an" : "a"} ${format.toUpperCase()} image`;
}

/**
 * As {@linkcode openImage}, for writing.
 *
 * @throws {ImageError} `ERROR_ACCESS_DENIED` for a format that can only be read.
 */
export function openWritableImage(source: WritableSource, format?: ImageFormat): WritableImage {
  if (format === "raw") return openWritableRaw(source);
  const actual = format ?? detectFormat(source);
  const { openWritable } = READERS[actual];
  if (openWritable !== undefined) return openAs(source, actual, () => openWritable(source));
  throw new ImageError("ERROR_ACCESS_DENIED", {
    path: source.path,
    reason: `an ${actual.toUpperCase()} image cannot be opened for writing`,
    causes: READ_ONLY_FORMAT,
  });
}

/**
 * Gives the disk in a file another size; what is added reads as zeros.
 *
 * @param source As a clean close left it; it is left so again.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` where the kind of disk cannot have that size. The disk has
 * the old size or the new one then.
 */
export function resizeImage(source: WritableSource, format: ImageFormat, size: NewSize): void {
  if (format === "raw") {
    source.truncate(size.virtualSize);
    return source.flush();
  }
  const { resize } = READERS[format];
  if (resize !== undefined) return resize(source, size);
  throw new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: source.path,
    reason: `an ${format.toUpperCase()} image cannot be resized`,
  });
}

/** Who made an image, and when, as far as it says so itself. */
export function originOf({ format, source }: DiskImage): ImageOrigin {
  return format === "raw" ? {} : READERS[format].origin(source);
}

function vhdxOrigin(source: ByteSource): ImageOrigin {
  const creator = readCreator(source);
  return creator === "" ? {} : { creator };
}

/** The format of a device number, or `undefined` where the number is UNKNOWN or not read here. */
export function formatOfDevice(deviceId: number): SignedFormat | undefined {
  return FORMATS.find((format) => READERS[format].deviceId === deviceId);
}

/** The format that a file name promises. */
export function formatOfExtension(path: string): SignedFormat | undefined {
  const extension = extname(path).toLowerCase();
  return FORMATS.find((format) => READERS[format].extensions.includes(extension));
}

/** The error of a file that is called by a format and has not its mark. */
export function missingMark(format: SignedFormat): ErrorSymbol {
  return READERS[format].missing;
}

/** The format that the name of a new file asks for. */
export function newFormatOfExtension(path: string): ImageFormat | undefined {
  return RAW_EXTENSIONS.includes(extname(path).toLowerCase()) ? "raw" : formatOfExtension(path);
}

/**
 * The contents decide. Where they fit several formats (a fixed VHD holds whatever its user puts at
 * offset 0), the extension does; where it does not help either, nothing is guessed.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT`, `ERROR_VHD_FORMAT_UNKNOWN` or
 * `ERROR_VIRTDISK_PROVIDER_NOT_FOUND` where it cannot be told.
 */
export function detectFormat(source: ByteSource): SignedFormat {
  const found = FORMATS.filter((format) => READERS[format].isFormat(source));
  const promised = formatOfExtension(source.path);
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
    : READERS[promised].missing;
  const foreign = foreignFormat(source);
  throw new ImageError(symbol, {
    path: source.path,
    reason: foreign === undefined
      ? "the file has no signature of a VHD, VHDX or ISO image"
      : `the file is ${foreign.name}, not a VHD, VHDX or ISO image`,
    ...(foreign === undefined ? {} : { causes: [foreign.advice] }),
  });
}
