/**
 * Writes raw disk images.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import type { WritableImage } from "../image.ts";
import { assertRawDisk, RawImage } from "./raw_image.ts";

/** A raw image open for writing: every byte has its place, so nothing is allocated or given back. */
class WritableRawImage extends RawImage implements WritableImage {
  readonly #source: WritableSource;

  constructor(source: WritableSource) {
    super(source);
    this.#source = source;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#source.writeAt(bytes, offset);
  }

  trim(): void {}

  flush(): void {
    this.#source.flush();
  }

  finish(): void {
    this.flush();
  }
}

/**
 * Takes a file for a raw disk, to be written.
 *
 * @throws {ImageError} As {@linkcode openRaw}.
 */
export function openWritableRaw(source: WritableSource): WritableImage {
  assertRawDisk(source);
  return new WritableRawImage(source);
}
