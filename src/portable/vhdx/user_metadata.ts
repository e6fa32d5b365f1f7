/**
 * The user items of the metadata region ([MS-VHDX] 2.6): blobs that users of the disk keep in its file.
 *
 * @module
 */
import { normalizeGuid } from "../../bytes/guid.ts";
import { type ByteSource, readStructure } from "../byte_source.ts";
import type { ImageMetadata } from "../image.ts";
import { type LocatedItem, readMetadataTable } from "./metadata_table.ts";
import type { Region } from "./region_table.ts";

/** Reads user items. */
export class UserMetadata implements Pick<ImageMetadata, "keys" | "get"> {
  readonly #source: ByteSource;
  readonly #region: Region;

  constructor(source: ByteSource, region: Region) {
    this.#source = source;
    this.#region = region;
  }

  keys(): string[] {
    return this.#items().map(({ id }) => id);
  }

  get(item: string): Uint8Array<ArrayBuffer> | undefined {
    const id = normalizeGuid(item, "the metadata item");
    const found = this.#items().find((each) => each.id === id);
    return found === undefined ? undefined : readStructure(
      this.#source,
      this.#region.offset + found.offset,
      found.length,
      "metadata item",
      "ERROR_FILE_CORRUPT",
    );
  }

  #items(): LocatedItem[] {
    return readMetadataTable(this.#source, this.#region).filter(({ isUser }) => isUser);
  }
}
