/**
 * Merges VHDX images into an ancestor. Changing it gives it another data write GUID, by which its child knows
 * it; so the child learns that one as its second linkage before ([MS-VHDX] 2.6.2.6). At each moment it names
 * the GUID that the ancestor has, reads as before, and the merge can be done again from the start.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { applyImages } from "../operations/apply_images.ts";
import type { Merging } from "../operations/merging.ts";
import { readCurrentHeader } from "./header.ts";
import { relinkVhdx } from "./relink_vhdx.ts";
import { resizeVhdx } from "./resize_vhdx.ts";
import { openVhdx } from "./vhdx_image.ts";
import { openWritableVhdx } from "./writable_vhdx.ts";

/**
 * Merges. Both files are left as a clean close does, also where it is cancelled.
 *
 * @throws {ImageError} What reading and writing fail with.
 */
export async function mergeVhdx(merging: Merging): Promise<void> {
  const { above, child, target, targetParentSize: parentSize, dryRun, meter } = merging;
  // What killed writers have left in the logs.
  openWritableVhdx(child).finish();
  openWritableVhdx(target).finish();
  const dataWriteGuid = crypto.randomUUID();
  relinkVhdx(child, readCurrentHeader(target).dataWriteGuid, dataWriteGuid);
  const sources = [...above, child].map(openVhdx);
  const { virtualSize, virtualDiskId, physicalSectorSize } = sources[0]!;
  const resize = () => resizeVhdx(target, { virtualSize, parentSize, dataWriteGuid });
  if (virtualSize > openVhdx(target).virtualSize) resize();
  const image = openWritableVhdx(target, dataWriteGuid);
  try {
    if (!dryRun) await applyImages(sources, image, meter);
    if (virtualDiskId !== image.virtualDiskId) image.setVirtualDiskId?.(virtualDiskId!);
    if (physicalSectorSize !== image.physicalSectorSize) {
      image.setPhysicalSectorSize?.(physicalSectorSize);
    }
  } finally {
    image.finish();
  }
  if (virtualSize < image.virtualSize) resize();
  relinkVhdx(child, readCurrentHeader(target).dataWriteGuid, NIL_GUID);
}
