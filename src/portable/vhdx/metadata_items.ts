/**
 * The system items of the metadata region ([MS-VHDX] 2.6.2): what kind of disk the file holds.
 *
 * @module
 */
import { guid, u32, u64 } from "../../bytes/codec.ts";
import { type Fields, type FieldValues, type Layout, layout } from "../../bytes/layout.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import { damaged, damagedField, type ImageError } from "../file/image_error.ts";
import type { ParentLink } from "../image/image.ts";
import { MAX_VIRTUAL_SIZE, MIB } from "./file_map.ts";
import { type LocatedItem, METADATA_ENTRY, readMetadataTable } from "./metadata_table.ts";
import { decodeParentLocator } from "./parent_locator.ts";
import type { Region } from "./region_table.ts";

/** Block size and kind. */
export const FILE_PARAMETERS = itemKind("caa16737-fa36-4d43-b3b6-33f0aa44e76b", {
  name: "file parameters",
  length: 8,
  fields: { blockSize: [0, u32], flags: [4, u32] },
});
/** Bytes. */
export const VIRTUAL_DISK_SIZE = itemKind("2fa54224-cd1b-4876-b211-5dbed83bf4b8", {
  name: "virtual disk size",
  length: 8,
  fields: { value: [0, u64] },
});
/** The page 83 identifier of the SCSI disk. */
export const VIRTUAL_DISK_ID = itemKind("beca12ab-b2e6-4523-93ef-c309e000c746", {
  name: "virtual disk id",
  length: 16,
  fields: { value: [0, guid] },
});
/** Bytes. */
export const LOGICAL_SECTOR_SIZE = itemKind("8141bf1d-a96f-4709-ba47-f233a8faab5f", {
  name: "logical sector size",
  length: 4,
  fields: { value: [0, u32] },
});
/** Bytes. */
export const PHYSICAL_SECTOR_SIZE = itemKind("cda348c7-445d-4471-9cc9-e9885251c556", {
  name: "physical sector size",
  length: 4,
  fields: { value: [0, u32] },
});
/** Of any length; see `parent_locator.ts`. */
export const PARENT_LOCATOR = "a8d35f2d-b30b-454d-abf7-d3d84834ab0c";
/** Empty; marks a file whose creation has not come to its end. */
const INCOMPLETE_FILE = "71cc85f0-1b69-4e28-9558-c3bf83ae75d3";

/** u32 heads, u32 sectors per track: geometry for old firmware, which nothing here asks for. */
const CHS_PARAMETERS = "da02d7bc-3d3a-423c-ac88-2a36ab21479b";

/** The system items that say what kind of disk the file holds; a new file has its own. */
export const FORMAT_ITEMS: ReadonlySet<string> = new Set([
  FILE_PARAMETERS.id,
  VIRTUAL_DISK_SIZE.id,
  VIRTUAL_DISK_ID.id,
  LOGICAL_SECTOR_SIZE.id,
  PHYSICAL_SECTOR_SIZE.id,
  PARENT_LOCATOR,
  INCOMPLETE_FILE,
]);

const LEAVE_BLOCKS_ALLOCATED = 1;
const HAS_PARENT = 2;
/** Bytes; a block has a power of two of them. */
export const MIN_BLOCK_SIZE = MIB;
/** Bytes. */
export const MAX_BLOCK_SIZE = 256 * MIB;
/** Bytes, logical and physical. */
export const SECTOR_SIZES: readonly number[] = [512, 4096];

/** What the system items say. Sizes are bytes. */
export interface DiskMetadata {
  readonly blockSize: number;
  /** Blocks are to stay allocated: the file is a fixed one. */
  readonly leaveBlocksAllocated: boolean;
  readonly hasParent: boolean;
  readonly virtualSize: number;
  readonly virtualDiskId: string;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  /** Where `hasParent`. */
  readonly parent: ParentLink | undefined;
}

/**
 * Reads the metadata table and the system items.
 *
 * @throws {ImageError} `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION` for a required item of an unknown kind,
 * `ERROR_VHD_INVALID_BLOCK_SIZE`, `ERROR_VHD_INVALID_SIZE`, and `ERROR_FILE_CORRUPT` for the rest.
 */
export function readMetadata(source: ByteSource, region: Region): DiskMetadata {
  const items = readMetadataTable(source, region);
  assertItemsKnown(source, items);
  const reader = new ItemReader(source, region, items, true);
  const fileParameters = readFileParameters(reader);
  const logicalSectorSize = readSectorSize(reader, LOGICAL_SECTOR_SIZE);
  return {
    ...fileParameters,
    logicalSectorSize,
    physicalSectorSize: readSectorSize(reader, PHYSICAL_SECTOR_SIZE),
    virtualSize: readVirtualSize(reader, logicalSectorSize),
    virtualDiskId: reader.read(VIRTUAL_DISK_ID).value,
    parent: readParent(reader, fileParameters.hasParent),
  };
}

/**
 * @throws {ImageError} For an item that only another version of the format has, or the mark of an unfinished file.
 */
export function assertItemsKnown(source: ByteSource, items: readonly LocatedItem[]): void {
  for (const item of items) {
    const refused = (code: ErrorSymbol, found: string, expected: string) =>
      damaged(source, code, "metadata table entry", item.entryOffset, found, expected);
    const known = !item.isUser && (FORMAT_ITEMS.has(item.id) || item.id === CHS_PARAMETERS);
    if (item.isRequired && !known) {
      throw refused(
        "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
        `required item ${item.id}`,
        "an item of a known kind",
      );
    }
    if (!item.isUser && item.id === INCOMPLETE_FILE) {
      throw refused("ERROR_FILE_CORRUPT", "the mark of an unfinished file", "a finished file");
    }
  }
}

/** @throws {ImageError} As {@linkcode readMetadata}. */
export function readFileParameters(
  reader: ItemReader,
): Pick<DiskMetadata, "blockSize" | "leaveBlocksAllocated" | "hasParent"> {
  const { blockSize, flags } = reader.read(FILE_PARAMETERS);
  const isPowerOfTwo = (blockSize & (blockSize - 1)) === 0;
  if (!isPowerOfTwo || blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE) {
    throw reader.wrong(
      FILE_PARAMETERS,
      "blockSize",
      "ERROR_VHD_INVALID_BLOCK_SIZE",
      blockSize,
      "a power of two from 1 MiB to 256 MiB",
    );
  }
  if ((flags & ~(LEAVE_BLOCKS_ALLOCATED | HAS_PARENT)) !== 0) {
    throw reader.wrong(
      FILE_PARAMETERS,
      "flags",
      "ERROR_FILE_CORRUPT",
      `flags 0x${flags.toString(16)}`,
      "none but bits 0 and 1",
    );
  }
  return {
    blockSize,
    leaveBlocksAllocated: (flags & LEAVE_BLOCKS_ALLOCATED) !== 0,
    hasParent: (flags & HAS_PARENT) !== 0,
  };
}

/** @throws {ImageError} As {@linkcode readMetadata}. */
export function readSectorSize(reader: ItemReader, kind: typeof LOGICAL_SECTOR_SIZE): number {
  const { value: size } = reader.read(kind);
  if (SECTOR_SIZES.includes(size)) return size;
  throw reader.wrong(kind, "value", "ERROR_FILE_CORRUPT", size, SECTOR_SIZES.join(" or "));
}

/** @throws {ImageError} As {@linkcode readMetadata}. */
export function readVirtualSize(reader: ItemReader, logicalSectorSize: number): number {
  const { value: size } = reader.read(VIRTUAL_DISK_SIZE);
  if (size > 0 && size <= MAX_VIRTUAL_SIZE && size % logicalSectorSize === 0) return size;
  throw reader.wrong(
    VIRTUAL_DISK_SIZE,
    "value",
    "ERROR_VHD_INVALID_SIZE",
    size,
    `sectors of ${logicalSectorSize} bytes, at least one, at most 64 TiB`,
  );
}

/** @throws {ImageError} As {@linkcode readMetadata}. */
export function readParent(reader: ItemReader, hasParent: boolean): ParentLink | undefined {
  const item = reader.find(PARENT_LOCATOR);
  if (!hasParent) {
    if (item === undefined) return undefined;
    throw damaged(
      reader.source,
      "ERROR_FILE_CORRUPT",
      "metadata table entry",
      item.entryOffset,
      "a parent locator in a disk without parent",
      "none",
    );
  }
  if (item === undefined) throw reader.missing("parent locator");
  const bytes = reader.readItem(item, "parent locator");
  return decodeParentLocator(reader.source, bytes, reader.fileOffset(item));
}

/** The bytes of the file parameters item. */
export function encodeFileParameters(
  { blockSize, leaveBlocksAllocated, hasParent }: Pick<
    DiskMetadata,
    "blockSize" | "leaveBlocksAllocated" | "hasParent"
  >,
): Uint8Array<ArrayBuffer> {
  const flags = (leaveBlocksAllocated ? LEAVE_BLOCKS_ALLOCATED : 0) | (hasParent ? HAS_PARENT : 0);
  return FILE_PARAMETERS.layout.pack({ blockSize, flags });
}

/** The bytes of the virtual disk size item. */
export function encodeVirtualSize(size: number): Uint8Array<ArrayBuffer> {
  return VIRTUAL_DISK_SIZE.layout.pack({ value: size });
}

/** The bytes of either sector size item. */
export function encodeSectorSize(size: number): Uint8Array<ArrayBuffer> {
  return LOGICAL_SECTOR_SIZE.layout.pack({ value: size });
}

/** The bytes of the virtual disk id item. */
export function encodeVirtualDiskId(guid: string): Uint8Array<ArrayBuffer> {
  return VIRTUAL_DISK_ID.layout.pack({ value: guid });
}

/** An item of a fixed length, which every file has. */
export interface ItemKind<F extends Fields = Fields> {
  readonly id: string;
  readonly layout: Layout<F>;
}

function itemKind<const F extends Fields>(
  id: string,
  { name, length, fields }: { readonly name: string; readonly length: number; readonly fields: F },
): ItemKind<F> {
  return { id, layout: layout(name, { size: length, endian: "little" }, fields) };
}

/** Bytes of the longest item of a fixed length. */
const SMALL_ITEM = 16;
/** What lies further apart is not read at once. */
const MAX_TOGETHER = 4096;

/** Finds and reads system items, and makes errors about their fields. */
export class ItemReader {
  readonly source: ByteSource;
  readonly #region: Region;
  readonly #items = new Map<string, LocatedItem>();
  /** The bytes of the small items; absent if each is to be read by itself. */
  readonly #together: { readonly offset: number; readonly bytes: Uint8Array } | undefined;

  /** @param areTogether Whether small items that lie side by side, as they mostly do, are read at once. */
  constructor(
    source: ByteSource,
    region: Region,
    items: readonly LocatedItem[],
    areTogether = false,
  ) {
    this.source = source;
    this.#region = region;
    let [start, end] = [Number.MAX_SAFE_INTEGER, 0];
    for (const item of items) {
      if (item.isUser) continue;
      this.#items.set(item.id, item);
      if (item.length === 0 || item.length > SMALL_ITEM) continue;
      start = Math.min(start, item.offset);
      end = Math.max(end, item.offset + item.length);
    }
    if (!areTogether || end <= start || end - start > MAX_TOGETHER) return;
    const bytes = this.#read(region.offset + start, end - start, "metadata items");
    this.#together = { offset: start, bytes };
  }

  /** The table entry of an item. */
  find(id: string): LocatedItem | undefined {
    return this.#items.get(id);
  }

  /**
   * What a mandatory item says.
   *
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where it is missing or of another length.
   */
  read<F extends Fields>({ id, layout }: ItemKind<F>): FieldValues<F> {
    const item = this.find(id);
    if (item === undefined) throw this.missing(layout.type);
    if (item.length !== layout.size) {
      throw damagedField(
        this.source,
        "ERROR_FILE_CORRUPT",
        METADATA_ENTRY.place("length", item.entryOffset),
        `${layout.type} of ${item.length} bytes`,
        `${layout.size} bytes`,
      );
    }
    return layout.unpack(this.readItem(item, layout.type));
  }

  /** The bytes of an item that is there; the table bounds its length to 1 MiB. */
  readItem(item: LocatedItem, name: string): Uint8Array {
    if (this.#together === undefined || item.length > SMALL_ITEM) {
      return this.#read(this.fileOffset(item), item.length, name);
    }
    const start = item.offset - this.#together.offset;
    return this.#together.bytes.subarray(start, start + item.length);
  }

  #read(offset: number, length: number, name: string): Uint8Array {
    return readStructure(this.source, offset, length, name, "ERROR_FILE_CORRUPT");
  }

  /** Where an item lies in the file. */
  fileOffset(item: LocatedItem): number {
    return this.#region.offset + item.offset;
  }

  /** The error of an item that is not there. */
  missing(name: string): ImageError {
    return damaged(
      this.source,
      "ERROR_FILE_CORRUPT",
      "metadata table",
      this.#region.offset,
      `no ${name} item`,
      "one",
    );
  }

  /** The error of a field of an item that has been read. */
  wrong<F extends Fields>(
    { id, layout }: ItemKind<F>,
    field: keyof F,
    code: ErrorSymbol,
    found: unknown,
    expected: string,
  ): ImageError {
    const item = this.find(id);
    const offset = item === undefined ? this.#region.offset : this.fileOffset(item);
    return damagedField(this.source, code, layout.place(field, offset), found, expected);
  }
}
