/**
 * A file that is changed in memory alone, so that an operation can be tried.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isAllZero } from "../../bytes/zeros.ts";
import type { ByteSource, WritableSource } from "./byte_source.ts";

const PAGE_SIZE = 4096;
/** A page of the block table of an empty VHD: such a table has up to 2 GiB. Never written to. */
const ONES = new Uint8Array(PAGE_SIZE).fill(0xff);

/**
 * What a file would be after the writes that it is given; the file itself is only read. Memory grows with
 * what is written, but for pages of ones, and zeros behind the end of the file.
 */
export class TrialFile implements WritableSource {
  readonly path: string;
  readonly #file: ByteSource;
  /** By page number. */
  readonly #pages = new Map<number, Uint8Array>();
  #size: number;
  /** Up to where the file shows through. */
  #shown: number;

  constructor(file: ByteSource) {
    this.path = file.path;
    this.#file = file;
    this.#size = file.size;
    this.#shown = file.size;
  }

  get size(): number {
    return this.#size;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(buffer.length, this.#size - offset));
    const bytes = buffer.subarray(0, length);
    const shown = bytes.subarray(0, Math.max(0, Math.min(length, this.#shown - offset)));
    bytes.fill(0, shown.length === 0 ? 0 : this.#file.readAt(shown, offset));
    for (const { page, at, from, to } of pieces(offset, length)) {
      const own = this.#pages.get(page);
      if (own !== undefined) bytes.set(own.subarray(from, to), at);
    }
    return length;
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    for (const { page, at, from, to } of pieces(offset, bytes.length)) {
      const piece = bytes.subarray(at, at + to - from);
      const isNew = !this.#pages.has(page) && page * PAGE_SIZE >= this.#shown;
      if (Buffer.compare(piece, ONES) === 0) this.#pages.set(page, ONES);
      else if (!isNew || !isAllZero(piece)) this.#page(page).set(piece, from);
    }
    this.#size = Math.max(this.#size, offset + bytes.length);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const kept = Math.ceil(size / PAGE_SIZE);
      for (const page of this.#pages.keys()) if (page >= kept) this.#pages.delete(page);
      if (this.#pages.has(kept - 1)) this.#page(kept - 1).fill(0, size - (kept - 1) * PAGE_SIZE);
      this.#shown = Math.min(this.#shown, size);
    }
    this.#size = size;
  }

  /** Nothing is durable here. */
  flush(): void {}

  /** A page to be written to. */
  #page(number: number): Uint8Array {
    const present = this.#pages.get(number);
    if (present !== undefined && present !== ONES) return present;
    const page = new Uint8Array(PAGE_SIZE);
    this.readAt(page, number * PAGE_SIZE);
    this.#pages.set(number, page);
    return page;
  }
}

/** A piece of a range that lies in one page. */
interface Piece {
  readonly page: number;
  /** Where it begins in the range. */
  readonly at: number;
  /** Where it begins and ends in the page. */
  readonly from: number;
  readonly to: number;
}

function* pieces(offset: number, length: number): Generator<Piece> {
  for (let at = 0; at < length;) {
    const page = Math.floor((offset + at) / PAGE_SIZE);
    const from = offset + at - page * PAGE_SIZE;
    const to = Math.min(PAGE_SIZE, from + length - at);
    yield { page, at, from, to };
    at += to - from;
  }
}
