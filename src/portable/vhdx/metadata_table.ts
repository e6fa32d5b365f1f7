/**
 * The table at the start of the metadata region ([MS-VHDX] 2.6.1): which items there are and where.
 *
 * ```text
 * 0   8  "metadata"             each entry, from 32 on, 32 bytes:
 * 10  2  EntryCount              0   16  ItemId
 *                                16  4   Offset, from the start of the region
 *                                20  4   Length
 *                                24  4   bit 0 IsUser, bit 1 IsVirtualDisk, bit 2 IsRequired
 *                                28  4   Reserved
 * ```
 *
 * @module
 */
import { readGuid, writeGuid } from "../../bytes/guid.ts";
import {
  asciiField,
  type ByteSource,
  hasSignature,
  readStructure,
  viewOf,
} from "../file/byte_source.ts";
import { damaged, ImageError } from "../file/image_error.ts";
import type { ItemDescription } from "../image/image.ts";
import { MIB } from "./file_map.ts";
import { OccupiedRanges } from "./space.ts";
import type { Region } from "./region_table.ts";

/** Bytes of the table; items lie behind it. */
export const METADATA_TABLE_LENGTH = 0x10000;

const SIGNATURE = "metadata";
/** Where the table says how many entries it has. */
export const ENTRY_COUNT = 10;
const FIRST_ENTRY = 32;
/** Bytes of an entry. */
export const ENTRY_LENGTH = 32;
const ITEM_OFFSET = 16;
/** Where an entry holds the length of its item. */
export const ITEM_LENGTH = 20;
const ITEM_FLAGS = 24;
const RESERVED = 28;

const IS_USER = 1;
const IS_VIRTUAL_DISK = 2;
const IS_REQUIRED = 4;
const KNOWN_FLAGS = IS_USER | IS_VIRTUAL_DISK | IS_REQUIRED;

/** The most entries that a table has. */
export const MAX_ENTRIES = 2047;
/** The most of them that are users' items. */
export const MAX_USER_ENTRIES = 1024;
/** Bytes of the longest item. */
export const MAX_ITEM_LENGTH = MIB;
/** What the items of a full table can need stays far below; larger regions are not made by anyone. */
export const MAX_REGION_LENGTH = 128 * MIB;

/** What the table says of an item. */
export interface MetadataItem extends ItemDescription {
  /** Bytes from the start of the metadata region; 0 where the item is empty. */
  readonly offset: number;
}

/** An item and the place of its table entry in the file, for errors. */
export interface LocatedItem extends MetadataItem {
  readonly entryOffset: number;
}

/**
 * Reads the table; no item.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where it breaks a rule.
 */
export function readMetadataTable(source: ByteSource, region: Region): LocatedItem[] {
  const wrong = (field: number, found: unknown, expected: string) =>
    damaged(
      source,
      "ERROR_FILE_CORRUPT",
      "metadata table",
      region.offset + field,
      found,
      expected,
    );
  if (region.length > MAX_REGION_LENGTH) {
    throw wrong(0, `a region of ${region.length} bytes`, `at most ${MAX_REGION_LENGTH}`);
  }
  const bytes = readStructure(
    source,
    region.offset,
    METADATA_TABLE_LENGTH,
    "metadata table",
    "ERROR_FILE_CORRUPT",
  );
  if (!hasSignature(bytes, 0, SIGNATURE)) {
    throw wrong(0, asciiField(bytes, 0, SIGNATURE.length), `signature ${SIGNATURE}`);
  }
  const count = viewOf(bytes).getUint16(ENTRY_COUNT, true);
  if (count > MAX_ENTRIES) throw wrong(ENTRY_COUNT, `${count} entries`, `at most ${MAX_ENTRIES}`);
  const items: LocatedItem[] = [];
  for (let i = 0; i < count; i++) {
    const at = entryOffset(i);
    items.push({ ...decodeEntry(bytes, at), entryOffset: region.offset + at });
  }
  assertItems(source, region, items);
  return items;
}

function decodeEntry(bytes: Uint8Array, at: number): MetadataItem {
  const view = viewOf(bytes);
  const flags = view.getUint32(at + ITEM_FLAGS, true);
  return {
    id: readGuid(bytes, at),
    offset: view.getUint32(at + ITEM_OFFSET, true),
    length: view.getUint32(at + ITEM_LENGTH, true),
    isUser: (flags & IS_USER) !== 0,
    isVirtualDisk: (flags & IS_VIRTUAL_DISK) !== 0,
    isRequired: (flags & IS_REQUIRED) !== 0,
    reserved: { flags: flags & ~KNOWN_FLAGS, field: view.getUint32(at + RESERVED, true) },
  };
}

function assertItems(source: ByteSource, region: Region, items: readonly LocatedItem[]): void {
  const occupied = new OccupiedRanges();
  const names = new Set<string>();
  let userItems = 0;
  for (const item of items) {
    const wrong = (field: number, found: unknown, expected: string): ImageError =>
      damaged(
        source,
        "ERROR_FILE_CORRUPT",
        "metadata table entry",
        item.entryOffset + field,
        found,
        expected,
      );
    const name = `${item.isUser ? "user" : "system"} item ${item.id}`;
    if (names.has(name)) throw wrong(0, `${name} again`, "it once");
    names.add(name);
    if (item.isUser && ++userItems > MAX_USER_ENTRIES) {
      throw wrong(ITEM_FLAGS, `${userItems} user items`, `at most ${MAX_USER_ENTRIES}`);
    }
    if (item.length > MAX_ITEM_LENGTH) {
      throw wrong(ITEM_LENGTH, item.length, `at most ${MAX_ITEM_LENGTH} bytes`);
    }
    if (item.length === 0) {
      if (item.offset !== 0) throw wrong(ITEM_OFFSET, item.offset, "0, as the item is empty");
      continue;
    }
    if (item.offset < METADATA_TABLE_LENGTH || item.offset + item.length > region.length) {
      throw wrong(
        ITEM_OFFSET,
        item.offset,
        `${item.length} bytes between ${METADATA_TABLE_LENGTH} and ${region.length}`,
      );
    }
    const other = occupied.overlapping(item.offset, item.length);
    if (other !== undefined) {
      throw wrong(ITEM_OFFSET, item.offset, `a place outside ${other.name} at ${other.offset}`);
    }
    occupied.add({ name, offset: item.offset, length: item.length });
  }
}

/** The bytes of a table. */
export function encodeMetadataTable(items: readonly MetadataItem[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(METADATA_TABLE_LENGTH);
  new TextEncoder().encodeInto(SIGNATURE, bytes);
  bytes.set(encodeEntryCount(items.length), ENTRY_COUNT);
  for (const [i, item] of items.entries()) bytes.set(encodeMetadataEntry(item), entryOffset(i));
  return bytes;
}

/** Where the entry of a number begins, in the table. */
export function entryOffset(index: number): number {
  return FIRST_ENTRY + index * ENTRY_LENGTH;
}

/** The bytes of the field that says how many entries there are. */
export function encodeEntryCount(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2);
  viewOf(bytes).setUint16(0, count, true);
  return bytes;
}

/** The bytes of an entry. */
export function encodeMetadataEntry(item: MetadataItem): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ENTRY_LENGTH);
  const view = viewOf(bytes);
  writeGuid(bytes, 0, item.id);
  view.setUint32(ITEM_OFFSET, item.offset, true);
  view.setUint32(ITEM_LENGTH, item.length, true);
  const flags = (item.isUser ? IS_USER : 0) | (item.isVirtualDisk ? IS_VIRTUAL_DISK : 0) |
    (item.isRequired ? IS_REQUIRED : 0) | (item.reserved?.flags ?? 0);
  view.setUint32(ITEM_FLAGS, flags, true);
  view.setUint32(RESERVED, item.reserved?.field ?? 0, true);
  return bytes;
}

/** What is left of the table beside the users' items. */
export const MAX_SYSTEM_ENTRIES = 1023;
/** All items of the users together, and all others; the format names no such limit, Windows has it. */
export const MAX_CATEGORY_LENGTH = 40 * MIB;

/**
 * Refuses items that a file cannot have.
 *
 * @param path The file, for the error.
 * @param items All that it would have.
 * @throws {ImageError} `ERROR_VHD_METADATA_FULL`.
 */
export function assertItemsFit(
  path: string,
  items: readonly Pick<ItemDescription, "isUser" | "length">[],
): void {
  for (const whose of [true, false]) {
    const lengths = items.filter(({ isUser }) => isUser === whose).map(({ length }) => length);
    const longest = Math.max(0, ...lengths);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const maximum = whose ? MAX_USER_ENTRIES : MAX_SYSTEM_ENTRIES;
    const name = whose ? "user" : "system";
    if (longest > MAX_ITEM_LENGTH) {
      throw metadataFull(path, `${longest} bytes; an item has at most ${MAX_ITEM_LENGTH}`);
    }
    if (total > MAX_CATEGORY_LENGTH) {
      const reason = `${name} items of ${total} bytes; all have at most ${MAX_CATEGORY_LENGTH}`;
      throw metadataFull(path, reason);
    }
    if (lengths.length > maximum) {
      throw metadataFull(path, `${lengths.length} ${name} items; there are at most ${maximum}`);
    }
  }
}

/** The error of a file without room for its items. */
export function metadataFull(path: string, reason: string): ImageError {
  return new ImageError("ERROR_VHD_METADATA_FULL", { path, reason });
}

/**
 * Where an item fits between those that the table names, from the start of the region.
 *
 * @param length Bytes, more than 0.
 * @param regionLength Bytes.
 * @returns `undefined` where it does not.
 */
export function findItemSpace(
  items: readonly MetadataItem[],
  length: number,
  regionLength: number,
): number | undefined {
  let start = METADATA_TABLE_LENGTH;
  const inOrder = items.filter((item) => item.length > 0).sort((a, b) => a.offset - b.offset);
  for (const item of inOrder) {
    if (item.offset - start >= length) return start;
    start = item.offset + item.length;
  }
  return regionLength - start >= length ? start : undefined;
}
