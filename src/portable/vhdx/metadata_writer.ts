/**
 * Changes items of the metadata region ([MS-VHDX] 2.6), each change durable when it returns.
 *
 * @module
 */
import { NIL_GUID, normalizeGuid } from "../../bytes/guid.ts";
import type { WritableSource } from "../byte_source.ts";
import type { ImageMetadata } from "../image.ts";
import { ImageError } from "../image_error.ts";
import { LOG_SECTOR_SIZE, MIB } from "./file_map.ts";
import type { FileSpace } from "./file_space.ts";
import type { ItemKind } from "./item_reader.ts";
import type { LoggedPages } from "./logged_pages.ts";
import { findItemSpace } from "./metadata_space.ts";
import {
  encodeEntryCount,
  encodeMetadataEntry,
  ENTRY_COUNT,
  ENTRY_LENGTH,
  entryOffset,
  type LocatedItem,
  MAX_ENTRIES,
  MAX_ITEM_LENGTH,
  MAX_REGION_LENGTH,
  MAX_USER_ENTRIES,
  readMetadataTable,
} from "./metadata_table.ts";
import { moveToLargerPlace } from "./region_mover.ts";
import type { Region } from "./region_table.ts";
import { UserMetadata } from "./user_metadata.ts";

/** All user items together; the format names no such limit, Windows has it. */
const MAX_USER_LENGTH = 40 * MIB;
/** Items longer than an entry of the log take several. */
const PIECE_LENGTH = 64 * LOG_SECTOR_SIZE;
const MAX_PAGES_PER_PIECE = PIECE_LENGTH / LOG_SECTOR_SIZE + 1;
/** The number of entries, and two entries. */
const MAX_PAGES_OF_TABLE = 1 + 2;
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

/** Reads and changes user items; changes system items. */
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
    this.#assertRoom(items, present, value.length);
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
    const { file, pages, space, onMove } = this.#parts;
    const offset = findItemSpace(items, length, this.#region.length);
    if (offset !== undefined) return offset;
    const end = this.#region.length;
    const needed = end + Math.ceil(length / MIB) * MIB;
    // Doubling keeps what is left behind, until the next open, below what is in use.
    const grown = Math.max(needed, Math.min(2 * end, MAX_REGION_LENGTH));
    if (grown > MAX_REGION_LENGTH) throw this.#full(`a region of ${end} bytes without room`);
    this.#region = moveToLargerPlace(file, pages, space, this.#region, grown);
    onMove(this.#region);
    return end;
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

  #assertRoom(items: readonly LocatedItem[], present: number | undefined, length: number): void {
    const others = items.filter(({ isUser }, index) => isUser && index !== present);
    const total = others.reduce((sum, other) => sum + other.length, length);
    if (length > MAX_ITEM_LENGTH) throw this.#full(`${length} bytes; an item has at most 1 MiB`);
    if (total > MAX_USER_LENGTH) throw this.#full(`${total} bytes; all items have at most 40 MiB`);
    if (others.length >= MAX_USER_ENTRIES) throw this.#full(`${MAX_USER_ENTRIES} items already`);
    if (present === undefined && items.length >= MAX_ENTRIES) {
      throw this.#full(`${MAX_ENTRIES} items of all kinds already`);
    }
  }

  #itemId(item: string): string {
    const id = normalizeGuid(item, "the metadata item");
    if (id !== NIL_GUID) return id;
    throw new ImageError("ERROR_INVALID_PARAMETER", {
      path: this.#parts.pages.path,
      reason: "a metadata item cannot have the all-zero GUID",
    });
  }

  #full(reason: string): ImageError {
    return new ImageError("ERROR_VHD_METADATA_FULL", { path: this.#parts.pages.path, reason });
  }

  #reader(): UserMetadata {
    return new UserMetadata(this.#parts.pages, this.#region);
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
