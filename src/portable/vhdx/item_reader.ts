/**
 * Finds and reads the system items of the metadata region ([MS-VHDX] 2.6.2).
 *
 * @module
 */
import type { ErrorSymbol } from "../../errors/codes.ts";
import { type ByteSource, readStructure } from "../byte_source.ts";
import { damaged, type ImageError } from "../image_error.ts";
import { ITEM_LENGTH, type LocatedItem } from "./metadata_table.ts";
import type { Region } from "./region_table.ts";

/** An item of a fixed length, which every file has. */
export interface ItemKind {
  readonly id: string;
  readonly name: string;
  /** Bytes. */
  readonly length: number;
}

/** Finds and reads system items, and makes errors about their fields. */
export class ItemReader {
  readonly source: ByteSource;
  readonly #region: Region;
  readonly #items = new Map<string, LocatedItem>();

  constructor(source: ByteSource, region: Region, items: readonly LocatedItem[]) {
    this.source = source;
    this.#region = region;
    for (const item of items) if (!item.isUser) this.#items.set(item.id, item);
  }

  /** The table entry of an item. */
  find(id: string): LocatedItem | undefined {
    return this.#items.get(id);
  }

  /**
   * The bytes of a mandatory item.
   *
   * @throws {ImageError} `ERROR_FILE_CORRUPT` where it is missing or of another length.
   */
  read(kind: ItemKind): Uint8Array {
    const item = this.find(kind.id);
    if (item === undefined) throw this.missing(kind.name);
    if (item.length !== kind.length) {
      throw damaged(
        this.source,
        "ERROR_FILE_CORRUPT",
        "metadata table entry",
        item.entryOffset + ITEM_LENGTH,
        `${kind.name} of ${item.length} bytes`,
        `${kind.length} bytes`,
      );
    }
    return this.readItem(item, kind.name);
  }

  /** The bytes of an item that is there; the table bounds its length to 1 MiB. */
  readItem(item: LocatedItem, name: string): Uint8Array {
    return readStructure(
      this.source,
      this.fileOffset(item),
      item.length,
      name,
      "ERROR_FILE_CORRUPT",
    );
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

  /** The error of a field at byte `field` of an item that has been read. */
  wrong(
    kind: ItemKind,
    field: number,
    code: ErrorSymbol,
    found: unknown,
    expected: string,
  ): ImageError {
    const item = this.find(kind.id);
    const offset = (item === undefined ? this.#region.offset : this.fileOffset(item)) + field;
    return damaged(this.source, code, kind.name, offset, found, expected);
  }
}
