/**
 * Gives a region another place, with more room or lower in the file: a copy, which the region tables then name.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import type { WritableSource } from "../byte_source.ts";
import { LOG_SECTOR_SIZE, MIB, REGION_TABLE_OFFSETS } from "./file_map.ts";
import type { FileSpace, Place } from "./file_space.ts";
import type { LoggedPages } from "./logged_pages.ts";
import { moveRegion, readRegionTable, type Region, REGION_TABLE_LENGTH } from "./region_table.ts";
import { fillWithZeros } from "./zero_fill.ts";

/**
 * Copies the region and has the tables name the copy, durably. The old place must not be used again before
 * the log has been closed: its entries may still name it.
 *
 * @param length Of the new region, in whole MiB, at least that of the old one.
 */
export function moveToLargerPlace(
  file: WritableSource,
  pages: LoggedPages,
  space: FileSpace,
  region: Region,
  length: number,
): Region {
  pages.publish();
  return moveToPlace(file, pages, region, space.allocate(length), length);
}

/**
 * As {@linkcode moveToLargerPlace}, to a place that was found before; nothing of the tables waits to be
 * published.
 */
export function moveToPlace(
  file: WritableSource,
  pages: LoggedPages,
  region: Region,
  { offset: to, isZero }: Place,
  length: number,
): Region {
  if (!isZero) fillWithZeros(file, to, length);
  const piece = new Uint8Array(MIB);
  for (let done = 0; done < region.length; done += MIB) {
    pages.readAt(piece, region.offset + done);
    if (!isAllZero(piece)) file.writeAt(piece, to + done);
  }
  const moved = { ...region, offset: to, length };
  const { bytes } = readRegionTable(pages);
  moveRegion(bytes, moved);
  pages.reserve(REGION_TABLE_OFFSETS.length * REGION_TABLE_LENGTH / LOG_SECTOR_SIZE);
  for (const offset of REGION_TABLE_OFFSETS) pages.writeAt(bytes, offset);
  pages.publish();
  return moved;
}
