/**
 * The room in a VHDX file: finds places for blocks and regions, lengthens the file, and keeps what has
 * been given up until nothing durable names it any more.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import { damaged } from "../image_error.ts";
import { MAX_FILE_SIZE, MIB } from "./file_map.ts";
import type { OccupiedRange } from "./occupied_ranges.ts";
import { SpaceMap } from "./space_map.ts";

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
    this.#used.take(first, count);
    this.#searchStarts.set(count, first + count);
    this.#freshStart = Math.max(this.#freshStart, first + count);
    this.reach((first + count) * MIB);
    return { offset: first * MIB, isZero };
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
