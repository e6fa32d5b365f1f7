/**
 * The table at the start of the metadata region ([MS-VHDX] 2.6.1): which items there are and where.
 *
 * @module
 */
import { guid, u16, u32 } from "../../bytes/codec.ts";
import { NIL_GUID } from "../../bytes/guid.ts";
import { layout, reserved, signature } from "../../bytes/layout.ts";
import { asciiField, type ByteSource, readStructure } from "../file/byte_source.ts";
import { damagedField, ImageError } from "../file/image_error.ts";
import type { ItemDescription } from "../image/image.ts";
import { MIB } from "./file_map.ts";
import { OccupiedRanges } from "./space.ts";
import type { Region } from "./region_table.ts";

/** Bytes of the table; items lie behind it. */
export const METADATA_TABLE_LENGTH = 0x10000;
/** Bytes of the table that are read first: those of 127 items, which few files have. */
const FIRST_PART = 4096;

const SIGNATURE = "metadata";
/** What the table begins with; its entries follow. */
export const METADATA_TABLE = layout("metadata table", { size: 32, endian: "little" }, {
  signature: [0, signature(SIGNATURE)],
  reserved: [8, reserved(2)],
  entryCount: [10, u16],
  reservedEnd: [12, reserved(20)],
});
/** An entry. */
export const METADATA_ENTRY = layout("metadata table entry", { size: 32, endian: "little" }, {
  id: [0, guid],
  /** Bytes from the start of the metadata region; 0 where the item is empty. */
  offset: [16, u32],
  /** Bytes of the item. */
  length: [20, u32],
  flags: [24, u32],
  reserved: [28, reserved(u32)],
});

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
 * @param tolerate Is told of what breaks a rule, which is left out then.
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where it breaks a rule.
 */
export function readMetadataTable(
  source: ByteSource,
  region: Region,
  tolerate?: (fault: ImageError) => void,
): LocatedItem[] {
  const wrong = (field: keyof typeof METADATA_TABLE.at, found: unknown, expected: string) => {
    const place = METADATA_TABLE.place(field, region.offset);
    return damagedField(source, "ERROR_FILE_CORRUPT", place, found, expected);
  };
  if (region.length > MAX_REGION_LENGTH) {
    throw wrong("signature", `a region of ${region.length} bytes`, `at most ${MAX_REGION_LENGTH}`);
  }
  const read = (length: number) =>
    readStructure(source, region.offset, length, METADATA_TABLE.type, "ERROR_FILE_CORRUPT");
  let bytes = read(tolerate === undefined ? FIRST_PART : METADATA_TABLE_LENGTH);
  const fail = (fault: ImageError) => {
    if (tolerate === undefined) throw fault;
    tolerate(fault);
  };
  if (!METADATA_TABLE.hasSignature(bytes)) {
    const found = asciiField(bytes, 0, SIGNATURE.length);
    fail(wrong("signature", found, `signature ${SIGNATURE}`));
  }
  const { entryCount } = METADATA_TABLE.unpack(bytes);
  if (entryCount > MAX_ENTRIES) {
    fail(wrong("entryCount", `${entryCount} entries`, `at most ${MAX_ENTRIES}`));
  }
  if (entryOffset(entryCount) > bytes.length) bytes = read(METADATA_TABLE_LENGTH);
  const items: LocatedItem[] = [];
  // Whatever the count says, an entry of a damaged table is known by its id.
  const count = tolerate === undefined ? entryCount : MAX_ENTRIES;
  for (let i = 0; i < count; i++) {
    const at = entryOffset(i);
    const item = { ...decodeEntry(bytes, at), entryOffset: region.offset + at };
    if (tolerate === undefined || item.id !== NIL_GUID) items.push(item);
  }
  const faults = new ItemFaults(source, region);
  return items.filter((item) => {
    const fault = faults.of(item);
    if (fault === undefined) return true;
    fail(fault);
    return false;
  });
}

function decodeEntry(bytes: Uint8Array, at: number): MetadataItem {
  const { flags, ...entry } = METADATA_ENTRY.unpack(bytes, at);
  return {
    ...entry,
    isUser: (flags & IS_USER) !== 0,
    isVirtualDisk: (flags & IS_VIRTUAL_DISK) !== 0,
    isRequired: (flags & IS_REQUIRED) !== 0,
    reserved: {
      flags: (flags & ~KNOWN_FLAGS) >>> 0,
      field: METADATA_ENTRY.get(bytes, "reserved", at),
    },
  };
}

/** Finds the items that break a rule, by themselves or beside those before. */
class ItemFaults {
  readonly #source: ByteSource;
  readonly #region: Region;
  readonly #occupied = new OccupiedRanges();
  readonly #names = new Set<string>();
  #userItems = 0;

  constructor(source: ByteSource, region: Region) {
    this.#source = source;
    this.#region = region;
  }

  /** What is wrong with the next item; it counts for those that follow unless something is. */
  of(item: LocatedItem): ImageError | undefined {
    const wrong = (
      field: keyof typeof METADATA_ENTRY.at,
      found: unknown,
      expected: string,
    ): ImageError => {
      const place = METADATA_ENTRY.place(field, item.entryOffset);
      return damagedField(this.#source, "ERROR_FILE_CORRUPT", place, found, expected);
    };
    const name = `${item.isUser ? "user" : "system"} item ${item.id}`;
    if (this.#names.has(name)) return wrong("id", `${name} again`, "it once");
    if (item.isUser && this.#userItems >= MAX_USER_ENTRIES) {
      return wrong("flags", `${this.#userItems + 1} user items`, `at most ${MAX_USER_ENTRIES}`);
    }
    if (item.length > MAX_ITEM_LENGTH) {
      return wrong("length", item.length, `at most ${MAX_ITEM_LENGTH} bytes`);
    }
    if (item.length === 0) {
      if (item.offset !== 0) return wrong("offset", item.offset, "0, as the item is empty");
    } else {
      if (item.offset < METADATA_TABLE_LENGTH || item.offset + item.length > this.#region.length) {
        return wrong(
          "offset",
          item.offset,
          `${item.length} bytes between ${METADATA_TABLE_LENGTH} and ${this.#region.length}`,
        );
      }
      const other = this.#occupied.overlapping(item.offset, item.length);
      if (other !== undefined) {
        return wrong("offset", item.offset, `a place outside ${other.name} at ${other.offset}`);
      }
      this.#occupied.add({ name, offset: item.offset, length: item.length });
    }
    this.#names.add(name);
    if (item.isUser) this.#userItems++;
    return undefined;
  }
}

/** The bytes of a table. */
export function encodeMetadataTable(items: readonly MetadataItem[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(METADATA_TABLE_LENGTH);
  bytes.set(METADATA_TABLE.pack({ entryCount: items.length }));
  for (const [i, item] of items.entries()) bytes.set(encodeMetadataEntry(item), entryOffset(i));
  return bytes;
}

/** Where the entry of a number begins, in the table. */
export function entryOffset(index: number): number {
  return METADATA_TABLE.size + index * METADATA_ENTRY.size;
}

/** The bytes of an entry. */
export function encodeMetadataEntry(item: MetadataItem): Uint8Array<ArrayBuffer> {
  const { id, offset, length, reserved } = item;
  const flags = (item.isUser ? IS_USER : 0) | (item.isVirtualDisk ? IS_VIRTUAL_DISK : 0) |
    (item.isRequired ? IS_REQUIRED : 0) | (reserved?.flags ?? 0);
  const bytes = METADATA_ENTRY.pack({ id, offset, length, flags: flags >>> 0 });
  METADATA_ENTRY.patch(bytes, { reserved: reserved?.field ?? 0 });
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
