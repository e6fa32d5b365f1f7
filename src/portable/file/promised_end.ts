/**
 * Where an image file ends by what its own structures say: a file that is shorter was cut off.
 *
 * @module
 */
import type { ByteSource } from "./byte_source.ts";
import { isDamage } from "./image_error.ts";

/** Where a file ends by what is in it. */
export interface PromisedEnd {
  /** Bytes. */
  readonly end: number;
  /** Whether the file ends there; else it goes on at least as far. */
  readonly isExact: boolean;
  /** Whether all that may be missing is there a second time. */
  readonly isRepairable?: boolean;
}

/** More than any image has, and small enough for sums to stay exact. */
const ENDLESS = 2 ** 52;

/**
 * A file that says that it has no end, for readers of structures that refuse what reaches beyond the end of a file:
 * reading beyond its real one gives nothing.
 */
export class OpenEndedSource implements ByteSource {
  readonly path: string;
  readonly origin: object | undefined;
  readonly size = ENDLESS;
  /** The length that the file has. */
  readonly realSize: number;
  readonly #file: ByteSource;

  constructor(file: ByteSource) {
    this.path = file.path;
    this.origin = file.origin;
    this.realSize = file.size;
    this.#file = file;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    return offset < this.realSize ? this.#file.readAt(buffer, offset) : 0;
  }
}

/**
 * A file that seems to go on with zeros for ever. The readers of a format's structures refuse what reaches
 * beyond the end of a file; through this they tell where that would be.
 */
export class EndlessSource extends OpenEndedSource {
  override readAt(buffer: Uint8Array, offset: number): number {
    buffer.fill(0, super.readAt(buffer, offset));
    return buffer.length;
  }

  /** Whether the file really has a range. */
  has(offset: number, length: number): boolean {
    return offset + length <= this.realSize;
  }
}

/**
 * What a reader of a structure gives; `undefined` if the structure is damaged, or cut off.
 *
 * @throws What is no damage: the file cannot be read.
 */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/**
 * Tells blocks that were cut off with the end of a file from table entries that are damaged. The former lie
 * side by side, right behind the end or behind what may be a gap there; the latter lead anywhere.
 */
export class LostBlocks {
  readonly #size: number;
  #end = 0;
  #lost = 0;
  #count = 0;
  #first = Infinity;

  /** @param size The length of the file. */
  constructor(size: number) {
    this.#size = size;
  }

  /** A block of which a table says that it is there. */
  add(offset: number, length: number): void {
    const end = offset + length;
    this.#end = Math.max(this.#end, end);
    if (end <= this.#size) return;
    this.#lost += length;
    this.#count++;
    this.#first = Math.min(this.#first, offset);
  }

  /** Where the last block ends; the end of the file if those behind it are damage. */
  get end(): number {
    const missing = this.#end - this.#size;
    if (missing <= 0 || 2 * this.#lost >= missing) return this.#end;
    const isCompact = this.#count > 1 && 2 * this.#lost >= this.#end - this.#first;
    return isCompact ? this.#end : this.#size;
  }
}
