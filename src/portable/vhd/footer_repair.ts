/**
 * Makes both footers of a dynamic or differencing image good and equal before anything else is written:
 * other writers rely on the copy while they overwrite the footer at the end, and a crash leaves it so.
 *
 * @module
 */
import { readStructure, type WritableSource } from "../byte_source.ts";
import { FOOTER_SIZE } from "./footer.ts";
import type { FoundFooter } from "./footer_search.ts";
import { undoGrowth } from "./grow_fixed.ts";
import { FOOTER_COPY_OFFSET, ImageFooters } from "./image_footers.ts";
import { roundUp, SECTOR_SIZE } from "./sector.ts";

/**
 * The footers of an image, repaired where they have to be.
 *
 * @param found The footer that describes the image, checked.
 * @param endOfData Where the last structure or block ends.
 */
export function repairedFooters(
  source: WritableSource,
  found: FoundFooter,
  endOfData: number,
): ImageFooters {
  const trailing = found.structure === "footer";
  const footers = new ImageFooters(
    source,
    found.bytes,
    trailing ? found.offset : placeOfFooter(source.size, endOfData),
  );
  if (!trailing) footers.place(footers.offset);
  const copy = readStructure(
    source,
    FOOTER_COPY_OFFSET,
    FOOTER_SIZE,
    "footer copy",
    "ERROR_VHD_METADATA_READ_FAILURE",
  );
  if (copy.some((byte, i) => byte !== found.bytes[i])) {
    source.writeAt(found.bytes, FOOTER_COPY_OFFSET);
    source.flush();
  }
  return footers;
}

/**
 * As {@linkcode repairedFooters}, of a fixed image, which may have been growing.
 *
 * @throws {ImageError} As `undoGrowth()`.
 */
export function repairedFixedFooter(source: WritableSource, found: FoundFooter): ImageFooters {
  return new ImageFooters(source, found.bytes, undoGrowth(source, found));
}

/** The last sector of the file where it is free, for there the damaged footer is; else the next one. */
function placeOfFooter(fileSize: number, endOfData: number): number {
  return Math.max(roundUp(endOfData, SECTOR_SIZE), roundUp(fileSize, SECTOR_SIZE) - SECTOR_SIZE);
}
