/**
 * The descriptors of a log entry ([MS-VHDX] 2.3.1.2, 2.3.1.3): each says what a range of the file is to
 * become, 32 bytes, from offset 64 of the entry on without gaps.
 *
 * ```text
 * 0   4  "desc"            or   "zero"
 * 4   4  TrailingBytes           reserved
 * 8   8  LeadingBytes            ZeroLength
 * 16  8  FileOffset              FileOffset
 * 24  8  SequenceNumber          SequenceNumber
 * ```
 *
 * @module
 */
import { hasSignature, viewOf } from "../byte_source.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

/** Bytes of a descriptor. */
export const DESCRIPTOR_LENGTH = 32;
/** Where a data descriptor keeps the last bytes of its page, whose place the sector number takes. */
export const TRAILING_BYTES = { offset: 4, length: 4 } as const;
/** Where a data descriptor keeps the first bytes of its page, whose place the signature takes. */
export const LEADING_BYTES = { offset: 8, length: 8 } as const;
/** Where a descriptor names the range that it is about. */
export const TARGET_OFFSET = 16;

const ZERO_LENGTH = 8;
const SEQUENCE_NUMBER = 24;

/** A page of the file as it is to become. */
export interface LogPage {
  /** In the file, a multiple of 4096. */
  readonly offset: number;
  /** 4096 of them. */
  readonly bytes: Uint8Array;
}

/** A descriptor. */
export interface LogDescriptor {
  readonly kind: "data" | "zero";
  /** The range of the file that is to be replaced: whole pages of 4096 bytes. */
  readonly targetOffset: number;
  /** Bytes; one page for data. */
  readonly targetLength: number;
}

/**
 * Reads the descriptor at `at`.
 *
 * @param sequenceNumber That of the entry, which the descriptor must repeat.
 * @returns `undefined` where it is not valid, so that its entry is not either.
 */
export function decodeDescriptor(
  sector: Uint8Array,
  at: number,
  sequenceNumber: bigint,
): LogDescriptor | undefined {
  const kind = hasSignature(sector, at, "desc")
    ? "data"
    : hasSignature(sector, at, "zero")
    ? "zero"
    : undefined;
  const view = viewOf(sector);
  if (kind === undefined || view.getBigUint64(at + SEQUENCE_NUMBER, true) !== sequenceNumber) {
    return undefined;
  }
  const targetOffset = readUint64(view, at + TARGET_OFFSET);
  const targetLength = kind === "data" ? LOG_SECTOR_SIZE : readUint64(view, at + ZERO_LENGTH);
  return targetOffset % LOG_SECTOR_SIZE === 0 && targetLength % LOG_SECTOR_SIZE === 0
    ? { kind, targetOffset, targetLength }
    : undefined;
}

/** Writes the descriptor of a page at `at`: what its data sector has no room for stands here. */
export function encodeDataDescriptor(
  sector: Uint8Array,
  at: number,
  { offset, bytes }: LogPage,
  sequenceNumber: bigint,
): void {
  const view = viewOf(sector);
  new TextEncoder().encodeInto("desc", sector.subarray(at));
  for (const part of [TRAILING_BYTES, LEADING_BYTES]) {
    const from = part === LEADING_BYTES ? 0 : LOG_SECTOR_SIZE - part.length;
    sector.set(bytes.subarray(from, from + part.length), at + part.offset);
  }
  writeUint64(view, at + TARGET_OFFSET, offset);
  view.setBigUint64(at + SEQUENCE_NUMBER, sequenceNumber, true);
}
