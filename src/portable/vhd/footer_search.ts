/**
 * Which footer of a file to believe: the one at the end if it is good; else, in an image that has one,
 * the copy at offset 0. A crash of another writer may leave no footer at the end; offset 0 of a fixed
 * image, though, holds data of its guest, who may have put a footer there. Where a fixed image was growing,
 * the footer may stand before the room that was added.
 *
 * @module
 */
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { asciiField, type ByteSource, readStructureInto } from "../file/byte_source.ts";
import { damaged, type ImageError } from "../file/image_error.ts";
import {
  checksumMismatch,
  DISK_TYPE,
  FOOTER,
  type Footer,
  FOOTER_COOKIE,
  FOOTER_SIZE,
  footerFault,
  parseFooter,
  type StructureFault,
} from "./footer.ts";
import { SECTOR_SIZE } from "./layout.ts";
import { SPARSE_HEADER_SIZE } from "./sparse_header.ts";

/** Length of the footers of creators older than Virtual PC 2004: the last reserved byte is absent. */
const SHORT_FOOTER_SIZE = 511;

/** The footer that describes an image. */
export interface FoundFooter {
  readonly footer: Footer;
  readonly structure: "footer" | "footer copy";
  /** Where it is in the file. */
  readonly offset: number;
  /** 512 bytes, even where the file has fewer. */
  readonly bytes: Uint8Array;
}

interface Candidate {
  readonly structure: "footer" | "footer copy";
  readonly offset: number;
  /** 512 bytes, even where the file has fewer. */
  readonly bytes: Uint8Array;
  /** Whether a footer may be there; its checksum says whether it is. */
  readonly hasCookie: boolean;
}

/**
 * Finds the footer that describes the image.
 *
 * @throws {ImageError} `ERROR_VHD_DRIVE_FOOTER_MISSING` where there is none,
 * `ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH` where there is none but damaged ones.
 */
export function findFooter(source: ByteSource): FoundFooter {
  return footerOrCopy(source, trailingCandidate(source));
}

/** As {@linkcode findFooter}, if there is a footer's cookie at the end of the file; otherwise `undefined`. */
export function findMarkedFooter(source: ByteSource): FoundFooter | undefined {
  const trailing = trailingCandidate(source);
  return trailing.hasCookie ? footerOrCopy(source, trailing) : undefined;
}

function footerOrCopy(source: ByteSource, trailing: Candidate): FoundFooter {
  const trailingFault = faultOf(trailing);
  if (trailingFault === undefined) return found(trailing);
  const copy = candidateAt(source, 0, "footer copy");
  const copyFault = faultOf(copy);
  if (copyFault === undefined && isSparse(parseFooter(copy.bytes))) return found(copy);
  const stranded = strandedCandidate(source);
  if (stranded !== undefined) return found(stranded);
  const damagedCopy = trailingFault === "cookie" && copyFault === "checksum";
  throw fault(source, damagedCopy ? copy : trailing);
}

/** Whether a footer's cookie stands where a footer or its copy may be; says nothing of their health. */
export function hasFooterCookie(source: ByteSource): boolean {
  return hasPlainFooterCookie(source) || strandedCandidate(source) !== undefined;
}

/** As {@linkcode hasFooterCookie}, without looking all over the file for the footer of one that was growing. */
export function hasPlainFooterCookie(source: ByteSource): boolean {
  if (trailingCandidate(source).hasCookie) return true;
  const copy = candidateAt(source, 0, "footer copy");
  return copy.hasCookie && isSparse(parseFooter(copy.bytes));
}

/**
 * The footer of a fixed image whose growth was cut short (`grow_fixed.ts`): the file has its new length, but
 * ends with zeros, and the footer stands where it ended before.
 */
function strandedCandidate(source: ByteSource): Candidate | undefined {
  const last = source.size - FOOTER_SIZE;
  if (last <= 0 || last % SECTOR_SIZE !== 0) return undefined;
  if (!isAllZero(candidateAt(source, last, "footer").bytes)) return undefined;
  for (let step = SECTOR_SIZE; step <= last; step *= 2) {
    const candidate = candidateAt(source, last - step, "footer");
    if (faultOf(candidate) !== undefined) continue;
    const { diskType, currentSize } = parseFooter(candidate.bytes);
    if (diskType === DISK_TYPE.fixed && currentSize <= candidate.offset) return candidate;
  }
  return undefined;
}

/** The footers of a file that have the cookie, but not the checksum: their fields may be right all the same. */
export function damagedFooters(source: ByteSource): FoundFooter[] {
  return [trailingCandidate(source), candidateAt(source, 0, "footer copy")]
    .filter((candidate) => faultOf(candidate) === "checksum").map(found);
}

function found({ bytes, structure, offset }: Candidate): FoundFooter {
  return { footer: parseFooter(bytes), structure, offset, bytes };
}

function isSparse({ diskType }: Footer): boolean {
  return diskType === DISK_TYPE.dynamic || diskType === DISK_TYPE.differencing;
}

function trailingCandidate(source: ByteSource): Candidate {
  const full = candidateAt(source, Math.max(0, source.size - FOOTER_SIZE), "footer");
  if (full.hasCookie) return full;
  const short = candidateAt(source, Math.max(0, source.size - SHORT_FOOTER_SIZE), "footer");
  return short.hasCookie ? short : full;
}

function candidateAt(
  source: ByteSource,
  offset: number,
  structure: Candidate["structure"],
): Candidate {
  const bytes = new Uint8Array(FOOTER_SIZE);
  const length = Math.min(FOOTER_SIZE, source.size - offset);
  const present = length === FOOTER_SIZE ? bytes : bytes.subarray(0, length);
  readStructureInto(present, source, offset, structure, "ERROR_VHD_METADATA_READ_FAILURE");
  const hasCookie = length >= SHORT_FOOTER_SIZE && FOOTER.hasSignature(bytes);
  return { structure, offset, bytes, hasCookie };
}

function faultOf({ bytes, hasCookie }: Candidate): StructureFault {
  return hasCookie ? footerFault(bytes) : "cookie";
}

function fault(source: ByteSource, candidate: Candidate): ImageError {
  const { bytes, structure, offset } = candidate;
  if (faultOf(candidate) === "checksum") {
    const symbol = "ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH";
    const at = offset + FOOTER.at.checksum;
    const { found, expected } = checksumMismatch(FOOTER, bytes);
    return damaged(source, symbol, structure, at, found, expected);
  }
  return damaged(
    source,
    "ERROR_VHD_DRIVE_FOOTER_MISSING",
    structure,
    offset,
    FOOTER.hasSignature(bytes)
      ? `${source.size} bytes`
      : asciiField(bytes, FOOTER.at.cookie, FOOTER_COOKIE.length),
    `${FOOTER_COOKIE}, the cookie of a footer of ${FOOTER_SIZE} bytes`,
  );
}

/** 2040 GiB: what a block table of 32-bit sector numbers can reach, less what Windows keeps back. */
export const MAX_VIRTUAL_SIZE = 2040 * 2 ** 30;
/** What VHD 1.0 prints as the data offset of a fixed image; everyone writes 64 ones instead. */
const SHORT_ALL_ONES = 0xffff_ffff;

/**
 * Believes a footer, or says which of its fields not to believe.
 *
 * @throws {ImageError} `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION`, `ERROR_VHD_DRIVE_FOOTER_CORRUPT`,
 * `ERROR_VHD_INVALID_SIZE` or `ERROR_VHD_INVALID_FILE_SIZE`.
 */
export function checkFooter(source: ByteSource, found: FoundFooter): void {
  const { footer, structure, offset } = found;
  const { diskType, dataOffset, currentSize } = footer;
  const fail = (
    symbol: ErrorSymbol,
    field: keyof typeof FOOTER.at,
    value: unknown,
    expected: string,
  ) => damaged(source, symbol, structure, offset + FOOTER.at[field], value, expected);

  if (footer.fileFormatVersion >>> 16 !== 1) {
    throw fail(
      "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
      "fileFormatVersion",
      hexadecimal(footer.fileFormatVersion),
      "major version 1, 0x0001....",
    );
  }
  const corrupt = "ERROR_VHD_DRIVE_FOOTER_CORRUPT";
  if (!Object.values<number>(DISK_TYPE).includes(diskType)) {
    throw fail(corrupt, "diskType", diskType, "2 (fixed), 3 (dynamic) or 4 (differencing)");
  }
  if (diskType === DISK_TYPE.fixed) {
    if (dataOffset !== undefined && dataOffset !== SHORT_ALL_ONES) {
      throw fail(corrupt, "dataOffset", dataOffset, "all ones in a fixed image");
    }
  } else if (!isHeaderOffset(dataOffset, source.size)) {
    throw fail(
      corrupt,
      "dataOffset",
      dataOffset ?? "all ones",
      `a multiple of 512 with a sparse header behind it, before the end of file at ${source.size}`,
    );
  }
  if (currentSize === 0 || currentSize % SECTOR_SIZE !== 0 || currentSize > MAX_VIRTUAL_SIZE) {
    throw fail(
      "ERROR_VHD_INVALID_SIZE",
      "currentSize",
      currentSize,
      "a multiple of 512 from 512 bytes to 2040 GiB",
    );
  }
  if (diskType === DISK_TYPE.fixed && currentSize > offset) {
    throw fail(
      "ERROR_VHD_INVALID_FILE_SIZE",
      "currentSize",
      currentSize,
      `at most ${offset}, the bytes before the footer`,
    );
  }
}

/** Whether a sparse header may be there. */
export function isHeaderOffset(offset: number | undefined, fileSize: number): offset is number {
  return offset !== undefined && offset >= SECTOR_SIZE && offset % SECTOR_SIZE === 0 &&
    offset + SPARSE_HEADER_SIZE <= fileSize;
}
