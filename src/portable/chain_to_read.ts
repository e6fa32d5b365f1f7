/**
 * Chains of which nothing but the contents is asked.
 *
 * @module
 */
import { ImageChain } from "./chain.ts";
import type { ImageFormat } from "./detect.ts";
import { ImageError } from "./image_error.ts";

/**
 * Opens an image with its parents, beside other readers.
 *
 * @param format By default it is found out.
 * @param option That which says of a file of no known format that it is a raw disk.
 * @throws {ImageError} As {@linkcode ImageChain.open}.
 */
export function openToRead(
  path: string,
  format: ImageFormat | undefined,
  option?: string,
): ImageChain {
  try {
    return ImageChain.open(path, {
      format,
      noParents: false,
      ignoreRelative: false,
      writableDepth: 0,
      sharing: "readers",
    });
  } catch (error) {
    const isUnknown = error instanceof ImageError && error.options.causes === undefined &&
      error.symbol === "ERROR_VIRTDISK_PROVIDER_NOT_FOUND";
    if (!isUnknown || option === undefined) throw error;
    throw new ImageError(error.symbol, {
      ...error.options,
      causes: [`A raw disk is never guessed: if it is one, pass { ${option}: "raw" }.`],
    });
  }
}
