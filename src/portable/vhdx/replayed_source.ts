/**
 * A file as it will be once its log has been replayed; the file itself stays as it is.
 *
 * @module
 */
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import { DATA_DESCRIPTOR, loggedPage } from "./log_entry.ts";

const PAGE_SIZE = LOG_SECTOR_SIZE;

/** Where the log keeps a page: file offsets of the descriptor and of the data sector. */
export interface LoggedPage {
  readonly at: number;
  readonly dataAt: number;
}

/** What a replay puts over the file. Only places are kept, not the bytes, which stay in the log. */
export class ReplayOverlay {
  /** By page number. A page here is above any zeros. */
  readonly #pages = new Map<number, LoggedPage>();
  readonly #zeros = new RangeUnion();
  #start = Number.MAX_SAFE_INTEGER;
  #end = 0;

  /** How many separate ranges of zeros there are. */
  get zeroRangeCount(): number {
    return this.#zeros.count;
  }

  /** Puts a page under everything that is there: to be called from the last descriptor to the first. */
  addPage(offset: number, page: LoggedPage): void {
    const number = offset / PAGE_SIZE;
    if (this.#pages.has(number) || this.#zeros.has(offset)) return;
    this.#pages.set(number, page);
    this.#include(offset, PAGE_SIZE);
  }

  /** Puts zeros under everything that is there. Whole pages. */
  addZeros(offset: number, length: number): void {
    this.#zeros.add(offset, offset + length);
    this.#include(offset, length);
  }

  /** Where the overlay covers something: everything outside is the file's. */
  covers(offset: number, length: number): boolean {
    return offset < this.#end && offset + length > this.#start;
  }

  /** What lies over the page that begins at `offset`; `undefined` where the file shows through. */
  page(offset: number): LoggedPage | "zero" | undefined {
    return this.#pages.get(offset / PAGE_SIZE) ?? (this.#zeros.has(offset) ? "zero" : undefined);
  }

  /** The pages, and where in the file each is to be. */
  *pages(): Generator<[offset: number, page: LoggedPage]> {
    for (const [number, page] of this.#pages) yield [number * PAGE_SIZE, page];
  }

  /** The ranges that the overlay covers; a page may lie within zeros. */
  *ranges(): Generator<{ offset: number; length: number }> {
    for (const [start, end] of this.#zeros) yield { offset: start, length: end - start };
    for (const number of this.#pages.keys()) {
      yield { offset: number * PAGE_SIZE, length: PAGE_SIZE };
    }
  }

  #include(offset: number, length: number): void {
    this.#start = Math.min(this.#start, offset);
    this.#end = Math.max(this.#end, offset + length);
  }
}

/** Reads the file through the overlay. */
export class ReplayedSource implements ByteSource {
  readonly path: string;
  readonly origin: object | undefined;
  /** Bytes; what the file has not yet reads as zeros. */
  readonly size: number;
  readonly #file: ByteSource;
  readonly #overlay: ReplayOverlay;

  constructor(file: ByteSource, overlay: ReplayOverlay, size: number) {
    this.path = file.path;
    this.origin = file.origin;
    this.size = size;
    this.#file = file;
    this.#overlay = overlay;
  }

  /** Where the replay changes the file: nowhere else do the two differ, but for the file's length. */
  replayedRanges(): Iterable<{ offset: number; length: number }> {
    return this.#overlay.ranges();
  }

  /** Whether the replay puts something over the page that begins at `offset`. */
  replacesPage(offset: number): boolean {
    return this.#overlay.page(offset) !== undefined;
  }

  /** Whether it may put something over a part of the range. */
  mayReplace(offset: number, length: number): boolean {
    return this.#overlay.covers(offset, length);
  }

  /** Whether the file has all logged pages in their places already; zeros are not looked at. */
  isInPlace(): boolean {
    const present = new Uint8Array(PAGE_SIZE);
    for (const [offset, page] of this.#overlay.pages()) {
      present.fill(0, this.#file.readAt(present, offset));
      const wanted = this.#readPage(page);
      if (wanted.some((byte, i) => byte !== present[i])) return false;
    }
    return true;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(buffer.length, this.size - offset));
    const bytes = buffer.subarray(0, length);
    bytes.fill(0, this.#file.readAt(bytes, offset));
    if (this.#overlay.covers(offset, length)) this.#overlayPages(bytes, offset);
    return length;
  }

  #overlayPages(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    for (let start = offset - offset % PAGE_SIZE; start < end; start += PAGE_SIZE) {
      const page = this.#overlay.page(start);
      if (page === undefined) continue;
      const from = Math.max(start, offset);
      const to = Math.min(start + PAGE_SIZE, end);
      if (page === "zero") {
        bytes.fill(0, from - offset, to - offset);
      } else {
        bytes.set(this.#readPage(page).subarray(from - start, to - start), from - offset);
      }
    }
  }

  /** The log holds the first and the last bytes of a page in its descriptor. */
  #readPage({ at, dataAt }: LoggedPage): Uint8Array {
    const code = "ERROR_FILE_CORRUPT";
    const data = readStructure(this.#file, dataAt, PAGE_SIZE, "log data", code);
    const { size, type } = DATA_DESCRIPTOR;
    return loggedPage(readStructure(this.#file, at, size, type, code), data);
  }
}

/** A set of byte ranges that melt together where they meet or overlap. */

/** Ranges in order, none touching the next. */
export class RangeUnion {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** How many separate ranges there are. */
  get count(): number {
    return this.#starts.length;
  }

  /** Start and end (exclusive) of each, in order. */
  *[Symbol.iterator](): Generator<readonly [number, number]> {
    for (const [i, start] of this.#starts.entries()) yield [start, this.#ends[i]!];
  }

  /** Adds the bytes from `start` to `end` (exclusive). */
  add(start: number, end: number): void {
    if (start >= end) return;
    // All ranges from `first` to `last` (exclusive) meet or overlap the new one.
    const first = countBelow(this.#ends, start);
    const last = countBelow(this.#starts, end + 1);
    const from = first < last ? Math.min(start, this.#starts[first]!) : start;
    const to = first < last ? Math.max(end, this.#ends[last - 1]!) : end;
    this.#starts.splice(first, last - first, from);
    this.#ends.splice(first, last - first, to);
  }

  /** Whether the byte at `offset` is in the set. */
  has(offset: number): boolean {
    const index = countBelow(this.#starts, offset + 1) - 1;
    return index >= 0 && offset < this.#ends[index]!;
  }
}

/** How many of the ascending `values` are below `limit`. */
function countBelow(values: readonly number[], limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
