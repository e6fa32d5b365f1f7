/**
 * ISO images: the user data of an optical disc, sector after sector, without any header. What makes one
 * is what Windows asks of it: its length, and a volume identifier in sector 16.
 *
 * @module
 */
import { bytesText } from "../../text/digits.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import { asciiField, type ByteSource } from "../file/byte_source.ts";
import type { DiskImage, ImageExtent, IsoVolume } from "../image/image.ts";
import { ImageError } from "../file/image_error.ts";
import { foreignFormat } from "../image/foreign_format.ts";
import { describeVolume } from "./iso_volume.ts";
import { promisedIsoEnd } from "./promised_end.ts";
import {
  descriptorAt,
  FIRST_DESCRIPTOR_OFFSET,
  HIGH_SIERRA_IDENTIFIER,
  SECTOR_SIZE,
  STANDARD_IDENTIFIERS,
} from "./iso9660.ts";

/** The system area and one descriptor. */
export const MINIMUM_SIZE = FIRST_DESCRIPTOR_OFFSET + SECTOR_SIZE;
/** The bytes that hold an identifier, at 1 or, in High Sierra, at 9. */
const IDENTIFIER_AREA = { offset: FIRST_DESCRIPTOR_OFFSET + 1, length: 13 };

/** An ISO image, which can only be read. */
export class IsoImage implements DiskImage {
  readonly format = "iso";
  readonly subtype = "unknown";
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize = 0;
  readonly logicalSectorSize = SECTOR_SIZE;
  readonly physicalSectorSize = SECTOR_SIZE;
  readonly identifier = undefined;
  readonly virtualDiskId = undefined;
  readonly parent = undefined;
  #volume: IsoVolume | undefined;

  /** Made by {@linkcode openIso}. */
  constructor(source: ByteSource) {
    this.source = source;
    this.virtualSize = source.size;
  }

  /** What the disk holds; read from the file the first time it is asked for. */
  get volume(): IsoVolume {
    return this.#volume ??= describeVolume(this.source);
  }

  extent(offset: number, end: number): ImageExtent {
    return { kind: "file", offset, length: end - offset, fileOffset: offset };
  }

  is4kAligned(): boolean {
    return true;
  }
}

/** Whether a file has the length and the volume identifier of an ISO image. */
export function isIso(source: ByteSource): boolean {
  return lengthViolation(source) === undefined && hasIsoIdentifier(source);
}

/**
 * Opens an ISO image. Only sector 16 is read.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where the file is no ISO image; the reason says what it is
 * instead, where that can be told.
 */
export function openIso(source: ByteSource): IsoImage {
  const violation = lengthViolation(source) ??
    (hasIsoIdentifier(source) ? undefined : identifierViolation(source));
  if (violation === undefined) return new IsoImage(source);
  const { cause, ...detail } = violation;
  if (hasIsoIdentifier(source)) {
    throw new ImageError("ERROR_FILE_CORRUPT", { path: source.path, ...oddLength(source), detail });
  }
  const foreign = foreignFormat(source);
  throw new ImageError("ERROR_FILE_CORRUPT", {
    path: source.path,
    reason: foreign === undefined ? undefined : `the file is not an ISO image but ${foreign.name}`,
    causes: [foreign?.advice ?? cause],
    detail,
  });
}

/** A rule of OpenVirtualDisk for ISO images that a file breaks. */
interface Violation {
  readonly structure: string;
  readonly offset: number;
  readonly found: string;
  readonly expected: string;
  readonly cause: string;
}

function lengthViolation(source: ByteSource): Violation | undefined {
  const { size } = source;
  const end = { structure: "end of the image file", offset: size, found: `${size} bytes` };
  if (size < MINIMUM_SIZE) {
    return {
      ...end,
      expected: `at least ${MINIMUM_SIZE} bytes`,
      cause: "The file is cut off or is not an ISO image.",
    };
  }
  if (size % SECTOR_SIZE !== 0) {
    return {
      ...end,
      expected: `a multiple of ${SECTOR_SIZE} bytes`,
      cause: "The file is cut off, has something appended to it, or is not an ISO image.",
    };
  }
  return undefined;
}

/** What the length of a file that holds a volume comes from. */
function oddLength(source: ByteSource): { reason: string; causes: string[] } {
  const { end } = promisedIsoEnd(source);
  const difference = bytesText(Math.abs(end - source.size));
  return source.size < end
    ? {
      reason: `the image is cut off: ${difference} ${
        end - source.size === 1 ? "is" : "are"
      } missing`,
      causes: ["Copy or download it again."],
    }
    : {
      reason: `the volume ends ${difference} before the file`,
      causes: ["Something was appended: cut the file to the end of its volume, or copy it again."],
    };
}

/** Whether a file has a volume identifier, whatever its length. */
export function hasIsoIdentifier(source: ByteSource): boolean {
  return descriptorAt(source, FIRST_DESCRIPTOR_OFFSET) !== undefined;
}

function identifierViolation(source: ByteSource): Violation {
  const area = new Uint8Array(IDENTIFIER_AREA.length);
  source.readAt(area, IDENTIFIER_AREA.offset);
  return {
    structure: "volume identifier in sector 16",
    offset: IDENTIFIER_AREA.offset,
    found: asciiField(area, 0, area.length),
    expected: `one of ${STANDARD_IDENTIFIERS.join(", ")}, or ${HIGH_SIERRA_IDENTIFIER} at offset ` +
      `${IDENTIFIER_AREA.offset + 8}`,
    cause: isAllZero(area)
      ? "The sector holds zeros: the file was not written or downloaded completely."
      : "The file holds no CDFS or UDFS volume.",
  };
}
