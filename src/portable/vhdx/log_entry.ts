/**
 * A log entry ([MS-VHDX] 2.3.1): a header, its descriptors, and one data sector for each data
 * descriptor in the same order.
 *
 * @module
 */
import { bigU64, guid, raw, u32, u64, type ValueOf } from "../../bytes/codec.ts";
import { crc32c } from "../../bytes/crc32.ts";
import { computed, layout, reserved, signature } from "../../bytes/layout.ts";
import { type ByteSource, readStructure, viewOf } from "../file/byte_source.ts";
import { damaged, type ImageError } from "../file/image_error.ts";
import { LOG_SECTOR_SIZE, sealed, structureChecksum } from "./file_map.ts";
import type { Header } from "./header.ts";

/** What an entry begins with. */
export const LOG_HEADER = layout("log entry header", { size: 64, endian: "little" }, {
  signature: [0, signature("loge")],
  checksum: [4, computed(u32)],
  /** Bytes, whole sectors. */
  length: [8, u32],
  /** Position of the oldest entry that is still needed. */
  tail: [12, u32],
  sequenceNumber: [16, bigU64],
  descriptorCount: [24, u32],
  reserved: [28, reserved(4)],
  logGuid: [32, guid],
  /** How long the file was, on the medium, when the entry was written; a shorter file has lost its end. */
  flushedFileOffset: [48, u64],
  /** Bytes that the file has after the replay, at least: all that is allocated. */
  lastFileOffset: [56, u64],
});

/** A data sector: the page, but for the bytes that its descriptor holds. */
const LOG_DATA = layout("log data", { size: LOG_SECTOR_SIZE, endian: "little" }, {
  signature: [0, signature("data")],
  sequenceHigh: [4, u32],
  bytes: [8, raw(4084)],
  sequenceLow: [4092, u32],
});

/** What a data sector holds of its page: the descriptor holds what is before and behind. */
const DATA_START = LOG_DATA.at.bytes;
const DATA_END = LOG_DATA.at.sequenceLow;

/** A valid entry. Positions are those of {@linkcode LogRing}. */
export interface LogEntry extends Omit<ValueOf<typeof LOG_HEADER>, "logGuid"> {
  readonly position: number;
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
  return checksum === LOG_HEADER.get(first, "checksum") ? entry : undefined;
}

function decodeHeader(
  sector: Uint8Array,
  position: number,
  ring: LogRing,
): LogEntry | undefined {
  if (!LOG_HEADER.hasSignature(sector)) return undefined;
  const { logGuid, ...header } = LOG_HEADER.unpack(sector);
  if (logGuid !== ring.guid) return undefined;
  const entry: LogEntry = { position, ...header };
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
  return Math.ceil((LOG_HEADER.size + descriptorCount * DATA_DESCRIPTOR.size) / LOG_SECTOR_SIZE);
}

/** Where the descriptors begin in the descriptor sector of the given number. */
function* descriptorOffsets({ descriptorCount }: LogEntry, sector: number): Generator<number> {
  const end = LOG_HEADER.size + descriptorCount * DATA_DESCRIPTOR.size - sector * LOG_SECTOR_SIZE;
  const first = sector === 0 ? LOG_HEADER.size : 0;
  for (let at = first; at < Math.min(end, LOG_SECTOR_SIZE); at += DATA_DESCRIPTOR.size) yield at;
}

function isDataSector(sector: Uint8Array, sequenceNumber: bigint): boolean {
  if (!LOG_DATA.hasSignature(sector)) return false;
  const high = BigInt(LOG_DATA.get(sector, "sequenceHigh"));
  const low = BigInt(LOG_DATA.get(sector, "sequenceLow"));
  return ((high << 32n) | low) === sequenceNumber;
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
  const { pages, sequenceNumber, guid: logGuid, ...fields } = entry;
  const descriptorCount = pages.length;
  const descriptorSectors = descriptorSectorCount({ descriptorCount });
  const length = (descriptorSectors + pages.length) * LOG_SECTOR_SIZE;
  const bytes = new Uint8Array(length);
  const view = viewOf(bytes);
  LOG_HEADER.write(view, 0, { ...fields, length, sequenceNumber, descriptorCount, logGuid });
  const sequenceHigh = Number(sequenceNumber >> 32n);
  const sequenceLow = Number(BigInt.asUintN(32, sequenceNumber));
  for (const [i, { offset: targetOffset, bytes: page }] of pages.entries()) {
    const leadingBytes = page.subarray(0, DATA_START);
    const trailingBytes = page.subarray(DATA_END);
    const descriptor = { leadingBytes, trailingBytes, targetOffset, sequenceNumber };
    DATA_DESCRIPTOR.write(view, LOG_HEADER.size + i * DATA_DESCRIPTOR.size, descriptor);
    const data = { sequenceHigh, bytes: page.subarray(DATA_START, DATA_END), sequenceLow };
    LOG_DATA.write(view, (descriptorSectors + i) * LOG_SECTOR_SIZE, data);
  }
  return sealed(LOG_HEADER, bytes);
}

// The descriptors of a log entry ([MS-VHDX] 2.3.1.2, 2.3.1.3): each says what a range of the file is to
// become, 32 bytes, behind the header of the entry without gaps.

/** A page of the file is replaced. What its data sector has no room for stands here. */
export const DATA_DESCRIPTOR = layout("log descriptor", { size: 32, endian: "little" }, {
  signature: [0, signature("desc")],
  /** The last bytes of the page, whose place the sequence number takes. */
  trailingBytes: [4, raw(4)],
  /** The first bytes of the page, whose place the signature takes. */
  leadingBytes: [8, raw(8)],
  targetOffset: [16, u64],
  /** That of the entry. */
  sequenceNumber: [24, bigU64],
});
/** A range of the file becomes zeros. */
export const ZERO_DESCRIPTOR = layout("log descriptor", { size: 32, endian: "little" }, {
  signature: [0, signature("zero")],
  reserved: [4, reserved(4)],
  zeroLength: [8, u64],
  targetOffset: [16, u64],
  sequenceNumber: [24, bigU64],
});

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
  const isData = DATA_DESCRIPTOR.hasSignature(sector, at);
  if (!isData && !ZERO_DESCRIPTOR.hasSignature(sector, at)) return undefined;
  if (DATA_DESCRIPTOR.get(sector, "sequenceNumber", at) !== sequenceNumber) return undefined;
  const targetOffset = DATA_DESCRIPTOR.get(sector, "targetOffset", at);
  const targetLength = isData ? LOG_SECTOR_SIZE : ZERO_DESCRIPTOR.get(sector, "zeroLength", at);
  return targetOffset % LOG_SECTOR_SIZE === 0 && targetLength % LOG_SECTOR_SIZE === 0
    ? { kind: isData ? "data" : "zero", targetOffset, targetLength }
    : undefined;
}

/** A page, of what its data sector and its descriptor hold of it. */
export function loggedPage(descriptor: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(data);
  page.set(DATA_DESCRIPTOR.get(descriptor, "leadingBytes"), 0);
  page.set(DATA_DESCRIPTOR.get(descriptor, "trailingBytes"), DATA_END);
  return page;
}

// The log as a ring of sectors ([MS-VHDX] 2.3). Positions are bytes from the start of the log, counted
// on beyond its end where an entry wraps around.

/** So much of a log is read at once: whoever looks for entries looks at every sector, and a read costs more than a copy. */
const PIECE = 16 * LOG_SECTOR_SIZE;

/** Reads the sectors of a log whose place in the file has been checked. */
export class LogRing {
  readonly source: ByteSource;
  /** Entries of any other GUID are not part of the log. */
  readonly guid: string;
  /** Bytes. */
  readonly length: number;
  readonly #offset: number;
  /** What was read last, and its position. */
  #piece = new Uint8Array();
  #start = 0;

  constructor(source: ByteSource, header: Pick<Header, "logGuid" | "logLength" | "logOffset">) {
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

  /** The sector at a position, which must be a multiple of its size; not to be changed. */
  readSector(position: number): Uint8Array<ArrayBuffer> {
    const inLog = position % this.length;
    const inPiece = inLog - this.#start;
    if (inPiece < 0 || inPiece >= this.#piece.length) {
      this.#piece = readStructure(
        this.source,
        this.fileOffset(inLog),
        Math.min(PIECE, this.length - inLog),
        "log",
        "ERROR_FILE_CORRUPT",
      );
      this.#start = inLog;
      return this.#piece.subarray(0, LOG_SECTOR_SIZE);
    }
    return this.#piece.subarray(inPiece, inPiece + LOG_SECTOR_SIZE);
  }
}
