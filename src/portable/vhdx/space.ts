/**
 * The room in a VHDX file: finds places for blocks and regions, lengthens the file, and keeps what has
 * been given up until nothing durable names it any more.
 *
 * @module
 */
import type { WritableSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import { MAX_FILE_SIZE, MIB } from "./file_map.ts";

/** A place in the file. */
export interface Place {
  /** Bytes, whole MiB. */
  readonly offset: number;
  /** Whether it is known to hold nothing but zeros: the file was lengthened for it. */
  readonly isZero: boolean;
}

/**
 * Refuses a file that is longer than any image needs, of which a map would take too much memory.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT`.
 */
export function assertFileSize(file: WritableSource): void {
  if (file.size <= MAX_FILE_SIZE) return;
  const expected = `at most ${MAX_FILE_SIZE}`;
  throw damaged(file, "ERROR_FILE_CORRUPT", "file", 0, `${file.size} bytes`, expected);
}

/** Who is where in the file. */
export class FileSpace {
  readonly #file: WritableSource;
  readonly #used = new SpaceMap();
  /** Where searches begin, by the length sought in MiB: below, there is no room for that length. */
  readonly #searchStarts = new Map<number, number>();
  /** Given up, but still named by what is durable. */
  #leaving: { readonly first: number; readonly count: number }[] = [];
  /** From this MiB on the file has never been used; what it is lengthened by reads as zeros. */
  #freshStart: number;

  /** @param file Of at most {@linkcode MAX_FILE_SIZE} bytes. */
  constructor(file: WritableSource) {
    this.#file = file;
    this.#freshStart = Math.ceil(file.size / MIB);
  }

  /**
   * Marks what the file holds already. Ranges are whole MiB.
   *
   * @param at Where the file says so, for the error.
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where something else lies there.
   */
  occupy({ name, offset, length }: OccupiedRange, at: number): void {
    if (offset <= MAX_FILE_SIZE && this.#used.take(offset / MIB, length / MIB)) {
      // A last block may reach beyond the end of the file: what follows begins behind it.
      this.#freshStart = Math.max(this.#freshStart, (offset + length) / MIB);
      return;
    }
    throw damaged(
      this.#file,
      "ERROR_FILE_CORRUPT",
      name,
      at,
      `${length} bytes at ${offset}`,
      "a place that nothing else uses",
    );
  }

  /** Finds room, lengthening the file where there is none. `length` is whole MiB. */
  allocate(length: number): Place {
    const count = length / MIB;
    const first = this.#used.findFree(this.#searchStarts.get(count) ?? 0, count);
    const isZero = first >= this.#freshStart;
    this.reach((first + count) * MIB);
    this.#used.take(first, count);
    this.#searchStarts.set(count, first + count);
    this.#freshStart = Math.max(this.#freshStart, first + count);
    return { offset: first * MIB, isZero };
  }

  /**
   * Finds room for what `write` puts there. If that fails the room is free again: nothing durable, and nothing that
   * waits, may name it.
   */
  place<T>(length: number, write: (place: Place) => T): T {
    const place = this.allocate(length);
    try {
      return write(place);
    } catch (error) {
      this.#used.release(place.offset / MIB, length / MIB);
      this.#searchStarts.clear();
      throw error;
    }
  }

  /**
   * Finds room within the file, before `limit`; both are whole MiB.
   *
   * @returns Where it begins, or `undefined` where there is none.
   */
  allocateBelow(length: number, limit: number): number | undefined {
    const count = length / MIB;
    const first = this.#used.findFree(this.#searchStarts.get(count) ?? 0, count);
    this.#searchStarts.set(count, first);
    if (first + count > limit / MIB) return undefined;
    this.#used.take(first, count);
    return first * MIB;
  }

  /** Gives a place up. It stays unused until the change that says so is durable. */
  giveUp(offset: number, length: number): void {
    this.#leaving.push({ first: offset / MIB, count: length / MIB });
  }

  /** Whether there are places that were given up, and are not free yet. */
  get hasGivenUp(): boolean {
    return this.#leaving.length > 0;
  }

  /** To be called once everything that was given up is durably so. */
  reuseGivenUp(): void {
    if (this.#leaving.length === 0) return;
    for (const { first, count } of this.#leaving) this.#used.release(first, count);
    this.#leaving = [];
    this.#searchStarts.clear();
  }

  /** Bytes, whole MiB: everything in use lies before. */
  get end(): number {
    return this.#used.end * MIB;
  }

  /** Makes the file at least `size` bytes long. */
  reach(size: number): void {
    if (this.#file.size < size) this.#file.truncate(size);
  }
}

/**
 * Which MiB of a file are in use: one bit for each. Everything in a VHDX file lies at whole MiB and is
 * whole MiB long.
 *
 * @module
 */

const ALL_USED = 0xff;

/** A set of MiB numbers. */
export class SpaceMap {
  #bits = new Uint8Array(64);
  /** Bytes of `#bits` below this hold nothing free. */
  #fullBytes = 0;

  /** Whether a MiB is in use; beyond what was ever taken nothing is. */
  has(index: number): boolean {
    return ((this.#bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /**
   * Takes a run.
   *
   * @returns Whether all of it was free; nothing is taken else.
   */
  take(first: number, count: number): boolean {
    for (let i = first; i < first + count; i++) if (this.has(i)) return false;
    this.#reach(first + count);
    for (let i = first; i < first + count; i++) this.#bits[i >> 3]! |= 1 << (i & 7);
    return true;
  }

  /** Gives a run back. */
  release(first: number, count: number): void {
    for (let i = first; i < first + count; i++) this.#bits[i >> 3]! &= ~(1 << (i & 7));
    this.#fullBytes = Math.min(this.#fullBytes, first >> 3);
  }

  /** The first run of `count` free MiB at `start` or later; behind everything there is always one. */
  findFree(start: number, count: number): number {
    while (this.#bits[this.#fullBytes] === ALL_USED) this.#fullBytes++;
    let first = Math.max(start, this.#fullBytes * 8);
    for (let i = first; i < first + count && i < this.#bits.length * 8; i++) {
      if ((i & 7) === 0 && this.#bits[i >> 3] === ALL_USED) {
        i += 7;
        first = i + 1;
      } else if (this.has(i)) {
        first = i + 1;
      }
    }
    return first;
  }

  /** The number behind the last MiB in use. */
  get end(): number {
    let byte = this.#bits.length - 1;
    while (byte > 0 && this.#bits[byte] === 0) byte--;
    return byte * 8 + 32 - Math.clz32(this.#bits[byte]!);
  }

  /** Makes room for `count` bits. */
  #reach(count: number): void {
    const needed = Math.ceil(count / 8);
    if (needed <= this.#bits.length) return;
    const bits = new Uint8Array(Math.max(needed, this.#bits.length * 2));
    bits.set(this.#bits);
    this.#bits = bits;
  }
}

/**
 * Ranges of a file, or of a region, that something lies in: no two of them may overlap.
 *
 * @module
 */

/** A range and what lies there. */
export interface OccupiedRange {
  /** For error messages. */
  readonly name: string;
  /** Bytes. */
  readonly offset: number;
  /** Bytes, more than 0. */
  readonly length: number;
}

/** A set of ranges without overlap, kept in order. */
export class OccupiedRanges {
  readonly #ranges: OccupiedRange[] = [];

  /** A range that shares bytes with the given one, if there is any. */
  overlapping(offset: number, length: number): OccupiedRange | undefined {
    // The ranges are disjoint and in order: only the last that begins before the end can overlap.
    const candidate = this.#ranges[this.#countBefore(offset + length) - 1];
    return candidate !== undefined && candidate.offset + candidate.length > offset
      ? candidate
      : undefined;
  }

  /** Adds a range that overlaps none of the present ones. */
  add(range: OccupiedRange): void {
    this.#ranges.splice(this.#countBefore(range.offset), 0, range);
  }

  /** All of them, in order. */
  [Symbol.iterator](): Iterator<OccupiedRange> {
    return this.#ranges.values();
  }

  /** How many ranges begin before `offset`. */
  #countBefore(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ranges[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
