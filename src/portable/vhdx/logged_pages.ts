/**
 * What of a file that is open for writing is changed through the log: the tables, and data where they are
 * logged too. A change is seen at once, and published later, many pages together.
 *
 * @module
 */
import { type ByteSource, readStructure, type WritableSource } from "../byte_source.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import type { FileSpace } from "./file_space.ts";
import { type LogWriter, MAX_PAGES_PER_ENTRY } from "./log_writer.ts";

const PAGE_SIZE = LOG_SECTOR_SIZE;

/** Reads the file with the changes in it; writes pages that only the log may change. */
export class LoggedPages implements ByteSource {
  readonly #file: WritableSource;
  readonly #log: LogWriter;
  readonly #space: FileSpace;
  /** By page number: changed, not published. */
  readonly #pending = new Map<number, Uint8Array<ArrayBuffer>>();
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
    if (!this.#log.isOpen) this.#log.open();
    this.#space.reach(this.#space.end);
    this.#file.flush();
    const pages = Array.from(this.#pending, ([number, bytes]) => (
      { offset: number * PAGE_SIZE, bytes }
    ));
    this.#log.append(pages);
    this.#file.flush();
    for (const { offset, bytes } of pages) this.#file.writeAt(bytes, offset);
    this.#pending.clear();
    // What gets a place anew is written there past the log; some readers replay older entries, too.
    if (this.#hasData && this.#space.hasGivenUp) this.#endLog();
    this.#space.reuseGivenUp();
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
