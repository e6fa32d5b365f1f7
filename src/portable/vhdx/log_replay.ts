/**
 * Replays a log in memory ([MS-VHDX] 2.3.3), for readers that may not or must not write to the file.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import { damaged, damagedField, ImageError } from "../file/image_error.ts";
import { LOG_SECTOR_SIZE, MAX_FILE_SIZE, REGION_TABLE_OFFSETS } from "./file_map.ts";
import type { Header } from "./header.ts";
import {
  DATA_DESCRIPTOR,
  descriptorsFromLast,
  type LocatedDescriptor,
  LOG_HEADER,
  type LogEntry,
  LogRing,
  readEntryHeader,
  readLogEntry,
  ZERO_DESCRIPTOR,
} from "./log_entry.ts";
import { ReplayedSource, ReplayOverlay } from "./replayed_source.ts";

/** What a log may name is the tables of the file; a hostile one must not take unbounded memory. */
const MAX_ZERO_RANGES = 65536;
/** A replay must never change the identifier or the headers, which are not protected by the log. */
const FIRST_TARGET = REGION_TABLE_OFFSETS[0];
/** What can be done about a log that cannot be replayed whole. */
export const LOG_REMEDIES: readonly string[] = [
  "Restore the file from a copy made before.",
  "On a copy of the damaged file, checkVirtualDisk(path, { repair: true, discardDamagedLog: true }) replays " +
  "the entries before the damage and discards the rest: the disk is then as it was some time before.",
];

/**
 * The file as its log leaves it.
 *
 * @param header The current header, with a log GUID.
 * @throws {ImageError} `ERROR_FILE_CORRUPT` if the log holds no valid sequence or an entry of it is damaged,
 * the file is shorter than it was when the log was written, or the log names a place that it may not touch.
 */
export function replayLog(source: ByteSource, header: Header): ReplayedSource {
  const ring = new LogRing(source, header);
  const contents = searchLog(ring);
  const { active } = contents;
  if (active === undefined) throw noSequence(ring, contents);
  if (isDamaged(contents)) throw damagedEntry(ring, contents.newest);
  const replayed = replay(ring, active);
  const overwritten = overwrittenBy(ring, active);
  if (overwritten !== undefined && !replayed.isInPlace()) throw appliedEntry(ring, overwritten);
  return replayed;
}

/** What is to be done about a log of which an entry is damaged. */
export interface LogDamage {
  /** What {@linkcode replayLog} throws. */
  readonly error: ImageError;
  /** The file with the entries before the damaged one replayed; absent if it has all of them already. */
  readonly replayed: ReplayedSource | undefined;
}

/**
 * Whether entries of a log are damaged, so that not all of it can be replayed.
 *
 * @param header The current header, with a log GUID.
 * @throws {ImageError} As {@linkcode replayLog}, for what is no damage of an entry.
 */
export function findLogDamage(source: ByteSource, header: Header): LogDamage | undefined {
  const ring = new LogRing(source, header);
  const contents = searchLog(ring);
  const { active } = contents;
  if (active === undefined) return { error: noSequence(ring, contents), replayed: undefined };
  const replayed = replay(ring, active);
  if (isDamaged(contents)) {
    const { newest } = contents;
    // Before it was written, all that came before its tail was in its place.
    const isPending = active.some(({ position }) => position === newest.tail);
    return { error: damagedEntry(ring, newest), replayed: isPending ? replayed : undefined };
  }
  const overwritten = overwrittenBy(ring, active);
  if (overwritten === undefined || replayed.isInPlace()) return undefined;
  return { error: appliedEntry(ring, overwritten), replayed: undefined };
}

/**
 * Whether valid entries with higher numbers lie behind the active sequence, so that one between was lost. It
 * is no crash that left it: a writer makes an entry durable before it writes the next, as this one and
 * QEMU do; what else a writer might do, the file cannot say, and to replay less than the log holds would
 * show the disk as it was at some time before.
 */
function isDamaged(contents: LogContents): contents is LogContents & { newest: LogEntry } {
  const last = contents.active?.at(-1)?.sequenceNumber ?? 0n;
  return contents.newest !== undefined && contents.newest.sequenceNumber > last;
}

/**
 * The entry behind the sequence that a crash seems to have torn, if it says that nothing before it was
 * pending: then all that the sequence changes was durable in its place before it was written.
 */
function overwrittenBy(ring: LogRing, active: readonly LogEntry[]): LogEntry | undefined {
  const last = active.at(-1);
  if (last === undefined) return undefined;
  const position = (last.position + last.length) % ring.length;
  const torn = readEntryHeader(ring, position);
  const isNext = torn?.sequenceNumber === last.sequenceNumber + 1n;
  return isNext && torn.tail === position ? torn : undefined;
}

/** The file as a sequence leaves it. */
function replay(ring: LogRing, sequence: readonly LogEntry[]): ReplayedSource {
  const { source } = ring;
  const last = sequence.at(-1);
  if (last !== undefined && last.flushedFileOffset > source.size) {
    throw damagedField(
      source,
      "ERROR_FILE_CORRUPT",
      LOG_HEADER.place("flushedFileOffset", ring.fileOffset(last.position)),
      `flushed file offset ${last.flushedFileOffset}`,
      `at most the file's ${source.size} bytes`,
    );
  }
  const limit = targetLimit(ring, sequence);
  const overlay = new ReplayOverlay();
  let size = Math.max(source.size, last?.lastFileOffset ?? 0);
  for (const entry of [...sequence].reverse()) {
    for (const descriptor of descriptorsFromLast(ring, entry)) {
      assertTarget(ring, descriptor, limit);
      const { kind, targetOffset, targetLength } = descriptor;
      if (kind === "data") overlay.addPage(targetOffset, descriptor);
      else overlay.addZeros(targetOffset, targetLength);
      if (overlay.zeroRangeCount > MAX_ZERO_RANGES) {
        throw descriptorError(
          ring,
          descriptor,
          0,
          `more than ${MAX_ZERO_RANGES} separate ranges of zeros`,
          "fewer",
        );
      }
      size = Math.max(size, targetOffset + targetLength);
    }
  }
  return new ReplayedSource(source, overlay, size);
}

/** No sequence is valid: if there is a valid entry, the one that is missing is damaged. */
function noSequence(ring: LogRing, { newest }: LogContents): ImageError {
  if (newest !== undefined) return damagedEntry(ring, newest);
  return logError(
    ring,
    "log",
    ring.fileOffset(0),
    `no valid entry of log ${ring.guid}`,
    "a sequence of them, as the header says that the log is in use",
  );
}

/** The first entry that the newest one needs, and that is not there. */
function damagedEntry(ring: LogRing, newest: LogEntry): ImageError {
  let position = newest.tail;
  let previous: LogEntry | undefined;
  let entry = readLogEntry(ring, position);
  while (entry !== undefined && (previous === undefined || follows(previous, entry))) {
    position = (position + entry.length) % ring.length;
    previous = entry;
    entry = readLogEntry(ring, position);
  }
  return logError(
    ring,
    "log entry",
    ring.fileOffset(position),
    entry === undefined ? "a damaged entry" : `entry ${entry.sequenceNumber}`,
    `${
      previous === undefined ? "a valid one" : `entry ${previous.sequenceNumber + 1n}`
    }, which entry ` +
      `${newest.sequenceNumber} of the same log, behind it, needs`,
  );
}

function follows(previous: LogEntry, { sequenceNumber }: LogEntry): boolean {
  return sequenceNumber === previous.sequenceNumber + 1n;
}

function appliedEntry(ring: LogRing, { position, sequenceNumber }: LogEntry): ImageError {
  return logError(
    ring,
    "log entry",
    ring.fileOffset(position),
    `a damaged entry ${sequenceNumber}`,
    "a valid one, for the file has changes in it that are newer than those of the entries before",
  );
}

function logError(
  { source: { path } }: LogRing,
  structure: string,
  offset: number,
  found: string,
  expected: string,
): ImageError {
  return new ImageError("ERROR_FILE_CORRUPT", {
    path,
    detail: { structure, offset, found, expected },
    causes: LOG_REMEDIES,
  });
}

/** The end of everything that the sequence may touch. */
function targetLimit(ring: LogRing, sequence: readonly LogEntry[]): number {
  let limit = ring.source.size;
  for (const { position, lastFileOffset } of sequence) {
    if (lastFileOffset > MAX_FILE_SIZE) {
      throw damagedField(
        ring.source,
        "ERROR_FILE_CORRUPT",
        LOG_HEADER.place("lastFileOffset", ring.fileOffset(position)),
        `last file offset ${lastFileOffset}`,
        `at most ${MAX_FILE_SIZE}`,
      );
    }
    limit = Math.max(limit, lastFileOffset);
  }
  return limit;
}

function assertTarget(ring: LogRing, descriptor: LocatedDescriptor, limit: number): void {
  const { kind, targetOffset, targetLength } = descriptor;
  if (targetOffset < FIRST_TARGET) {
    throw descriptorError(
      ring,
      descriptor,
      DATA_DESCRIPTOR.at.targetOffset,
      `target ${targetOffset}`,
      `${FIRST_TARGET} or more, behind the headers`,
    );
  }
  if (targetOffset + targetLength > limit) {
    throw descriptorError(
      ring,
      descriptor,
      kind === "zero" ? ZERO_DESCRIPTOR.at.zeroLength : DATA_DESCRIPTOR.at.targetOffset,
      `${targetLength} bytes at ${targetOffset}`,
      `an end at ${limit} or before`,
    );
  }
  if (ring.overlaps(targetOffset, targetLength)) {
    throw descriptorError(
      ring,
      descriptor,
      DATA_DESCRIPTOR.at.targetOffset,
      `${targetLength} bytes at ${targetOffset}`,
      "a range outside the log",
    );
  }
}

function descriptorError(
  { source }: LogRing,
  { at }: LocatedDescriptor,
  field: number,
  found: string,
  expected: string,
): ImageError {
  const structure = DATA_DESCRIPTOR.type;
  return damaged(source, "ERROR_FILE_CORRUPT", structure, at + field, found, expected);
}

// Finds the entries of a log that count ([MS-VHDX] 2.3.2): the valid sequence with the greatest
// number. A log also holds entries of earlier laps, and possibly one that was being written when the
// writer died.

/** What a log holds. */
export interface LogContents {
  /**
   * The active sequence, from its oldest needed entry (the last one's tail) on: what a replay applies;
   * `undefined` if no sequence is valid.
   */
  readonly active: readonly LogEntry[] | undefined;
  /** The valid entry with the greatest number, be it part of a valid sequence or not. */
  readonly newest: LogEntry | undefined;
}

/** Reads all of a log. */
export function searchLog(ring: LogRing): LogContents {
  let active: readonly LogEntry[] | undefined;
  let newest: LogEntry | undefined;
  let start = 0;
  // Each start lies behind the one before; the lap is over when the next would be at or before it.
  for (;;) {
    const { entries, length } = readSequence(ring, start);
    const needed = neededEntries(entries);
    if (needed !== undefined && lastNumber(needed) > lastNumber(active)) active = needed;
    if (lastNumber(entries) > (newest?.sequenceNumber ?? 0n)) newest = entries.at(-1);
    // The specification goes on one sector after the start of a sequence that is not valid. What would
    // begin inside it is a shorter sequence with the same last entry, which lacks that entry's tail
    // too: leaving those out changes nothing and keeps the search linear.
    const next = (start + Math.max(length, LOG_SECTOR_SIZE)) % ring.length;
    if (next <= start) return { active, newest };
    start = next;
  }
}

/**
 * The entries from a position on, for as long as each is valid and numbered one above the last. As
 * entries do not overlap, a sequence ends at its own start at the latest.
 */
function readSequence(ring: LogRing, start: number): { entries: LogEntry[]; length: number } {
  const entries: LogEntry[] = [];
  let length = 0;
  while (length < ring.length) {
    const entry = readLogEntry(ring, (start + length) % ring.length);
    const previous = entries.at(-1);
    if (
      entry === undefined ||
      (previous !== undefined && entry.sequenceNumber !== previous.sequenceNumber + 1n)
    ) break;
    entries.push(entry);
    length += entry.length;
  }
  return { entries, length };
}

/** From the last entry's tail on; `undefined` where that is not an entry of the sequence. */
function neededEntries(entries: readonly LogEntry[]): readonly LogEntry[] | undefined {
  const tail = entries.at(-1)?.tail;
  const first = entries.findIndex(({ position }) => position === tail);
  return first < 0 ? undefined : entries.slice(first);
}

function lastNumber(entries: readonly LogEntry[] | undefined): bigint {
  return entries?.at(-1)?.sequenceNumber ?? 0n;
}
