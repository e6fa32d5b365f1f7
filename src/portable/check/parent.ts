/**
 * Checks whether the parents of a differencing image are there, and are the right ones.
 *
 * @module
 */
import { type Link, openAncestors } from "../ancestors.ts";
import { type ImageFormat, openImage } from "../detect.ts";
import { ImageError } from "../image_error.ts";
import type { ImageFile } from "../image_file.ts";
import type { LinkPlace } from "./check_vhd.ts";
import type { Findings } from "./findings.ts";

/** Whoever checks is in nobody's way. */
const OPTIONS = { ignoreRelative: false, writableDepth: 0, sharing: "everyone" } as const;

/**
 * Opens the parents, and closes them again. What is wrong inside of them is for their own check to tell,
 * but for what keeps them from being opened.
 *
 * @param file Found to hold an image that can be opened.
 */
export function checkParents(
  file: ImageFile,
  format: ImageFormat,
  place: LinkPlace,
  findings: Findings,
): void {
  const child: Link = { file, image: openImage(file, format) };
  try {
    for (const { file: parent } of openAncestors([child], OPTIONS)) parent.close();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    findings.add({
      severity: "error",
      ...place,
      found: error.message,
      expected: "the parent of which the image was made",
      symbol: error.symbol,
      remedy: error.toVirtualDiskError("OpenVirtualDisk").causes.join(" Or: "),
    });
  }
}
