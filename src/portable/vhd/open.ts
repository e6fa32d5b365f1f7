/**
 * Opens VHD images: fixed, dynamic and differencing. Opening reads the footer, the sparse header and the
 * parent's paths, whatever the size of the disk.
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import type { DiskImage, ImageOrigin, WritableImage } from "../image/image.ts";
import { BlockAllocationTable, PendingTable, scanBlocks } from "./block_table.ts";
import { FixedVhdImage, WritableFixedVhdImage } from "./fixed_image.ts";
import { DISK_TYPE } from "./footer.ts";
import { checkFooter, findFooter, type FoundFooter, hasFooterCookie } from "./footer_search.ts";
import { repairedFixedFooter, repairedFooters } from "./footers.ts";
import { blockCount, blockFootprint, SECTOR_SIZE } from "./layout.ts";
import { occupiedRegions } from "./parent_link.ts";
import { overlapping, type Region, trailingFooter } from "./regions.ts";
import { PendingBitmaps, SectorBitmaps } from "./sector_bitmaps.ts";
import { BlockAllocator, freeGaps } from "./space.ts";
import { SparseVhdImage, WritableSparseVhdImage } from "./sparse_image.ts";
import { readSparseLayout, type SparseLayout } from "./vhd_file.ts";

/** Whether the file has the mark of a VHD, be it healthy or not. */
export function isVhd(source: ByteSource): boolean {
  return hasFooterCookie(source);
}

/**
 * Opens an image. Its size is the footer's CurrentSize, whoever wrote it and whatever its geometry.
 *
 * @throws {ImageError} With the code of the rule that the image breaks: `ERROR_VHD_DRIVE_FOOTER_*`,
 * `ERROR_VHD_SPARSE_HEADER_*`, `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION`, `ERROR_VHD_INVALID_*`. Entries
 * of the block allocation table are checked as they are used.
 */
export function openVhd(source: ByteSource): DiskImage {
  const found = findFooter(source);
  checkFooter(source, found);
  const { footer } = found;
  // checkFooter: every image but a fixed one has a data offset.
  if (footer.diskType === DISK_TYPE.fixed || footer.dataOffset === undefined) {
    return new FixedVhdImage(source, footer);
  }
  const layout = readSparseLayout(source, footer, footer.dataOffset, trailingFooter(found));
  return new SparseVhdImage(source, footer, { ...layout, bitmaps: new SectorBitmaps(source) });
}

// Opens VHD images for writing. What a crash of another writer left of the footers is repaired first.

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

/** Seconds since then are what a footer stores. */
const EPOCH = Date.UTC(2000, 0, 1);

/** Programs by what they write; others are told by the characters themselves. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "win ": "Windows",
  "vpc ": "Virtual PC",
  "vs  ": "Virtual Server",
  qemu: "QEMU",
  qem2: "QEMU",
  vbox: "VirtualBox",
  "tap\0": "Xen",
};

/** What the footer says. */
export function vhdOrigin(source: ByteSource): ImageOrigin {
  const { creatorApplication, creatorVersion, timeStamp } = findFooter(source).footer;
  const code = String.fromCharCode(
    ...[24, 16, 8, 0].map((shift) => creatorApplication >>> shift & 0xff),
  );
  const program = PROGRAMS[code] ?? code.replaceAll(/[^\x20-\x7e]/g, "").trim();
  const version = `${creatorVersion >>> 16}.${creatorVersion & 0xffff}`;
  return {
    ...(program === "" ? {} : { creator: `${program} ${version}` }),
    ...(timeStamp === 0 ? {} : { created: new Date(EPOCH + timeStamp * 1000).toISOString() }),
  };
}
