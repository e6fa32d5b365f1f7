/**
 * The metadata region of a new image: the table and the system items behind it, in the order and
 * packing of Windows 10; and behind these, items that come from another file.
 *
 * @module
 */
import type { ImageSpec } from "../image_spec.ts";
import type { CopyableItem } from "../metadata_item.ts";
import {
  encodeFileParameters,
  encodeSectorSize,
  encodeVirtualDiskId,
  encodeVirtualSize,
  FILE_PARAMETERS,
  LOGICAL_SECTOR_SIZE,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  VIRTUAL_DISK_ID,
  VIRTUAL_DISK_SIZE,
} from "./metadata_items.ts";
import { encodeMetadataTable, METADATA_TABLE_LENGTH, type MetadataItem } from "./metadata_table.ts";
import { assertItemsFit } from "./metadata_limits.ts";
import { encodeParentLocator } from "./parent_locator.ts";

interface NewItem {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Describes the disk, as against its file. */
  readonly isVirtualDisk: boolean;
}

/** What the region of a new image begins with, without gaps; the rest is zeros. */
export interface NewMetadataRegion {
  /** The table and the format's own items. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** What comes behind, in this order. */
  readonly items: readonly CopyableItem[];
  /** Bytes of `items`. */
  readonly itemsLength: number;
}

/**
 * The metadata region of a new image.
 *
 * @param path The file, for errors.
 * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` where the parent's path cannot be stored,
 * `ERROR_VHD_METADATA_FULL` for more items than a file may have.
 */
export function newMetadataRegion(path: string, spec: ImageSpec): NewMetadataRegion {
  const { items = [] } = spec;
  const newItems = itemsOf(path, spec);
  const length = newItems.reduce((sum, { bytes }) => sum + bytes.length, METADATA_TABLE_LENGTH);
  const head = new Uint8Array(length);
  const table: MetadataItem[] = [];
  let offset = METADATA_TABLE_LENGTH;
  for (const { id, bytes, isVirtualDisk } of newItems) {
    table.push({
      id,
      offset,
      length: bytes.length,
      isUser: false,
      isVirtualDisk,
      isRequired: true,
    });
    head.set(bytes, offset);
    offset += bytes.length;
  }
  for (const item of items) {
    table.push({ ...item, offset: item.length === 0 ? 0 : offset });
    offset += item.length;
  }
  assertItemsFit(path, table);
  head.set(encodeMetadataTable(table));
  return { head, items, itemsLength: offset - length };
}

function itemsOf(path: string, spec: ImageSpec): NewItem[] {
  const { parent } = spec;
  const fileParameters = encodeFileParameters({
    blockSize: spec.blockSize,
    leaveBlocksAllocated: spec.subtype === "fixed",
    hasParent: parent !== undefined,
  });
  const items: NewItem[] = [
    { id: FILE_PARAMETERS.id, bytes: fileParameters, isVirtualDisk: false },
    {
      id: VIRTUAL_DISK_SIZE.id,
      bytes: encodeVirtualSize(spec.virtualSize),
      isVirtualDisk: true,
    },
    {
      id: LOGICAL_SECTOR_SIZE.id,
      bytes: encodeSectorSize(spec.logicalSectorSize),
      isVirtualDisk: true,
    },
    {
      id: PHYSICAL_SECTOR_SIZE.id,
      bytes: encodeSectorSize(spec.physicalSectorSize),
      isVirtualDisk: true,
    },
    {
      id: VIRTUAL_DISK_ID.id,
      bytes: encodeVirtualDiskId(spec.identifier),
      isVirtualDisk: true,
    },
  ];
  if (parent !== undefined) {
    items.push({
      id: PARENT_LOCATOR,
      bytes: encodeParentLocator(path, parent),
      isVirtualDisk: false,
    });
  }
  return items;
}
