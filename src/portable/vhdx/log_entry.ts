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
import { hasSignature, viewOf } from "../byte_source.ts";
import { damaged, type ImageError } from "../image_error.ts";
import { sealStructure, storedChecksum, structureChecksum } from "./checksum.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import {
  decodeDescriptor,
  DESCRIPTOR_LENGTH,
  encodeDataDescriptor,
  type LogDescriptor,
  type LogPage,
} from "./log_descriptor.ts";
import type { LogRing } from "./log_ring.ts";
import { readUint64, writeUint64 } from "./uint64.ts";

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
