/**
 * Gives a region more room: a copy in another place, which the region tables then name.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import type { WritableSource } from "../byte_source.ts";
import { LOG_SECTOR_SIZE, MIB, REGION_TABLE_OFFSETS } from "./file_map.ts";
import type { FileSpace } from "./file_space.ts";
import type { LoggedPages } from "./logged_pages.ts";
import { moveRegion, readRegionTable, type Region, REGION_TABLE_LENGTH } from "./region_table.ts";
import { fillWithZeros } from "./zero_fill.ts";

/**
 * Copies the region and has the tables name the copy, durably. The old place is not used again before the
 * file is opened anew: entries of the log may still name it.
 *
 * @param length Of the new region, in whole MiB, more than that of the old one.
 */
export function moveToLargerPlace(
  file: WritableSource,
  pages: LoggedPages,
  space: FileSpace,
  region: Region,
  length: number,
): Region {
  pages.publish();
  const place = space.allocate(length);
  if (!place.isZero) fillWithZeros(file, place.offset, length);
  const piece = new Uint8Array(MIB);
  for (let done = 0; done < region.length; done += MIB) {
    pages.readAt(piece, region.offset + done);
    if (!isAllZero(piece)) file.writeAt(piece, place.offset + done);
  }
  const moved = { ...region, offset: place.offset, length };
  const { bytes } = readRegionTable(pages);
  moveRegion(bytes, moved);
  pages.reserve(REGION_TABLE_OFFSETS.length * REGION_TABLE_LENGTH / LOG_SECTOR_SIZE);
  for (const offset of REGION_TABLE_OFFSETS) pages.writeAt(bytes, offset);
  pages.publish();
  return moved;
}
