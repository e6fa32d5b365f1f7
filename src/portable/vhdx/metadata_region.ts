/**
 * The metadata region of a new image: the table and the system items behind it, in the order and
 * packing of Windows 10.
 *
 * @module
 */
import type { ImageSpec } from "../image_spec.ts";
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
import { encodeParentLocator } from "./parent_locator.ts";

interface NewItem {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Describes the disk, as against its file. */
  readonly isVirtualDisk: boolean;
}

/**
 * The used part of the region.
 *
 * @param path The file, for errors.
 * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` where the parent's path cannot be stored.
 */
export function encodeMetadataRegion(path: string, spec: ImageSpec): Uint8Array<ArrayBuffer> {
  const newItems = itemsOf(path, spec);
  const length = newItems.reduce((sum, { bytes }) => sum + bytes.length, METADATA_TABLE_LENGTH);
  const region = new Uint8Array(length);
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
    region.set(bytes, offset);
    offset += bytes.length;
  }
  region.set(encodeMetadataTable(table));
  return region;
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
