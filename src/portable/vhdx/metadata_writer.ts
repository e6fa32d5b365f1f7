/**
 * Changes items of the metadata region ([MS-VHDX] 2.6), each change durable when it returns.
 *
 * @module
 */
import { NIL_GUID, normalizeGuid } from "../../bytes/guid.ts";
import type { WritableSource } from "../byte_source.ts";
import type { ImageMetadata } from "../image.ts";
import { ImageError } from "../image_error.ts";
import type { CopyableItem } from "../metadata_item.ts";
import { planDiskItems } from "./disk_items.ts";
import { LOG_SECTOR_SIZE, MIB } from "./file_map.ts";
import type { FileSpace } from "./file_space.ts";
import type { ItemKind } from "./item_reader.ts";
import type { LoggedPages } from "./logged_pages.ts";
import { assertItemsFit, metadataFull } from "./metadata_limits.ts";
import { MetadataReader } from "./metadata_reader.ts";
import { findItemSpace } from "./metadata_space.ts";
import {
  encodeEntryCount,
  encodeMetadataEntry,
  encodeMetadataTable,
  ENTRY_COUNT,
  ENTRY_LENGTH,
  entryOffset,
  type LocatedItem,
  MAX_REGION_LENGTH,
  METADATA_TABLE_LENGTH,
  readMetadataTable,
} from "./metadata_table.ts";
import { moveToLargerPlace } from "./region_mover.ts";
import type { Region } from "./region_table.ts";

/** Items longer than an entry of the log take several. */
const PIECE_LENGTH = 64 * LOG_SECTOR_SIZE;
const MAX_PAGES_PER_PIECE = PIECE_LENGTH / LOG_SECTOR_SIZE + 1;
/** The number of entries, and two entries. */
const MAX_PAGES_OF_TABLE = 1 + 2;
const PAGES_OF_WHOLE_TABLE = METADATA_TABLE_LENGTH / LOG_SECTOR_SIZE;
/** A system item may lie across the border of two pages. */
const MAX_PAGES_OF_ITEM = 2;

/** What the items lie in, and what has to be known to change them. */
export interface MetadataWriterParts {
  readonly file: WritableSource;
  readonly pages: LoggedPages;
  readonly space: FileSpace;
  readonly region: Region;
  /** To be called before anything is written. */
  readonly beforeChange: () => void;
  /** Is told where the region has moved to. */
  readonly onMove: (region: Region) => void;
}

/** Reads and changes items. */
export class MetadataWriter implements ImageMetadata {
  readonly #parts: MetadataWriterParts;
  #region: Region;

  constructor(parts: MetadataWriterParts) {
    this.#parts = parts;
    this.#region = parts.region;
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
    assertItemsFit(this.#parts.pages.path, [...others, { isUser: true, length: value.length }]);
    this.#parts.beforeChange();
    const offset = value.length === 0 ? 0 : this.#place(items, value.length);
    this.#writeItem(offset, value);
    const index = present ?? items.length;
    this.#parts.pages.reserve(MAX_PAGES_OF_TABLE);
    const entry = { isUser: true, isVirtualDisk: false, isRequired: false, ...items.at(index) };
    this.#write(
      encodeMetadataEntry({ ...entry, id, offset, length: value.length }),
      entryOffset(index),
    );
    if (present === undefined) this.#write(encodeEntryCount(items.length + 1), ENTRY_COUNT);
    this.#parts.pages.publish();
  }

  delete(item: string): boolean {
    const items = this.#items();
    const index = findUserItem(items, this.#itemId(item));
    if (index === undefined) return false;
    this.#parts.beforeChange();
    this.#parts.pages.reserve(MAX_PAGES_OF_TABLE);
    // The last entry takes the place of the one that goes.
    const last = items.length - 1;
    this.#write(encodeMetadataEntry(items[last]!), entryOffset(index));
    this.#write(new Uint8Array(ENTRY_LENGTH), entryOffset(last));
    this.#write(encodeEntryCount(last), ENTRY_COUNT);
    this.#parts.pages.publish();
    return true;
  }

  copyable(): CopyableItem[] {
    return this.#reader().copyable();
  }

  setDiskItems(wanted: readonly CopyableItem[]): void {
    const { pages, beforeChange } = this.#parts;
    const before = this.#items();
    const { table, added, regionLength } = planDiskItems(pages, this.#region, wanted);
    // Nothing is added, and as many are left as there were: they are the same.
    if (added.length === 0 && table.length === before.length) return;
    beforeChange();
    if (regionLength > this.#region.length) this.#grow(regionLength);
    for (const { item, offset } of added) this.#writeItem(offset, item.read());
    pages.reserve(PAGES_OF_WHOLE_TABLE);
    const entries = entryOffset(Math.max(table.length, before.length));
    this.#write(encodeMetadataTable(table).subarray(entryOffset(0), entries), entryOffset(0));
    this.#write(encodeEntryCount(table.length), ENTRY_COUNT);
    pages.publish();
  }

  /** Gives a system item, which every file has, another value of the same length. */
  setSystemItem(kind: ItemKind, value: Uint8Array): void {
    const item = this.#items().find(({ id, isUser }) => !isUser && id === kind.id)!;
    this.#parts.beforeChange();
    this.#parts.pages.reserve(MAX_PAGES_OF_ITEM);
    this.#write(value, item.offset);
    this.#parts.pages.publish();
  }

  /**
   * Gives a system item, which this file has, another value of any length.
   *
   * @param beforeChange To be called before anything is written.
   */
  replaceSystemItem(id: string, value: Uint8Array, beforeChange: () => void): void {
    const items = this.#items();
    const index = items.findIndex((item) => !item.isUser && item.id === id);
    beforeChange();
    const offset = this.#place(items, value.length);
    this.#writeItem(offset, value);
    this.#parts.pages.reserve(MAX_PAGES_OF_TABLE);
    const entry = { ...items[index]!, offset, length: value.length };
    this.#write(encodeMetadataEntry(entry), entryOffset(index));
    this.#parts.pages.publish();
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
    const { file, pages, space, onMove } = this.#parts;
    const { length } = this.#region;
    // Doubling keeps what is left behind, until the next open, below what is in use.
    const grown = Math.max(
      Math.ceil(needed / MIB) * MIB,
      Math.min(2 * length, MAX_REGION_LENGTH),
    );
    if (grown > MAX_REGION_LENGTH) {
      throw metadataFull(pages.path, `a region of ${length} bytes without room`);
    }
    this.#region = moveToLargerPlace(file, pages, space, this.#region, grown);
    onMove(this.#region);
  }

  /** Bytes that no table names yet may be published in pieces. */
  #writeItem(offset: number, value: Uint8Array): void {
    for (let done = 0; done < value.length; done += PIECE_LENGTH) {
      this.#parts.pages.reserve(MAX_PAGES_PER_PIECE);
      this.#write(value.subarray(done, done + PIECE_LENGTH), offset + done);
    }
  }

  #write(bytes: Uint8Array, offsetInRegion: number): void {
    this.#parts.pages.writeAt(bytes, this.#region.offset + offsetInRegion);
  }

  #itemId(item: string): string {
    const id = normalizeGuid(item, "the metadata item");
    if (id !== NIL_GUID) return id;
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path: this.#parts.pages.path,
      reason: "a metadata item cannot have the all-zero GUID",
    });
  }

  #reader(): MetadataReader {
    return new MetadataReader(this.#parts.pages, this.#region);
  }

  #items(): LocatedItem[] {
    return readMetadataTable(this.#parts.pages, this.#region);
  }
}

/** The index of a user item; `undefined` where there is none. */
function findUserItem(items: readonly LocatedItem[], id: string): number | undefined {
  const index = items.findIndex((item) => item.isUser && item.id === id);
  return index < 0 ? undefined : index;
}
