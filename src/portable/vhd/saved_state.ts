/**
 * Disks of machines whose state is saved: what the machine has in its memory refers to the disk as it is.
 *
 * @module
 */
import { ImageError } from "../image_error.ts";
import type { Footer } from "./footer.ts";

/** @throws {ImageError} `ERROR_VHD_INVALID_STATE` for such a disk. */
export function assertNoSavedState(path: string, { savedState }: Footer): void {
  if (!savedState) return;
  throw new ImageError("ERROR_VHD_INVALID_STATE", {
    path,
    reason: "the disk belongs to a machine whose state is saved",
    causes: ["Start the machine and shut it down, or discard its saved state."],
  });
}
