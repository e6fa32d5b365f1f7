/**
 * A chain whose child is changed in memory alone.
 *
 * @module
 */
import type { ByteSource } from "./byte_source.ts";
import { type ImageFormat, openWritableImage, resizeImage } from "./detect.ts";
import type { DiskImage, WritableImage } from "./image.ts";
import type { ResizableChain } from "./resizable_chain.ts";
import { TrialFile } from "./trial_file.ts";

/** A child that can be resized, and will be forgotten, with its parents. */
export class TrialChain implements ResizableChain {
  readonly #file: TrialFile;
  readonly #parents: readonly DiskImage[];
  #writable: WritableImage;

  /** @throws {ImageError} As opening the child for writing fails. */
  constructor(file: ByteSource, format: ImageFormat, parents: readonly DiskImage[]) {
    this.#file = new TrialFile(file);
    this.#parents = parents;
    this.#writable = openWritableImage(this.#file, format);
  }

  get images(): readonly [DiskImage, ...DiskImage[]] {
    return [this.#writable, ...this.#parents];
  }

  get image(): DiskImage {
    return this.#writable;
  }

  get writable(): WritableImage {
    return this.#writable;
  }

  resize(writable: WritableImage, virtualSize: number): void {
    const { format } = writable;
    writable.finish();
    const parentSize = this.#parents[0]?.virtualSize ?? 0;
    resizeImage(this.#file, format, { virtualSize, parentSize });
    this.#writable = openWritableImage(this.#file, format);
  }
}
