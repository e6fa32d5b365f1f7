/**
 * Gives the disk in a VHD file another size: a larger one, as Windows does.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import { ImageError } from "../image_error.ts";
import { DISK_TYPE } from "./footer.ts";
import { checkFooter } from "./footer_check.ts";
import { findFooter } from "./footer_search.ts";
import { growDynamic } from "./grow_dynamic.ts";
import { growFixed } from "./grow_fixed.ts";
import { assertNoSavedState } from "./saved_state.ts";
import { readSparseLayout } from "./sparse_layout.ts";

/**
 * Resizes the disk; what is added reads as zeros.
 *
 * @param source As a clean close left it; it is left so again.
 * @param size Bytes, whole sectors, at most 2040 GiB.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` for a smaller size, and for a differencing image;
 * `ERROR_VHD_INVALID_STATE` for the disk of a machine whose state is saved; and as `growDynamic()`.
 */
export function resizeVhd(source: WritableSource, size: number): void {
  const found = findFooter(source);
  checkFooter(source, found);
  const { currentSize, diskType, dataOffset } = found.footer;
  assertNoSavedState(source.path, found.footer);
  if (diskType === DISK_TYPE.differencing) throw wrongType(source, "a differencing VHD");
  if (size < currentSize) throw wrongType(source, "a VHD, which cannot shrink,");
  if (diskType === DISK_TYPE.fixed || dataOffset === undefined) {
    return growFixed(source, found, size);
  }
  const layout = readSparseLayout(source, found.footer, dataOffset);
  growDynamic({ source, found, headerOffset: dataOffset, layout }, size);
}

function wrongType(source: WritableSource, what: string): ImageError {
  return new ImageError("ERROR_VHD_INVALID_TYPE", {
    path: source.path,
    reason: `${what} keeps its size`,
    causes: ["Convert it to VHDX, or merge it into its parent."],
  });
}
