/**
 * Opens VHD images for writing. What a crash of another writer left of the footers is repaired first.
 *
 * @module
 */
import type { WritableSource } from "../byte_source.ts";
import type { WritableImage } from "../image.ts";
import { damaged } from "../image_error.ts";
import { BlockAllocationTable } from "./block_allocation_table.ts";
import { BlockAllocator } from "./block_allocator.ts";
import { blockCount, blockFootprint } from "./block_layout.ts";
import { scanBlocks } from "./block_scan.ts";
import { DISK_TYPE } from "./footer.ts";
import { checkFooter } from "./footer_check.ts";
import { repairedFixedFooter, repairedFooters } from "./footer_repair.ts";
import { findFooter, type FoundFooter } from "./footer_search.ts";
import { freeGaps } from "./free_gaps.ts";
import { occupiedRegions } from "./parent_link.ts";
import { PendingBitmaps } from "./pending_bitmaps.ts";
import { PendingTable } from "./pending_table.ts";
import { overlapping, type Region, trailingFooter } from "./regions.ts";
import { SECTOR_SIZE } from "./sector.ts";
import { readSparseLayout, type SparseLayout } from "./sparse_layout.ts";
import { WritableFixedVhdImage } from "./writable_fixed_image.ts";
import { WritableSparseVhdImage } from "./writable_sparse_image.ts";

/**
 * Opens an image for writing. Reads its whole block allocation table; nothing is written before all of
 * it is found to be sound.
 *
 * @throws {ImageError} As `openVhd()`; and `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` where blocks
 * overlap each other or the footer.
 */
export function openWritableVhd(source: WritableSource): WritableImage {
  const found = findFooter(source);
  checkFooter(source, found);
  const { footer } = found;
  // checkFooter: every image but a fixed one has a data offset.
  if (footer.diskType === DISK_TYPE.fixed || footer.dataOffset === undefined) {
    return new WritableFixedVhdImage(source, repairedFixedFooter(source, found));
  }
  return openSparse(source, found, readSparseLayout(source, footer, footer.dataOffset));
}

function openSparse(
  source: WritableSource,
  found: FoundFooter,
  layout: SparseLayout,
): WritableSparseVhdImage {
  const { blockSize, table, metadata, header } = layout;
  const footprint = blockFootprint(blockSize);
  const trailing = trailingFooter(found);
  assertClearOf(source, trailing, metadata);
  const regions = [...metadata, ...trailing];
  const blocks = scanBlocks(source, {
    table: new BlockAllocationTable(source, table.offset, footprint, regions),
    blockCount: blockCount(found.footer.currentSize, blockSize),
    footprint,
  });
  const lastBlock = blocks.at(-1);
  const endOfBlocks = lastBlock === undefined ? 0 : lastBlock * SECTOR_SIZE + footprint;
  const endOfMetadata = Math.max(...metadata.map(({ offset, length }) => offset + length));
  const footers = repairedFooters(source, found, Math.max(endOfBlocks, endOfMetadata));
  const gaps = freeGaps({
    blocks,
    footprint,
    metadata: occupiedRegions({ header, metadata }),
    end: footers.offset,
  });
  // The table that was read may be newer than what is durable, and that may still refer to a gap.
  if (gaps.length > 0) source.flush();
  return new WritableSparseVhdImage(source, footers, {
    ...layout,
    table: new PendingTable(source, table),
    bitmaps: new PendingBitmaps(source),
    allocator: new BlockAllocator(source, footers, blockSize, gaps),
  });
}

/** The table is written, and the footer's place used when the file grows. */
function assertClearOf(
  source: WritableSource,
  [footer]: readonly Region[],
  metadata: readonly Region[],
): void {
  if (footer === undefined) return;
  const other = overlapping(metadata, footer.offset, footer.length);
  if (other === undefined) return;
  throw damaged(
    source,
    "ERROR_VHD_SPARSE_HEADER_CORRUPT",
    other.name,
    other.offset,
    `${other.length} bytes`,
    `an end before the footer at ${footer.offset}`,
  );
}
