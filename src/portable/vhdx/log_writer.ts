/**
 * Writes entries into the log ([MS-VHDX] 2.3).
 *
 * Every entry is its own tail: before one is written, the pages of the one before are durable in their
 * places. What a crash leaves to replay is therefore a single entry, the last one that is whole, however
 * a reader picks the others.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import {
  type ByteSource,
  fillWithZeros,
  readStructure,
  type WritableSource,
} from "../file/byte_source.ts";
import { LOG_SECTOR_SIZE, MIB } from "./file_map.ts";
import type { HeaderWriter } from "./header.ts";
import { encodeLogEntry, type LogPage } from "./log_entry.ts";
import type { FileSpace } from "./space.ts";

/**
 * As many as the descriptors of one sector, which some readers take for the limit. Two such entries and a
 * spare sector fit into the smallest log, 1 MiB: the next entry never reaches the one that still counts.
 */
export const MAX_PAGES_PER_ENTRY = 126;

/** Where a file has no log at all, it gets one of this length. */
const NEW_LOG_LENGTH = MIB;

/** The log of a file that is open for writing. Begins empty: what there was has been replayed. */
export class LogWriter {
  readonly #file: WritableSource;
  readonly #headers: HeaderWriter;
  readonly #space: FileSpace;
  /** Bytes from the start of the log, less than its length. */
  #position = 0;
  #sequenceNumber = 0n;

  constructor(file: WritableSource, headers: HeaderWriter, space: FileSpace) {
    this.#file = file;
    this.#headers = headers;
    this.#space = space;
  }

  /** Whether the file has a log that counts. */
  get isOpen(): boolean {
    return this.#headers.current.logGuid !== NIL_GUID;
  }

  /**
   * Begins a log of a GUID of its own. Its first entry, an empty one, is durable before the header names
   * the GUID: a log without a valid entry is a damaged file. Both headers name it: where only one did, damage to
   * that one would make the other current, and the log be passed over without a word.
   */
  open(): void {
    const { logOffset, logLength } = this.#headers.current;
    if (logLength > 0) return this.#openAt({ logOffset, logLength });
    this.#space.place(NEW_LOG_LENGTH, ({ offset }) => {
      this.#openAt({ logOffset: offset, logLength: NEW_LOG_LENGTH });
    });
  }

  #openAt(place: { logOffset: number; logLength: number }): void {
    const logGuid = crypto.randomUUID();
    this.#position = 0;
    this.#sequenceNumber = 0n;
    this.#append({ ...place, logGuid }, []);
    this.#file.flush();
    this.#headers.updateBoth({ ...place, logGuid, logVersion: 0 });
  }

  /**
   * Writes an entry, which counts after the next flush. The file's length, and the pages of the entry
   * before, are durable.
   *
   * @param pages At most {@linkcode MAX_PAGES_PER_ENTRY}.
   */
  append(pages: readonly LogPage[]): void {
    this.#append(this.#headers.current, pages);
  }

  /** Declares the log empty. All pages are durable in their places. */
  close(): void {
    this.#headers.updateBoth({ logGuid: NIL_GUID });
  }

  /**
   * Has both headers name another place, durably, so that the old one is free. The log is not open: what lies
   * in the new place is no entry of it, whatever it is, and one that opens has a GUID that nothing there
   * has. It is cleared for the sake of programs that look for entries of any GUID.
   *
   * @param logOffset Where nothing lies, and nothing durable says that something does.
   */
  moveTo(logOffset: number): void {
    fillWithZeros(this.#file, logOffset, this.#headers.current.logLength);
    this.#headers.updateBoth({ logOffset });
  }

  #append(
    { logOffset, logLength, logGuid }: { logOffset: number; logLength: number; logGuid: string },
    pages: readonly LogPage[],
  ): void {
    this.#headers.assertCertain();
    const flushedFileOffset = Math.floor(this.#file.size / MIB) * MIB;
    this.#sequenceNumber++;
    const entry = encodeLogEntry({
      guid: logGuid,
      sequenceNumber: this.#sequenceNumber,
      tail: this.#position,
      flushedFileOffset,
      lastFileOffset: Math.max(flushedFileOffset, this.#space.end),
      pages,
    });
    const beforeEnd = Math.min(entry.length, logLength - this.#position);
    this.#file.writeAt(entry.subarray(0, beforeEnd), logOffset + this.#position);
    if (beforeEnd < entry.length) this.#file.writeAt(entry.subarray(beforeEnd), logOffset);
    this.#position = (this.#position + entry.length) % logLength;
  }
}

// What of a file that is open for writing is changed through the log: the tables, and data where they are
// logged too. A change is seen at once, and published later, many pages together.

const PAGE_SIZE = LOG_SECTOR_SIZE;

/** Reads the file with the changes in it; writes pages that only the log may change. */
export class LoggedPages implements ByteSource {
  readonly #file: WritableSource;
  readonly #log: LogWriter;
  readonly #space: FileSpace;
  /** By page number: changed, not published. */
  readonly #pending = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Of the newest entry: what is durable in the log, and for which there was no room in its place. */
  #unapplied: readonly LogPage[] = [];
  #publications = 0;
  /** Whether data are pending, or in the open log. */
  #hasData = false;

  constructor(file: WritableSource, log: LogWriter, space: FileSpace) {
    this.#file = file;
    this.#log = log;
    this.#space = space;
  }

  get path(): string {
    return this.#file.path;
  }

  get origin(): object | undefined {
    return this.#file.origin;
  }

  get size(): number {
    return this.#file.size;
  }

  /** How often changes have been published. */
  get publications(): number {
    return this.#publications;
  }

  /** Whether there are changes to publish. */
  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const count = this.#file.readAt(buffer, offset);
    if (this.#pending.size > 0) {
      for (const { page, inPage, at, length } of pieces(offset, count)) {
        const changed = this.#pending.get(page);
        if (changed !== undefined) buffer.set(changed.subarray(inPage, inPage + length), at);
      }
    }
    return count;
  }

  /**
   * Makes sure that the next writes, to at most `count` pages, are published by one entry: after a crash
   * all of them are there, or none is.
   */
  reserve(count: number): void {
    if (this.#pending.size + count > MAX_PAGES_PER_ENTRY) this.publish();
  }

  /** Changes a page of a block, all of it. Room for it has been reserved. */
  writeData(page: Uint8Array, offset: number): void {
    this.#pending.set(offset / PAGE_SIZE, new Uint8Array(page));
    this.#hasData = true;
  }

  /** Changes bytes. Room for their pages has been reserved. */
  writeAt(bytes: Uint8Array, offset: number): void {
    for (const { page, inPage, at, length } of pieces(offset, bytes.length)) {
      this.#page(page).set(bytes.subarray(at, at + length), inPage);
    }
  }

  /**
   * Makes all changes durable, and with them everything that has been written to the file before: blocks
   * are there before a table names them.
   */
  publish(): void {
    if (this.#pending.size === 0) return;
    this.#publications++;
    // No entry is written before the pages of the one before are in their places.
    this.#apply(this.#unapplied);
    if (!this.#log.isOpen) this.#log.open();
    this.#space.reach(this.#space.end);
    this.#file.flush();
    const pages = Array.from(this.#pending, ([number, bytes]) => (
      { offset: number * PAGE_SIZE, bytes }
    ));
    this.#log.append(pages);
    this.#file.flush();
    this.#apply(pages);
    this.#pending.clear();
    // What gets a place anew is written there past the log; some readers replay older entries, too.
    if (this.#hasData && this.#space.hasGivenUp) this.#endLog();
    this.#space.reuseGivenUp();
  }

  #apply(pages: readonly LogPage[]): void {
    try {
      for (const { offset, bytes } of pages) this.#file.writeAt(bytes, offset);
      this.#unapplied = [];
    } catch (error) {
      // The pages that wait may change before it is tried again.
      this.#unapplied = pages.map(({ offset, bytes }) => ({ offset, bytes: bytes.slice() }));
      throw error;
    }
  }

  #endLog(): void {
    this.#file.flush();
    this.#log.close();
    this.#hasData = false;
  }

  #page(number: number): Uint8Array<ArrayBuffer> {
    let page = this.#pending.get(number);
    if (page === undefined) {
      page = readStructure(
        this.#file,
        number * PAGE_SIZE,
        PAGE_SIZE,
        "table",
        "ERROR_FILE_CORRUPT",
      );
      this.#pending.set(number, page);
    }
    return page;
  }
}

/** A range, page by page; `at` counts from the start of the range. */
function* pieces(
  offset: number,
  length: number,
): Generator<{ page: number; inPage: number; at: number; length: number }> {
  for (let at = 0; at < length;) {
    const inPage = (offset + at) % PAGE_SIZE;
    const pieceLength = Math.min(length - at, PAGE_SIZE - inPage);
    yield { page: Math.floor((offset + at) / PAGE_SIZE), inPage, at, length: pieceLength };
    at += pieceLength;
  }
}
