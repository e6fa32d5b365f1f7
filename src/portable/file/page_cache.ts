/**
 * A bounded cache over the tables of an image (block tables, bitmaps), so that opening reads only what
 * is needed and memory does not grow with the disk.
 *
 * @module
 */
import type { ErrorSymbol } from "../../errors/codes.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import { type ByteSource, viewOf } from "./byte_source.ts";
import { damaged } from "./image_error.ts";

const PAGE_LENGTH = 4096;
/** Bytes per image: the whole table of a 2040 GiB VHD, or 16 TiB of VHDX with 32 MiB blocks. */
const CAPACITY = 4 * 2 ** 20;
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

/** Reads numbers of a table by their offset in the file. */
export class PageCache {
  /** Bytes of a page. */
  readonly pieceLength: number;
  readonly #source: ByteSource;
  readonly #structure: string;
  readonly #code: ErrorSymbol;
  /** In the order in which they were loaded or spared, the oldest first. */
  readonly #pages = new Map<number, Page>();
  /** To be found without a search. */
  #slots: (Page | undefined)[] = [];

  /**
   * @param structure Names the table in errors.
   * @param code The error of a table that the file is too short for.
   * @param pageLength Bytes that are read at once: a power of two.
   */
  constructor(
    source: ByteSource,
    structure: string,
    code: ErrorSymbol,
    pageLength: number = PAGE_LENGTH,
  ) {
    this.pieceLength = pageLength;
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

  /** How many words from `offset`, a multiple of 4, are zero, to the end of the page that it lies in. */
  zeroWords(offset: number): number {
    const { bytes, view } = this.#pageWith(offset, 4);
    const start = offset % this.pieceLength;
    const words = (bytes.length - start) >> 2;
    if (isAllZero(bytes.subarray(start, start + words * 4))) return words;
    let count = 0;
    while (view.getUint32(start + count * 4) === 0) count++;
    return count;
  }

  /** Forgets the pages with the `length` bytes at `offset`, after these have been written. */
  forget(offset: number, length: number): void {
    const last = Math.floor((offset + length - 1) / this.pieceLength);
    for (let number = Math.floor(offset / this.pieceLength); number <= last; number++) {
      this.#drop(this.#pages.get(number));
    }
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
    if (this.#slots.length === 0) this.#slots = new Array(SLOTS);
    this.#slots[slotOf(number)] = page;
    return page;
  }

  #load(number: number): Page {
    const bytes = new Uint8Array(this.pieceLength);
    const count = this.#source.readAt(bytes, number * this.pieceLength);
    const present = bytes.subarray(0, count);
    const page = { number, bytes: present, view: viewOf(present), isUsed: false };
    if (this.#pages.size >= CAPACITY / this.pieceLength) this.#dropOldest();
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
