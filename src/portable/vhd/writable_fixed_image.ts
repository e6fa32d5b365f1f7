/**
 * Writes fixed VHDs: every byte of the disk has its place in the file.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import type { WritableImage } from "../image.ts";
import { FixedVhdImage } from "./fixed_image.ts";
import type { ImageFooters } from "./image_footers.ts";

/** A fixed image that can be written. */
export class WritableFixedVhdImage extends FixedVhdImage implements WritableImage {
  readonly #source: WritableSource;
  readonly #footers: ImageFooters;

  constructor(source: WritableSource, footers: ImageFooters) {
    super(source, footers);
    this.#source = source;
    this.#footers = footers;
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#source.writeAt(bytes, offset);
  }

  /** Keeps the contents: the format has no state for what is not there. */
  trim(): void {}

  flush(): void {
    this.#source.flush();
  }

  finish(): void {
    this.flush();
  }

  setUniqueId(identifier: string): void {
    this.#footers.setUniqueId(identifier);
  }
}
