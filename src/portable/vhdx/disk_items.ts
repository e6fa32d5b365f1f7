/**
 * Metadata items that go with the disk ([MS-VHDX] 2.6.1.2, IsVirtualDisk): a child is born with its parent's,
 * and a merge makes the parent's those of the child.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { NIL_GUID } from "../../bytes/guid.ts";
import { type ByteSource, readStructure } from "../byte_source.ts";
import type { CopyableItem, ItemDescription } from "../metadata_item.ts";
import { FORMAT_ITEMS } from "./metadata_items.ts";
import { assertItemsFit, metadataFull } from "./metadata_limits.ts";
import { findItemSpace } from "./metadata_space.ts";
import { MAX_REGION_LENGTH, type MetadataItem, readMetadataTable } from "./metadata_table.ts";
import type { Region } from "./region_table.ts";

/** All items but those that the format gives a meaning in their own file. */
export function copyableItems(source: ByteSource, region: Region): CopyableItem[] {
  return readMetadataTable(source, region).filter(isCopyable).map((item) => ({
    ...item,
    read: () => readItem(source, region, item),
  }));
}

/** What a file gets other items by. */
export interface ItemReplacement {
  /** All items that the file has afterwards. */
  readonly table: readonly MetadataItem[];
  /** What is to be written before the table names it, and where in the region. */
  readonly added: readonly { readonly item: CopyableItem; readonly offset: number }[];
  /** Bytes that the region must have. */
  readonly regionLength: number;
}

/**
 * Finds places for items that are to be all the copyable ones that describe the disk. What is there already
 * stays where it is, and nothing that the present table names is written over.
 *
 * @param wanted They describe the disk. One takes the place of an item of the file that has its id.
 * @throws {ImageError} `ERROR_VHD_METADATA_FULL` where the file has no room for them.
 */
export function planDiskItems(
  source: ByteSource,
  region: Region,
  wanted: readonly CopyableItem[],
): ItemReplacement {
  const present = readMetadataTable(source, region);
  const missing = new Map(wanted.map((item) => [keyOf(item), item]));
  const table: MetadataItem[] = present.filter((item) => {
    if (!isCopyable(item)) return true;
    const other = missing.get(keyOf(item));
    if (other === undefined) return !item.isVirtualDisk;
    const isSame = isAlike(item, other) &&
      Buffer.compare(readItem(source, region, item), other.read()) === 0;
    if (!isSame) return false;
    return missing.delete(keyOf(item));
  });
  const added: { readonly item: CopyableItem; readonly offset: number }[] = [];
  const occupied: MetadataItem[] = [...present];
  for (const item of missing.values()) {
    const offset = placeFor(source.path, occupied, item);
    const { read: _, ...described } = item;
    const placed = { ...described, offset };
    occupied.push(placed);
    table.push(placed);
    added.push({ item, offset });
  }
  assertItemsFit(source.path, table);
  const ends = added.map(({ item, offset }) => offset + item.length);
  return { table, added, regionLength: Math.max(region.length, ...ends) };
}

/** An item without a GUID is nobody's: it stays where it is, and unseen. */
function isCopyable({ id, isUser }: ItemDescription): boolean {
  return id !== NIL_GUID && (isUser || !FORMAT_ITEMS.has(id));
}

function keyOf({ id, isUser }: ItemDescription): string {
  return `${isUser ? "user" : "system"} ${id}`;
}

/** Whether the table entries say the same, but for the place. */
function isAlike(item: ItemDescription, other: ItemDescription): boolean {
  return item.length === other.length && item.isVirtualDisk === other.isVirtualDisk &&
    item.isRequired === other.isRequired && item.reserved?.flags === other.reserved?.flags &&
    item.reserved?.field === other.reserved?.field;
}

function readItem(
  source: ByteSource,
  region: Region,
  { offset, length }: MetadataItem,
): Uint8Array<ArrayBuffer> {
  return readStructure(
    source,
    region.offset + offset,
    length,
    "metadata item",
    "ERROR_FILE_CORRUPT",
  );
}

/** The region can become as long as any. */
function placeFor(
  path: string,
  occupied: readonly MetadataItem[],
  { id, length }: ItemDescription,
): number {
  if (length === 0) return 0;
  const offset = findItemSpace(occupied, length, MAX_REGION_LENGTH);
  if (offset !== undefined) return offset;
  throw metadataFull(path, `item ${id} of ${length} bytes does not fit beside the present ones`);
}
