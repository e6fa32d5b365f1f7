/**
 * A file that is changed in memory alone, for dry runs.
 *
 * @module
 */
import { isEqual } from "../../bytes/equal.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import type { ByteSource, WritableSource } from "./byte_source.ts";

const PAGE_SIZE = 4096;
/** A page of the block table of an empty VHD: such a table has up to 2 GiB. Never written to. */
const ONES = new Uint8Array(PAGE_SIZE).fill(0xff);

/**
 * What a file would be after the writes that it is given; the file itself is only read. Memory grows with
 * what is written, but for pages of ones, zeros behind the end of the file, and copies of its own bytes.
 */
export class DryRunFile implements WritableSource {
  readonly path: string;
  readonly origin: object | undefined;
  readonly #file: ByteSource;
  /** By page number. */
  readonly #pages = new Map<number, Uint8Array>();
  /** Beneath the pages: what of the file shows where. */
  readonly #shown: ShownRanges;
  #size: number;

  constructor(file: ByteSource) {
    this.path = file.path;
    this.origin = file.origin;
    this.#file = file;
    this.#size = file.size;
    this.#shown = new ShownRanges(file.size);
  }

  get size(): number {
    return this.#size;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(buffer.length, this.#size - offset));
    const bytes = buffer.subarray(0, length).fill(0);
    for (const { start, end, from } of this.#shown.within(offset, offset + length)) {
      this.#file.readAt(bytes.subarray(start - offset, end - offset), from);
    }
    for (const { page, at, from, to } of pieces(offset, length)) {
      const own = this.#pages.get(page);
      if (own !== undefined) bytes.set(own.subarray(from, to), at);
    }
    return length;
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    for (const { page, at, from, to } of pieces(offset, bytes.length)) {
      const piece = bytes.subarray(at, at + to - from);
      const start = page * PAGE_SIZE;
      const isBlank = !this.#pages.has(page) && !this.#shown.shows(start, start + PAGE_SIZE);
      if (isEqual(piece, ONES)) this.#pages.set(page, ONES);
      else if (!isBlank || !isAllZero(piece)) this.#page(page).set(piece, from);
    }
    this.#size = Math.max(this.#size, offset + bytes.length);
  }

  copyWithin(from: number, to: number, length: number): void {
    const own = this.#pieces(from, length).map(({ page, at, from, to }) => {
      return { at, bytes: this.#pages.get(page)!.slice(from, to) };
    });
    const shown = [...this.#shown.within(from, from + length)];
    // A page that the copy covers only in part keeps the rest.
    for (const piece of this.#pieces(to, length)) {
      const { page, at, from: first, to: end } = piece;
      if (end - first === PAGE_SIZE) {
        this.#pages.delete(page);
      } else {
        const part = this.#page(page).subarray(first, end);
        part.fill(0, this.readAt(part, from + at));
      }
    }
    this.#shown.hide(to, to + length);
    for (const { start, end, from: origin } of shown) {
      this.#shown.show({ start: start - from + to, end: end - from + to, from: origin });
    }
    this.#size = Math.max(this.#size, to + length);
    for (const { at, bytes } of own) this.writeAt(bytes, to + at);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const kept = Math.ceil(size / PAGE_SIZE);
      for (const page of this.#pages.keys()) if (page >= kept) this.#pages.delete(page);
      if (this.#pages.has(kept - 1)) this.#page(kept - 1).fill(0, size - (kept - 1) * PAGE_SIZE);
      this.#shown.hide(size, Infinity);
    }
    this.#size = size;
  }

  /** Nothing is durable here. */
  flush(): void {}

  /** Pieces of a range whose pages have been written. */
  #pieces(offset: number, length: number): Piece[] {
    return this.#pages.size === 0
      ? []
      : [...pieces(offset, length)].filter(({ page }) => this.#pages.has(page));
  }

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

/** Bytes of the file that show, from `start` to `end` (exclusive), and where in the file they are. */
interface ShownRange {
  readonly start: number;
  readonly end: number;
  readonly from: number;
}

/** In order, and without overlap; between them are zeros. */
class ShownRanges {
  readonly #ranges: ShownRange[];

  /** @param size All of a file of that many bytes shows in its place. */
  constructor(size: number) {
    this.#ranges = size === 0 ? [] : [{ start: 0, end: size, from: 0 }];
  }

  shows(start: number, end: number): boolean {
    const range = this.#ranges[this.#firstBehind(start)];
    return range !== undefined && range.start < end;
  }

  /** The parts that lie between `start` and `end`. */
  *within(start: number, end: number): Generator<ShownRange> {
    for (let i = this.#firstBehind(start); i < this.#ranges.length; i++) {
      const range = this.#ranges[i]!;
      if (range.start >= end) return;
      yield part(range, Math.max(start, range.start), Math.min(end, range.end));
    }
  }

  /** Nothing of the file shows between `start` and `end` any more. */
  hide(start: number, end: number): void {
    const first = this.#firstBehind(start);
    let next = first;
    const left: ShownRange[] = [];
    for (; next < this.#ranges.length && this.#ranges[next]!.start < end; next++) {
      const range = this.#ranges[next]!;
      if (range.start < start) left.push(part(range, range.start, start));
      if (range.end > end) left.push(part(range, end, range.end));
    }
    this.#ranges.splice(first, next - first, ...left);
  }

  /** @param range Where nothing shows yet. */
  show(range: ShownRange): void {
    this.#ranges.splice(this.#firstBehind(range.start), 0, range);
  }

  /** The number of the first range that ends behind `offset`. */
  #firstBehind(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function part({ start: whole, from }: ShownRange, start: number, end: number): ShownRange {
  return { start, end, from: from + start - whole };
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
