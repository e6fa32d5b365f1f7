/**
 * Reads items of the metadata region ([MS-VHDX] 2.6): the blobs that users of the disk keep in its file, and
 * what can be copied to another file.
 *
 * @module
 */
import { normalizeGuid } from "../../bytes/guid.ts";
import type { ByteSource } from "../byte_source.ts";
import type { ImageMetadata } from "../image.ts";
import type { CopyableItem } from "../metadata_item.ts";
import { copyableItems } from "./disk_items.ts";
import type { Region } from "./region_table.ts";

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
