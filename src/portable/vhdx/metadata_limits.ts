/**
 * How many metadata items a file may have, and how long.
 *
 * @module
 */
import { ImageError } from "../image_error.ts";
import type { ItemDescription } from "../metadata_item.ts";
import { MIB } from "./file_map.ts";
import { MAX_ITEM_LENGTH, MAX_USER_ENTRIES } from "./metadata_table.ts";

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
