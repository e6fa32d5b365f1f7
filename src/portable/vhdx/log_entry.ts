/**
 * A log entry ([MS-VHDX] 2.3.1): a header, its descriptors, and one data sector for each data
 * descriptor in the same order.
 *
 * ```text
 * header, 64 bytes:                          data sector, 4096 bytes:
 * 0   4  "loge"          24  4   DescriptorCount    0     4     "data"
 * 4   4  Checksum        32  16  LogGuid            4     4     SequenceHigh
 * 8   4  EntryLength     48  8   FlushedFileOffset  8     4084  bytes 8 to 4091 of the page
 * 12  4  Tail            56  8   LastFileOffset     4092  4     SequenceLow
 * 16  8  SequenceNumber
 * ```
 *
 * @module
 */
import { crc32c } from "../../bytes/crc32c.ts";
import { readGuid, writeGuid } from "../../bytes/guid.ts";
import { type ByteSource, hasSignature, readStructure, viewOf } from "../file/byte_source.ts";
import { damaged, type ImageError } from "../file/image_error.ts";
import {
  LOG_SECTOR_SIZE,
  readUint64,
  sealStructure,
  storedChecksum,
  structureChecksum,
  writeUint64,
} from "./file_map.ts";
import type { Header } from "./header.ts";

const ENTRY_HEADER_LENGTH = 64;
const ENTRY_LENGTH = 8;
const TAIL = 12;
const SEQUENCE_NUMBER = 16;
const DESCRIPTOR_COUNT = 24;
const LOG_GUID = 32;
/** Where an entry says how long the file was, on the medium, when the entry was written. */
export const FLUSHED_FILE_OFFSET = 48;
/** Where an entry says how long the file must be for all that is allocated. */
export const LAST_FILE_OFFSET = 56;

const DATA_SEQUENCE_HIGH = 4;
const DATA_SEQUENCE_LOW = 4092;
/** What a data sector holds of its page: all between the two fields. */
const DATA_START = 8;

/** A valid entry. Positions are those of {@linkcode LogRing}. */
export interface LogEntry {
  readonly position: number;
  /** Bytes, whole sectors. */
  readonly length: number;
  /** Position of the oldest entry that is still needed. */
  readonly tail: number;
  readonly sequenceNumber: bigint;
  readonly descriptorCount: number;
  /** Bytes; a shorter file has lost its end. */
  readonly flushedFileOffset: number;
  /** Bytes that the file has after the replay, at least. */
  readonly lastFileOffset: number;
}

/** An entry to be written. */
export interface NewLogEntry
  extends Pick<LogEntry, "tail" | "sequenceNumber" | "flushedFileOffset" | "lastFileOffset"> {
  readonly guid: string;
  readonly pages: readonly LogPage[];
}

/** A descriptor and where it and its data lie. */
export interface LocatedDescriptor extends LogDescriptor {
  /** File offset of the descriptor. */
  readonly at: number;
  /** File offset of its data sector; of no meaning for zeros. */
  readonly dataAt: number;
}

/**
 * Reads the entry at a position, all of it, so that what it says can be relied on.
 *
 * The header is believed no further than each following sector bears it out: a sector within a valid
 * entry begins with "desc", "zero" or "data", never with "loge". Entries therefore do not overlap, and
 * trying every sector of a log reads it no more than a few times, whatever the headers claim.
 *
 * @returns `undefined` where there is no valid entry.
 */
export function readLogEntry(ring: LogRing, position: number): LogEntry | undefined {
  const first = ring.readSector(position);
  const entry = decodeHeader(first, position, ring);
  if (entry === undefined) return undefined;
  const descriptorSectors = descriptorSectorCount(entry);
  let checksum = structureChecksum(first);
  let dataDescriptors = 0;
  for (let i = 0; i < descriptorSectors; i++) {
    const sector = i === 0 ? first : ring.readSector(position + i * LOG_SECTOR_SIZE);
    if (i > 0) checksum = crc32c(sector, checksum);
    for (const at of descriptorOffsets(entry, i)) {
      const descriptor = decodeDescriptor(sector, at, entry.sequenceNumber);
      if (descriptor === undefined) return undefined;
      if (descriptor.kind === "data") dataDescriptors++;
    }
  }
  const sectors = descriptorSectors + dataDescriptors;
  if (entry.length !== sectors * LOG_SECTOR_SIZE) return undefined;
  for (let i = descriptorSectors; i < sectors; i++) {
    const sector = ring.readSector(position + i * LOG_SECTOR_SIZE);
    if (!isDataSector(sector, entry.sequenceNumber)) return undefined;
    checksum = crc32c(sector, checksum);
  }
  return checksum === storedChecksum(first) ? entry : undefined;
}

function decodeHeader(
  sector: Uint8Array,
  position: number,
  ring: LogRing,
): LogEntry | undefined {
  if (!hasSignature(sector, 0, "loge") || readGuid(sector, LOG_GUID) !== ring.guid) {
    return undefined;
  }
  const view = viewOf(sector);
  const entry: LogEntry = {
    position,
    length: view.getUint32(ENTRY_LENGTH, true),
    tail: view.getUint32(TAIL, true),
    sequenceNumber: view.getBigUint64(SEQUENCE_NUMBER, true),
    descriptorCount: view.getUint32(DESCRIPTOR_COUNT, true),
    flushedFileOffset: readUint64(view, FLUSHED_FILE_OFFSET),
    lastFileOffset: readUint64(view, LAST_FILE_OFFSET),
  };
  const valid = entry.length < ring.length && entry.sequenceNumber > 0n &&
    entry.tail % LOG_SECTOR_SIZE === 0 && entry.tail < ring.length;
  return valid ? entry : undefined;
}

/**
 * Reads the header of an entry, be the rest of it whole or not.
 *
 * @returns `undefined` if it is not one of this log.
 */
export function readEntryHeader(ring: LogRing, position: number): LogEntry | undefined {
  return decodeHeader(ring.readSector(position), position, ring);
}

function descriptorSectorCount({ descriptorCount }: Pick<LogEntry, "descriptorCount">): number {
  return Math.ceil((ENTRY_HEADER_LENGTH + descriptorCount * DESCRIPTOR_LENGTH) / LOG_SECTOR_SIZE);
}

/** Where the descriptors begin in the descriptor sector of the given number. */
function* descriptorOffsets({ descriptorCount }: LogEntry, sector: number): Generator<number> {
  const end = ENTRY_HEADER_LENGTH + descriptorCount * DESCRIPTOR_LENGTH - sector * LOG_SECTOR_SIZE;
  const first = sector === 0 ? ENTRY_HEADER_LENGTH : 0;
  for (let at = first; at < Math.min(end, LOG_SECTOR_SIZE); at += DESCRIPTOR_LENGTH) yield at;
}

function isDataSector(sector: Uint8Array, sequenceNumber: bigint): boolean {
  const view = viewOf(sector);
  const high = BigInt(view.getUint32(DATA_SEQUENCE_HIGH, true));
  const low = BigInt(view.getUint32(DATA_SEQUENCE_LOW, true));
  return hasSignature(sector, 0, "data") && ((high << 32n) | low) === sequenceNumber;
}

/** The entry was valid a moment ago: somebody who does not heed locks is writing to the file. */
function changedMeanwhile(ring: LogRing, position: number): ImageError {
  return damaged(
    ring.source,
    "ERROR_FILE_CORRUPT",
    "log descriptor",
    ring.fileOffset(position),
    "a descriptor that has changed since it was first read",
    "a file that nobody writes to",
  );
}

/**
 * The descriptors of a valid entry, the last one first.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where the entry is no longer what it was.
 */
export function* descriptorsFromLast(
  ring: LogRing,
  entry: LogEntry,
): Generator<LocatedDescriptor> {
  let dataPosition = entry.position + entry.length;
  for (let i = descriptorSectorCount(entry) - 1; i >= 0; i--) {
    const position = entry.position + i * LOG_SECTOR_SIZE;
    const sector = ring.readSector(position);
    for (const at of [...descriptorOffsets(entry, i)].reverse()) {
      const descriptor = decodeDescriptor(sector, at, entry.sequenceNumber);
      if (descriptor === undefined) throw changedMeanwhile(ring, position + at);
      if (descriptor.kind === "data") dataPosition -= LOG_SECTOR_SIZE;
      yield {
        ...descriptor,
        at: ring.fileOffset(position + at),
        dataAt: ring.fileOffset(dataPosition),
      };
    }
  }
}

/** The bytes of an entry, checksum included. */
export function encodeLogEntry(entry: NewLogEntry): Uint8Array<ArrayBuffer> {
  const { pages, sequenceNumber } = entry;
  const descriptorSectors = descriptorSectorCount({ descriptorCount: pages.length });
  const bytes = new Uint8Array((descriptorSectors + pages.length) * LOG_SECTOR_SIZE);
  const view = viewOf(bytes);
  new TextEncoder().encodeInto("loge", bytes);
  view.setUint32(ENTRY_LENGTH, bytes.length, true);
  view.setUint32(TAIL, entry.tail, true);
  view.setBigUint64(SEQUENCE_NUMBER, sequenceNumber, true);
  view.setUint32(DESCRIPTOR_COUNT, pages.length, true);
  writeGuid(bytes, LOG_GUID, entry.guid);
  writeUint64(view, FLUSHED_FILE_OFFSET, entry.flushedFileOffset);
  writeUint64(view, LAST_FILE_OFFSET, entry.lastFileOffset);
  for (const [i, page] of pages.entries()) {
    encodeDataDescriptor(
      bytes,
      ENTRY_HEADER_LENGTH + i * DESCRIPTOR_LENGTH,
      page,
      sequenceNumber,
    );
    const at = (descriptorSectors + i) * LOG_SECTOR_SIZE;
    new TextEncoder().encodeInto("data", bytes.subarray(at));
    view.setUint32(at + DATA_SEQUENCE_HIGH, Number(sequenceNumber >> 32n), true);
    bytes.set(page.bytes.subarray(DATA_START, DATA_SEQUENCE_LOW), at + DATA_START);
    view.setUint32(at + DATA_SEQUENCE_LOW, Number(BigInt.asUintN(32, sequenceNumber)), true);
  }
  sealStructure(bytes);
  return bytes;
}

// The descriptors of a log entry ([MS-VHDX] 2.3.1.2, 2.3.1.3): each says what a range of the file is to
// become, 32 bytes, from offset 64 of the entry on without gaps.
//
// ```text
// 0   4  "desc"            or   "zero"
// 4   4  TrailingBytes           reserved
// 8   8  LeadingBytes            ZeroLength
// 16  8  FileOffset              FileOffset
// 24  8  SequenceNumber          SequenceNumber
// ```

/** Bytes of a descriptor. */
export const DESCRIPTOR_LENGTH = 32;
/** Where a data descriptor keeps the last bytes of its page, whose place the sector number takes. */
export const TRAILING_BYTES = { offset: 4, length: 4 } as const;
/** Where a data descriptor keeps the first bytes of its page, whose place the signature takes. */
export const LEADING_BYTES = { offset: 8, length: 8 } as const;
/** Where a descriptor names the range that it is about. */
export const TARGET_OFFSET = 16;

const ZERO_LENGTH = 8;
const LOG_DESCRIPTOR_SEQUENCE_NUMBER = 24;

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
  if (
    kind === undefined ||
    view.getBigUint64(at + LOG_DESCRIPTOR_SEQUENCE_NUMBER, true) !== sequenceNumber
  ) {
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
  view.setBigUint64(at + LOG_DESCRIPTOR_SEQUENCE_NUMBER, sequenceNumber, true);
}

// The log as a ring of sectors ([MS-VHDX] 2.3). Positions are bytes from the start of the log, counted
// on beyond its end where an entry wraps around.

/** Reads the sectors of a log whose place in the file has been checked. */
export class LogRing {
  readonly source: ByteSource;
  /** Entries of any other GUID are not part of the log. */
  readonly guid: string;
  /** Bytes. */
  readonly length: number;
  readonly #offset: number;

  constructor(source: ByteSource, header: Header) {
    this.source = source;
    this.guid = header.logGuid;
    this.length = header.logLength;
    this.#offset = header.logOffset;
  }

  /** Where a position lies in the file. */
  fileOffset(position: number): number {
    return this.#offset + position % this.length;
  }

  /** Whether a range of the file shares bytes with the log. */
  overlaps(offset: number, length: number): boolean {
    return offset < this.#offset + this.length && offset + length > this.#offset;
  }

  /** The sector at a position, which must be a multiple of its size. */
  readSector(position: number): Uint8Array<ArrayBuffer> {
    return readStructure(
      this.source,
      this.fileOffset(position),
      LOG_SECTOR_SIZE,
      "log",
      "ERROR_FILE_CORRUPT",
    );
  }
}
