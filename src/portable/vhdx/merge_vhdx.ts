/**
 * Merges VHDX images into an ancestor. Changing it gives it another data write GUID, by which its child knows
 * it; so the child learns that one as its second linkage before ([MS-VHDX] 2.6.2.6). At each moment it names
 * the GUID that the ancestor has, reads as before, and the merge can be done again from the start.
 *
 * Metadata items that describe the disk become those of the uppermost image; those of the files stay where
 * they are.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { ByteSource } from "../byte_source.ts";
import { diskItems } from "../image.ts";
import type { CopyableItem } from "../metadata_item.ts";
import { applyImages } from "../operations/apply_images.ts";
import type { Merging } from "../operations/merging.ts";
import { planDiskItems } from "./disk_items.ts";
import { readCurrentHeader } from "./header.ts";
import { relinkVhdx } from "./relink_vhdx.ts";
import { resizeVhdx } from "./resize_vhdx.ts";
import { openVhdx } from "./vhdx_image.ts";
import { readStructures } from "./vhdx_structures.ts";
import { openWritableVhdx } from "./writable_vhdx.ts";

/**
 * Merges. Both files are left as a clean close does, also where it is cancelled.
 *
 * @throws {ImageError} What reading and writing fail with; `ERROR_VHD_METADATA_FULL`, before anything is
 * written, where the items of the disk do not fit.
 */
export async function mergeVhdx(merging: Merging): Promise<void> {
  const { above, child, target, targetParentSize: parentSize, dryRun, meter } = merging;
  assertRoomForItems(target, diskItems(openVhdx(above[0] ?? child)));
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
    image.metadata?.setDiskItems(diskItems(sources[0]!));
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

function assertRoomForItems(target: ByteSource, items: readonly CopyableItem[]): void {
  const { source, regions } = readStructures(target);
  planDiskItems(source, regions.metadata, items);
}
