/**
 * Makes a fixed VHD larger. It has a single footer, which must be at the end of the file at each moment; but
 * a crash while the file grows may leave the new length without the bytes at its end. The file therefore
 * grows in steps of a power of two of sectors, so that a reader who finds zeros at the end knows where to
 * look for the footer (`footer_search.ts`).
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { readStructure, type WritableSource } from "../byte_source.ts";
import { FOOTER_SIZE } from "./footer.ts";
import { ImageFooters } from "./image_footers.ts";
import { SECTOR_SIZE } from "./sector.ts";

const PIECE = 2 ** 20;

/** The footer of a fixed image. */
export interface FixedFooter {
  /** Its 512 bytes, checked. */
  readonly bytes: Uint8Array;
  /** Where it is. */
  readonly offset: number;
}

/**
 * Gives the disk a larger size; what is added reads as zeros. The disk has its old size until everything
 * else is durable.
 *
 * @param footer At the end of the file.
 * @param size Whole sectors.
 */
export function growFixed(source: WritableSource, footer: FixedFooter, size: number): void {
  const footers = new ImageFooters(source, footer.bytes, footer.offset);
  const former: number[] = [];
  for (let distance = size - footers.offset; distance > 0; distance = size - footers.offset) {
    former.push(footers.offset);
    footers.place(footers.offset + largestStep(distance));
  }
  eraseBehind(source, footers.currentSize, Math.min(footer.offset, size));
  for (const offset of former) source.writeAt(new Uint8Array(FOOTER_SIZE), offset);
  source.flush();
  footers.setCurrentSize(size);
}

/** The largest power of two of sectors that is no longer than the distance. */
function largestStep(distance: number): number {
  let step = SECTOR_SIZE;
  while (step * 2 <= distance) step *= 2;
  return step;
}

/** A file may be longer than its disk: what lies between disk and footer was nobody's, and may hold anything. */
function eraseBehind(source: WritableSource, start: number, end: number): void {
  for (let position = start; position < end; position += PIECE) {
    const length = Math.min(PIECE, end - position);
    const bytes = readStructure(
      source,
      position,
      length,
      "disk",
      "ERROR_VHD_METADATA_READ_FAILURE",
    );
    if (!isAllZero(bytes)) source.writeAt(bytes.fill(0), position);
  }
}
