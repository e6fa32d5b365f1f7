/**
 * Room in the block allocation table for the entries of a larger disk.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import { BAT_ENTRY_LENGTH, batEntryCount, type BatGeometry } from "./block_allocation_table.ts";
import { MIB } from "./file_map.ts";
import type { FileSpace } from "./file_space.ts";
import type { LoggedPages } from "./logged_pages.ts";
import { moveToLargerPlace } from "./region_mover.ts";
import type { Region } from "./region_table.ts";
import type { VhdxStructures } from "./vhdx_structures.ts";

/** The file that the table is in. */
export interface TableFile {
  readonly file: WritableSource;
  readonly structures: VhdxStructures;
  readonly space: FileSpace;
  readonly pages: LoggedPages;
}

/**
 * The region of the table; a copy in another place where the present one is too short.
 *
 * @param geometry Of the larger disk.
 */
export function enlargedTable(
  { file, structures, space, pages }: TableFile,
  geometry: BatGeometry,
): Region {
  const { bat } = structures.regions;
  const needed = batEntryCount(geometry) * BAT_ENTRY_LENGTH;
  if (needed <= bat.length) return bat;
  const length = Math.ceil(needed / MIB) * MIB;
  const region = moveToLargerPlace(file, pages, space, bat, length);
  structures.occupied.add({ name: "block allocation table", ...region });
  return region;
}
