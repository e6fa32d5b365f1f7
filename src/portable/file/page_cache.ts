/**
 * A bounded cache over the tables of an image (block tables, bitmaps), so that opening reads only what
 * is needed and memory does not grow with the disk.
 *
 * @module
 */
import { isEqual } from "../../bytes/equal.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { type ByteSource, viewOf } from "./byte_source.ts";
import { damaged } from "./image_error.ts";

const PAGE_LENGTH = 4096;
/** Bytes per image: the whole table of a 2040 GiB VHD, or 16 TiB of VHDX with 32 MiB blocks. */
const CAPACITY = 4 * 2 ** 20;
/** So many reads that follow on make a walk: an extent alone looks no further. */
const READS_IN_ORDER = 8;
/** A power of two: where pages are found that were used lately, by the last bits of their numbers. */
const SLOTS = 1024;

/** A part of the file. */
interface Page {
  readonly number: number;
  /** Fewer than a page has where the file ends. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Whether it has been used again since it was loaded, or since it was last spared. */
  isUsed: boolean;
}

/** What is read at once. */
export interface Paging {
  /** Bytes: a power of two. Default: 4096. */
  readonly pageLength?: number;
  /** Default: each page is read when it is asked for. */
  readonly readAhead?: ReadAhead;
}

/** How many pages are read at once where many have followed each other: of what changes only by those who tell the cache. */
interface ReadAhead {
  readonly pages: number;
  /** Where in the file the table ends. */
  readonly end: number;
}

/** Reads numbers of a table by their offset in the file. */
export class PageCache {
  /** Bytes of a page. */
  readonly pieceLength: number;
  readonly #source: ByteSource;
  readonly #structure: string;
  readonly #code: ErrorSymbol;
  readonly #readAhead: ReadAhead | undefined;
  /** The number of the page that was read last, and how many reads in a row have followed on. */
  #lastRead = -Infinity;
  #inOrder = 0;
  /** In the order in which they were loaded or spared, the oldest first. */
  readonly #pages = new Map<number, Page>();
  /** To be found without a search. */
  #slots: (Page | undefined)[] = [];

  /**
   * @param structure Names the table in errors.
   * @param code The error of a table that the file is too short for.
   */
  constructor(
    source: ByteSource,
    structure: string,
    code: ErrorSymbol,
    { pageLength = PAGE_LENGTH, readAhead }: Paging = {},
  ) {
    this.pieceLength = pageLength;
    this.#readAhead = readAhead;
    this.#source = source;
    this.#structure = structure;
    this.#code = code;
  }

  /** The page that the byte at `offset` is in, which the file has. It begins at a multiple of its length. */
  piece(offset: number): Uint8Array {
    return this.#pageWith(offset, 1).bytes;
  }

  /** `offset` must be a multiple of 4. */
  uint32(offset: number, littleEndian: boolean): number {
    return this.#pageWith(offset, 4).view.getUint32(offset % this.pieceLength, littleEndian);
  }

  /** How many words from `offset`, a multiple of 4, on are equal, to the end of the page that it lies in. */
  equalWords(offset: number): number {
    const { bytes, view } = this.#pageWith(offset, 4);
    const start = offset % this.pieceLength;
    const words = (bytes.length - start) >> 2;
    const end = start + words * 4;
    // Bytes that are those four places before them: one native comparison.
    if (isEqual(bytes.subarray(start + 4, end), bytes.subarray(start, end - 4))) return words;
    const word = view.getUint32(start);
    let count = 1;
    while (view.getUint32(start + count * 4) === word) count++;
    return count;
  }

  /** The `length` bytes at `offset`, all of them in one page. */
  bytes(offset: number, length: number): Uint8Array {
    const start = offset % this.pieceLength;
    return this.#pageWith(offset, length).bytes.subarray(start, start + length);
  }

  /** Forgets the pages with the `length` bytes at `offset`, after these have been written. */
  forget(offset: number, length: number): void {
    const last = Math.floor((offset + length - 1) / this.pieceLength);
    for (let number = Math.floor(offset / this.pieceLength); number <= last; number++) {
      this.#drop(this.#pages.get(number));
    }
  }

  /** Remembers the page that begins at `offset`, after `bytes` have been written there: they stay as they are. */
  keep(offset: number, bytes: Uint8Array): void {
    const number = offset / this.pieceLength;
    this.#drop(this.#pages.get(number));
    this.#add(number, bytes);
  }

  /** Forgets everything, after the file has been written. */
  clear(): void {
    if (this.#pages.size === 0) return;
    this.#pages.clear();
    this.#slots = [];
  }

  /** The page with the `length` bytes at `offset`, all of which the file has. */
  #pageWith(offset: number, length: number): Page {
    const number = Math.floor(offset / this.pieceLength);
    let page = this.#slots[slotOf(number)];
    if (page === undefined || page.number !== number) page = this.#find(number);
    else page.isUsed = true;
    if (offset % this.pieceLength + length > page.bytes.length) {
      throw damaged(
        this.#source,
        this.#code,
        this.#structure,
        offset,
        `end of file at ${this.#source.size}`,
        "data",
      );
    }
    return page;
  }

  #find(number: number): Page {
    let page = this.#pages.get(number);
    if (page === undefined) page = this.#load(number);
    else page.isUsed = true;
    // Whoever opens an image to ask about it reads one.
    if (this.#pages.size === 1) return page;
    if (this.#slots.length === 0) this.#slots = new Array(SLOTS);
    this.#slots[slotOf(number)] = page;
    return page;
  }

  #load(number: number): Page {
    const length = this.pieceLength;
    this.#inOrder = number === this.#lastRead + 1 ? this.#inOrder + 1 : 0;
    const pages = this.#inOrder >= READS_IN_ORDER ? this.#pagesFrom(number) : 1;
    const bytes = new Uint8Array(pages * length);
    const count = this.#source.readAt(bytes, number * length);
    this.#lastRead = number;
    const present = bytes.subarray(0, Math.min(count, length));
    const first = this.#add(number, pages === 1 ? present : present.slice());
    // Each in memory of its own, so that a page that stays keeps no other.
    for (
      let end = 2 * length;
      end <= count && !this.#pages.has(this.#lastRead + 1);
      end += length
    ) {
      this.#add(++this.#lastRead, bytes.slice(end - length, end), true);
    }
    return first;
  }

  /** How many pages from this one on are read at once. */
  #pagesFrom(number: number): number {
    if (this.#readAhead === undefined) return 1;
    const { pages, end } = this.#readAhead;
    return Math.max(1, Math.min(pages, Math.ceil(end / this.pieceLength) - number));
  }

  /** One that nobody has asked for yet is spared once, or it would be the first to go. */
  #add(number: number, bytes: Uint8Array, isAhead = false): Page {
    if (this.#pages.size >= CAPACITY / this.pieceLength) this.#dropOldest();
    const page = { number, bytes, view: viewOf(bytes), isUsed: isAhead };
    this.#pages.set(number, page);
    return page;
  }

  /** One that has been used since its turn came last is spared: looking a page up costs no more than a mark. */
  #dropOldest(): void {
    for (const page of this.#pages.values()) {
      if (!page.isUsed) return this.#drop(page);
      page.isUsed = false;
      this.#pages.delete(page.number);
      this.#pages.set(page.number, page);
    }
  }

  #drop(page: Page | undefined): void {
    if (page === undefined) return;
    this.#pages.delete(page.number);
    const slot = slotOf(page.number);
    if (this.#slots[slot] === page) this.#slots[slot] = undefined;
  }
}

/** Tables of one image often lie a power of two apart. */
function slotOf(number: number): number {
  return (number ^ (number >>> 8)) & (SLOTS - 1);
}
