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
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import { applyImages } from "../image/blocks.ts";
import type { Merging } from "../image/format.ts";
import { type CopyableItem, diskItems } from "../image/image.ts";
import { readCurrentHeader } from "./header.ts";
import { openVhdx, VhdxImage } from "./image.ts";
import { MetadataWriter, planDiskItems } from "./metadata.ts";
import { PARENT_LOCATOR } from "./metadata_items.ts";
import { readMetadataTable } from "./metadata_table.ts";
import { withLinkage } from "./parent_locator.ts";
import { resizeVhdx } from "./resize.ts";
import { readStructures } from "./structures.ts";
import { VhdxFile } from "./vhdx_file.ts";
import { openWritableVhdx } from "./writable_image.ts";

/**
 * Merges. Both files are left as a clean close does, also where it is cancelled.
 *
 * @throws {ImageError} What reading and writing fail with; `ERROR_VHD_METADATA_FULL`, before anything is
 * written, where the items of the disk do not fit.
 */
export async function mergeVhdx(merging: Merging): Promise<void> {
  const { above, child, target, targetParentSize: parentSize, dryRun, pace } = merging;
  assertRoomForItems(target, diskItems(openVhdx(above[0] ?? child)));
  // What killed writers have left in the logs. The child is open once: its table may be of 256 MiB.
  const linked = VhdxFile.open(child);
  linked.close();
  openWritableVhdx(target).finish();
  const dataWriteGuid = crypto.randomUUID();
  relink(linked, readCurrentHeader(target).dataWriteGuid, dataWriteGuid);
  const sources = [...above.map(openVhdx), imageOf(linked)];
  const { virtualSize, virtualDiskId, physicalSectorSize } = sources[0]!;
  const resize = () => resizeVhdx(target, { virtualSize, parentSize, dataWriteGuid });
  if (virtualSize > openVhdx(target).virtualSize) resize();
  const image = openWritableVhdx(target, dataWriteGuid);
  try {
    if (!dryRun) await applyImages(sources, image, pace);
    image.metadata?.setDiskItems(diskItems(sources[0]!));
    if (virtualDiskId !== image.virtualDiskId) image.setVirtualDiskId?.(virtualDiskId!);
    if (physicalSectorSize !== image.physicalSectorSize) {
      image.setPhysicalSectorSize?.(physicalSectorSize);
    }
  } finally {
    image.finish();
  }
  if (virtualSize < image.virtualSize) resize();
  relink(linked, readCurrentHeader(target).dataWriteGuid, NIL_GUID);
}

function assertRoomForItems(target: ByteSource, items: readonly CopyableItem[]): void {
  const { source, regions } = readStructures(target);
  planDiskItems(source, regions.metadata, items);
}

// Tells a differencing VHDX which data write GUIDs its parent may have ([MS-VHDX] 2.6.2.6). The disk stays
// what it is, and so does its own data write GUID.

/**
 * Changes the linkage, durably.
 *
 * @param file As a clean close left it; it is left so again.
 * @param linkage What the parent has.
 * @param second What it may have; the nil GUID for nothing else.
 * @throws {ImageError} As any change of the file.
 */
function relink(file: VhdxFile, linkage: string, second: string): void {
  const { pages, metadataRegion } = file;
  // readStructures: a differencing image has the item.
  const item = readMetadataTable(pages, metadataRegion).find(({ id, isUser }) =>
    !isUser && id === PARENT_LOCATOR
  )!;
  const offset = metadataRegion.offset + item.offset;
  const bytes = readStructure(pages, offset, item.length, "parent locator", "ERROR_FILE_CORRUPT");
  const relinked = withLinkage(pages, bytes, linkage, second);
  new MetadataWriter(file).replaceSystemItem(PARENT_LOCATOR, relinked, false);
  file.close();
}

/** What the file holds, to be read. */
function imageOf({ structures, metadataRegion, pages, tables }: VhdxFile): VhdxImage {
  const regions = { ...structures.regions, metadata: metadataRegion };
  return new VhdxImage({ ...structures, regions, source: pages }, tables);
}
