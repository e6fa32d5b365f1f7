/**
 * Replays a log in memory ([MS-VHDX] 2.3.3), for readers that may not or must not write to the file.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import { damaged, type ImageError } from "../image_error.ts";
import { MAX_FILE_SIZE, REGION_TABLE_OFFSETS } from "./file_map.ts";
import type { Header } from "./header.ts";
import { LEADING_BYTES, TARGET_OFFSET } from "./log_descriptor.ts";
import {
  descriptorsFromLast,
  FLUSHED_FILE_OFFSET,
  LAST_FILE_OFFSET,
  type LocatedDescriptor,
  type LogEntry,
} from "./log_entry.ts";
import { LogRing } from "./log_ring.ts";
import { findActiveSequence } from "./log_sequence.ts";
import { ReplayedSource, ReplayOverlay } from "./replayed_source.ts";

/** What a log may name is the tables of the file; a hostile one must not take unbounded memory. */
const MAX_ZERO_RANGES = 65536;
/** A replay must never change the identifier or the headers, which are not protected by the log. */
const FIRST_TARGET = REGION_TABLE_OFFSETS[0];

/**
 * The file as its log leaves it.
 *
 * @param header The current header, with a log GUID.
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where the log holds no valid sequence, the file is shorter
 * than it was when the log was written, or the log names a place that it may not touch.
 */
export function replayLog(source: ByteSource, header: Header): ReplayedSource {
  const ring = new LogRing(source, header);
  const sequence = findActiveSequence(ring);
  const last = sequence?.at(-1);
  if (sequence === undefined || last === undefined) {
    throw damaged(
      source,
      "ERROR_FILE_CORRUPT",
      "log",
      header.logOffset,
      `no valid sequence of entries of log ${header.logGuid}`,
      "one",
    );
  }
  if (last.flushedFileOffset > source.size) {
    throw damaged(
      source,
      "ERROR_FILE_CORRUPT",
      "log entry header",
      ring.fileOffset(last.position) + FLUSHED_FILE_OFFSET,
      `flushed file offset ${last.flushedFileOffset}`,
      `at most the file's ${source.size} bytes`,
    );
  }
  const limit = targetLimit(ring, sequence);
  const overlay = new ReplayOverlay();
  let size = Math.max(source.size, last.lastFileOffset);
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

/** The end of everything that the sequence may touch. */
function targetLimit(ring: LogRing, sequence: readonly LogEntry[]): number {
  let limit = ring.source.size;
  for (const { position, lastFileOffset } of sequence) {
    if (lastFileOffset > MAX_FILE_SIZE) {
      throw damaged(
        ring.source,
        "ERROR_FILE_CORRUPT",
        "log entry header",
        ring.fileOffset(position) + LAST_FILE_OFFSET,
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
      TARGET_OFFSET,
      `target ${targetOffset}`,
      `${FIRST_TARGET} or more, behind the headers`,
    );
  }
  if (targetOffset + targetLength > limit) {
    throw descriptorError(
      ring,
      descriptor,
      kind === "zero" ? LEADING_BYTES.offset : TARGET_OFFSET,
      `${targetLength} bytes at ${targetOffset}`,
      `an end at ${limit} or before`,
    );
  }
  if (ring.overlaps(targetOffset, targetLength)) {
    throw descriptorError(
      ring,
      descriptor,
      TARGET_OFFSET,
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
  return damaged(source, "ERROR_FILE_CORRUPT", "log descriptor", at + field, found, expected);
}
