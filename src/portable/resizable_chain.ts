/**
 * What resizing needs of a chain.
 *
 * @module
 */
import type { DiskImage, WritableImage } from "./image.ts";

/** A chain whose child can be given another size. */
export interface ResizableChain {
  /** The child first. */
  readonly images: readonly [DiskImage, ...DiskImage[]];
  /** The child. */
  readonly image: DiskImage;
  /** The child, where it was opened for writing. */
  readonly writable: WritableImage | undefined;
  /**
   * Gives the child another size.
   *
   * @throws {ImageError} As `resizeImage()`.
   */
  resize(writable: WritableImage, virtualSize: number): void;
}
