/**
 * Changes items of the metadata region ([MS-VHDX] 2.6), each change durable when it returns.
 *
 * @module
 */
import { isEqual } from "../../bytes/equal.ts";
import { NIL_GUID, normalizeGuid } from "../../bytes/guid.ts";
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import type { CopyableItem, ImageMetadata, ItemDescription } from "../image/image.ts";
import { LOG_SECTOR_SIZE, MIB } from "./file_map.ts";
import { FORMAT_ITEMS, type ItemKind } from "./metadata_items.ts";
import {
  assertItemsFit,
  encodeMetadataEntry,
  encodeMetadataTable,
  entryOffset,
  findItemSpace,
  type LocatedItem,
  MAX_REGION_LENGTH,
  METADATA_ENTRY,
  METADATA_TABLE,
  METADATA_TABLE_LENGTH,
  metadataFull,
  type MetadataItem,
  readMetadataTable,
} from "./metadata_table.ts";
import type { VhdxFile } from "./vhdx_file.ts";
import type { Region } from "./region_table.ts";

/** Items longer than an entry of the log take several. */
const PIECE_LENGTH = 64 * LOG_SECTOR_SIZE;
const MAX_PAGES_PER_PIECE = PIECE_LENGTH / LOG_SECTOR_SIZE + 1;
/** The number of entries, and two entries. */
const MAX_PAGES_OF_TABLE = 1 + 2;
const PAGES_OF_WHOLE_TABLE = METADATA_TABLE_LENGTH / LOG_SECTOR_SIZE;
/** A system item may lie across the border of two pages. */
const MAX_PAGES_OF_ITEM = 2;

/** Reads and changes items. */
export class MetadataWriter implements ImageMetadata {
  readonly #file: VhdxFile;

  constructor(file: VhdxFile) {
    this.#file = file;
  }

  get #region(): Region {
    return this.#file.metadataRegion;
  }

  keys(): string[] {
    return this.#reader().keys();
  }

  get(item: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#reader().get(item);
  }

  set(item: string, value: Uint8Array): void {
    const id = this.#itemId(item);
    const items = this.#items();
    const present = findUserItem(items, id);
    const others = items.filter((_, index) => index !== present);
    assertItemsFit(this.#file.pages.path, [...others, { isUser: true, length: value.length }]);
    this.#file.beforeDataChange();
    const offset = value.length === 0 ? 0 : this.#place(items, value.length);
    this.#writeItem(offset, value);
    const index = present ?? items.length;
    this.#file.pages.reserve(MAX_PAGES_OF_TABLE);
    const entry = { isUser: true, isVirtualDisk: false, isRequired: false, ...items.at(index) };
    this.#write(
      encodeMetadataEntry({ ...entry, id, offset, length: value.length }),
      entryOffset(index),
    );
    if (present === undefined) this.#writeCount(items.length + 1);
    this.#file.pages.publish();
  }

  delete(item: string): boolean {
    const items = this.#items();
    const index = findUserItem(items, this.#itemId(item));
    if (index === undefined) return false;
    this.#file.beforeDataChange();
    this.#file.pages.reserve(MAX_PAGES_OF_TABLE);
    // The last entry takes the place of the one that goes.
    const last = items.length - 1;
    this.#write(encodeMetadataEntry(items[last]!), entryOffset(index));
    this.#write(new Uint8Array(METADATA_ENTRY.size), entryOffset(last));
    this.#writeCount(last);
    this.#file.pages.publish();
    return true;
  }

  copyable(): CopyableItem[] {
    return this.#reader().copyable();
  }

  setDiskItems(wanted: readonly CopyableItem[]): void {
    const { pages } = this.#file;
    const before = this.#items();
    const { table, added, regionLength } = planDiskItems(pages, this.#region, wanted);
    // Nothing is added, and as many are left as there were: they are the same.
    if (added.length === 0 && table.length === before.length) return;
    this.#file.beforeDataChange();
    if (regionLength > this.#region.length) this.#grow(regionLength);
    for (const { item, offset } of added) this.#writeItem(offset, item.read());
    pages.reserve(PAGES_OF_WHOLE_TABLE);
    const entries = entryOffset(Math.max(table.length, before.length));
    this.#write(encodeMetadataTable(table).subarray(entryOffset(0), entries), entryOffset(0));
    this.#writeCount(table.length);
    pages.publish();
  }

  /** Gives a system item, which every file has, another value of the same length. */
  setSystemItem(kind: ItemKind, value: Uint8Array): void {
    const item = this.#items().find(({ id, isUser }) => !isUser && id === kind.id)!;
    this.#file.beforeDataChange();
    this.#file.pages.reserve(MAX_PAGES_OF_ITEM);
    this.#write(value, item.offset);
    this.#file.pages.publish();
  }

  /**
   * Gives a system item, which this file has, another value of any length.
   *
   * @param changesDisk Whether children no longer know the disk afterwards.
   * @throws {ImageError} `ERROR_VHD_METADATA_FULL`, before anything is written, for a value that is too long.
   */
  replaceSystemItem(id: string, value: Uint8Array, changesDisk: boolean): void {
    assertItemsFit(this.#file.pages.path, [{ isUser: false, length: value.length }]);
    const items = this.#items();
    const index = items.findIndex((item) => !item.isUser && item.id === id);
    if (changesDisk) this.#file.beforeDataChange();
    else this.#file.beforeWrite();
    const offset = this.#place(items, value.length);
    this.#writeItem(offset, value);
    this.#file.pages.reserve(MAX_PAGES_OF_TABLE);
    const entry = { ...items[index]!, offset, length: value.length };
    this.#write(encodeMetadataEntry(entry), entryOffset(index));
    this.#file.pages.publish();
  }

  /** Where items of the given length go: nothing durable names that place. */
  #place(items: readonly LocatedItem[], length: number): number {
    const offset = findItemSpace(items, length, this.#region.length);
    if (offset !== undefined) return offset;
    const end = this.#region.length;
    this.#grow(end + length);
    return end;
  }

  /** Gives the region at least so many bytes. */
  #grow(needed: number): void {
    const { length } = this.#region;
    // Doubling keeps what is left behind, until the next open, below what is in use.
    const grown = Math.max(
      Math.ceil(needed / MIB) * MIB,
      Math.min(2 * length, MAX_REGION_LENGTH),
    );
    if (grown > MAX_REGION_LENGTH) {
      throw metadataFull(this.#file.pages.path, `a region of ${length} bytes without room`);
    }
    this.#file.enlargeMetadataRegion(grown);
  }

  /** Bytes that no table names yet may be published in pieces. */
  #writeItem(offset: number, value: Uint8Array): void {
    for (let done = 0; done < value.length; done += PIECE_LENGTH) {
      this.#file.pages.reserve(MAX_PAGES_PER_PIECE);
      this.#write(value.subarray(done, done + PIECE_LENGTH), offset + done);
    }
  }

  #writeCount(entryCount: number): void {
    const { offset, length } = METADATA_TABLE.range("entryCount");
    const head = METADATA_TABLE.pack({ entryCount });
    this.#write(head.subarray(offset, offset + length), offset);
  }

  #write(bytes: Uint8Array, offsetInRegion: number): void {
    this.#file.pages.writeAt(bytes, this.#region.offset + offsetInRegion);
  }

  #itemId(item: string): string {
    const id = normalizeGuid(item, "the metadata item");
    if (id !== NIL_GUID) return id;
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path: this.#file.pages.path,
      reason: "a metadata item cannot have the all-zero GUID",
    });
  }

  #reader(): MetadataReader {
    return new MetadataReader(this.#file.pages, this.#region);
  }

  #items(): LocatedItem[] {
    return readMetadataTable(this.#file.pages, this.#region);
  }
}

/** The index of a user item; `undefined` where there is none. */
function findUserItem(items: readonly LocatedItem[], id: string): number | undefined {
  const index = items.findIndex((item) => item.isUser && item.id === id);
  return index < 0 ? undefined : index;
}

// Reads items of the metadata region ([MS-VHDX] 2.6): the blobs that users of the disk keep in its file, and
// what can be copied to another file.

/** Reads items. */
export class MetadataReader implements Pick<ImageMetadata, "keys" | "get" | "copyable"> {
  readonly #source: ByteSource;
  readonly #region: Region;

  constructor(source: ByteSource, region: Region) {
    this.#source = source;
    this.#region = region;
  }

  keys(): string[] {
    return this.#userItems().map(({ id }) => id);
  }

  get(item: string): Uint8Array<ArrayBuffer> | undefined {
    const id = normalizeGuid(item, "the metadata item");
    return this.#userItems().find((each) => each.id === id)?.read();
  }

  copyable(): CopyableItem[] {
    return copyableItems(this.#source, this.#region);
  }

  #userItems(): CopyableItem[] {
    return this.copyable().filter(({ isUser }) => isUser);
  }
}

// Metadata items that go with the disk ([MS-VHDX] 2.6.1.2, IsVirtualDisk): a child is born with its parent's,
// and a merge makes the parent's those of the child.

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
      isEqual(readItem(source, region, item), other.read());
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
