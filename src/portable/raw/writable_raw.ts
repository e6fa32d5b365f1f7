/**
 * Raw disk images, written: the file is the disk, so there is no order to keep.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import type { WritableImage } from "../image.ts";
import { openRaw, RawImage } from "./raw_image.ts";

class WritableRawImage extends RawImage implements WritableImage {
  override readonly source: WritableSource;

  constructor(source: WritableSource) {
    super(source);
    this.source = source;
  }

  write(bytes: Uint8Array, offset: number): void {
    // A raw disk may end inside its last sector, and does not grow.
    this.source.writeAt(bytes.subarray(0, this.virtualSize - offset), offset);
  }

  /** Nothing can be given back of a plain file, portably. */
  trim(): void {}

  flush(): void {
    this.source.flush();
  }

  finish(): void {
    this.source.flush();
  }
}

/**
 * Takes a file for a raw disk that can be written.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where the file is empty.
 */
export function openWritableRaw(source: WritableSource): WritableImage {
  openRaw(source);
  return new WritableRawImage(source);
}
