/**
 * Finds the entries of a log that count ([MS-VHDX] 2.3.2): the valid sequence with the greatest
 * number. A log also holds entries of earlier laps, and possibly one that was being written when the
 * writer died.
 *
 * @module
 */
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import { type LogEntry, readLogEntry } from "./log_entry.ts";
import type { LogRing } from "./log_ring.ts";

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
