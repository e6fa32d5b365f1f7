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

const PAGE_SIZE = 4096;
/** 4 MiB per image: the whole table of a 2040 GiB VHD, or 16 TiB of VHDX with 32 MiB blocks. */
const MAX_PAGES = 1024;

/** Reads numbers of a table by their offset in the file. */
export class PageCache {
  readonly #source: ByteSource;
  readonly #structure: string;
  readonly #code: ErrorSymbol;
  /** In the order of last use, oldest first. */
  readonly #pages = new Map<number, DataView>();
  #lastNumber = -1;
  #lastPage: DataView = new DataView(new ArrayBuffer(0));

  /**
   * @param structure Names the table in errors.
   * @param code The error of a table that the file is too short for.
   */
  constructor(source: ByteSource, structure: string, code: ErrorSymbol) {
    this.#source = source;
    this.#structure = structure;
    this.#code = code;
  }

  uint8(offset: number): number {
    return this.#pageWith(offset, 1).getUint8(offset % PAGE_SIZE);
  }

  /** `offset` must be a multiple of 4. */
  uint32(offset: number, littleEndian: boolean): number {
    return this.#pageWith(offset, 4).getUint32(offset % PAGE_SIZE, littleEndian);
  }

  /** How many words from `offset`, a multiple of 4, are zero, to the end of the page that it lies in. */
  zeroWords(offset: number): number {
    const page = this.#pageWith(offset, 4);
    const start = offset % PAGE_SIZE;
    const words = (page.byteLength - start) >> 2;
    const rest = new Uint8Array(page.buffer, page.byteOffset + start, words * 4);
    if (isAllZero(rest)) return words;
    let count = 0;
    while (page.getUint32(start + count * 4) === 0) count++;
    return count;
  }

  /** Forgets the pages with the `length` bytes at `offset`, after these have been written. */
  forget(offset: number, length: number): void {
    const last = Math.floor((offset + length - 1) / PAGE_SIZE);
    for (let number = Math.floor(offset / PAGE_SIZE); number <= last; number++) {
      this.#pages.delete(number);
    }
    this.#lastNumber = -1;
  }

  /** Forgets everything, after the file has been written. */
  clear(): void {
    this.#pages.clear();
    this.#lastNumber = -1;
  }

  /** The page with the `length` bytes at `offset`, all of which the file has. */
  #pageWith(offset: number, length: number): DataView {
    const number = Math.floor(offset / PAGE_SIZE);
    const page = number === this.#lastNumber ? this.#lastPage : this.#use(number);
    if (offset % PAGE_SIZE + length > page.byteLength) {
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

  #use(number: number): DataView {
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = this.#load(number);
      const oldest = this.#pages.keys().next();
      if (this.#pages.size >= MAX_PAGES && !oldest.done) this.#pages.delete(oldest.value);
    } else {
      this.#pages.delete(number);
    }
    this.#pages.set(number, page);
    this.#lastNumber = number;
    this.#lastPage = page;
    return page;
  }

  /** Shorter than a page where the file ends. */
  #load(number: number): DataView {
    const bytes = new Uint8Array(PAGE_SIZE);
    const count = this.#source.readAt(bytes, number * PAGE_SIZE);
    return viewOf(bytes.subarray(0, count));
  }
}
