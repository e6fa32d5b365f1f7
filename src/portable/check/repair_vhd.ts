/**
 * Repairs a VHD: makes its footers good and equal, and cuts off a tail that nothing uses.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import { blockCount, blockFootprint } from "../vhd/block_layout.ts";
import { scanBlocks } from "../vhd/block_scan.ts";
import { DISK_TYPE, FOOTER_SIZE } from "../vhd/footer.ts";
import { findFooter } from "../vhd/footer_search.ts";
import { freeGaps } from "../vhd/free_gaps.ts";
import { ImageFooters } from "../vhd/image_footers.ts";
import { occupiedRegions } from "../vhd/parent_link.ts";
import { readSparseLayout } from "../vhd/sparse_layout.ts";
import { openWritableVhd } from "../vhd/writable_vhd.ts";

/**
 * Repairs what can be repaired. After a crash at any moment the image is as it was, or repaired.
 *
 * @throws {ImageError} Where it is damaged beyond that; nothing has been written then.
 */
export function repairVhd(source: WritableSource): void {
  // Opening for writing repairs the footers, once all else is found to be sound.
  openWritableVhd(source).finish();
  completeFooter(source);
  cutTail(source);
}

/** The last byte of a footer is reserved, and 0: one that lacks it is all there. */
function completeFooter(source: WritableSource): void {
  const { offset } = findFooter(source);
  if (source.size - offset !== FOOTER_SIZE - 1) return;
  source.writeAt(new Uint8Array(1), source.size);
  source.flush();
}

/** The footer moves down first: until the file is cut, it has the old one too. */
function cutTail(source: WritableSource): void {
  const { footer, bytes, offset } = findFooter(source);
  if (footer.diskType === DISK_TYPE.fixed || footer.dataOffset === undefined) return;
  const { table, blockSize, metadata, header } = readSparseLayout(
    source,
    footer,
    footer.dataOffset,
  );
  const footprint = blockFootprint(blockSize);
  const blocks = scanBlocks(source, {
    table,
    footprint,
    blockCount: blockCount(footer.currentSize, blockSize),
  });
  const occupied = occupiedRegions({ header, metadata });
  const tail = freeGaps({ blocks, footprint, metadata: occupied, end: offset }).at(-1);
  if (tail?.end !== offset) return;
  // The table that was read may be newer than what is durable, and that may still refer to the tail.
  source.flush();
  const footers = new ImageFooters(source, bytes, offset);
  footers.place(tail.offset);
  source.truncate(tail.offset + FOOTER_SIZE);
  source.flush();
}
