/**
 * Room for an item in the metadata region.
 *
 * @module
 */
import { METADATA_TABLE_LENGTH, type MetadataItem } from "./metadata_table.ts";

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
