/**
 * A damaged file, for readers of structures that refuse what reaches beyond the end of a file: they are told that
 * it goes on, and find out that it does not when they read there.
 *
 * @module
 */
import type { ByteSource } from "./byte_source.ts";

/** More than any image has, and small enough for sums to stay exact. */
const ENDLESS = 2 ** 52;

/** A file that says that it has no end; reading beyond its real one gives nothing. */
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
