/**
 * Merges VHDs into an ancestor. They know it by its unique id, which it keeps; so they stay what they are,
 * during and after, and a merge that was cut short can be done again from the start.
 *
 * @module
 */
import { applyImages } from "../image/blocks.ts";
import type { Merging } from "../image/format.ts";
import { findFooter } from "./footer_search.ts";
import { assertNoSavedState } from "./footer.ts";
import { openVhd, openWritableVhd } from "./open.ts";

/**
 * Merges. The target is left as a clean close does, also where it is cancelled.
 *
 * @throws {ImageError} `ERROR_VHD_INVALID_STATE` for the disk of a machine whose state is saved; what reading
 * and writing fail with.
 */
export async function mergeVhd({ above, child, target, dryRun, pace }: Merging): Promise<void> {
  const files = [...above, child];
  for (const file of [...files, target]) assertNoSavedState(file.path, findFooter(file).footer);
  const image = openWritableVhd(target);
  try {
    const images = files.map(openVhd);
    if (!dryRun) await applyImages(images, image, pace);
  } finally {
    image.finish();
  }
}
