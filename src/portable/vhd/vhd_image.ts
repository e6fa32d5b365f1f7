/**
 * Opens VHD images: fixed, dynamic and differencing. Opening reads the footer, the sparse header and the
 * parent's paths, whatever the size of the disk.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { DiskImage } from "../image.ts";
import { BlockAllocationTable, TABLE_ENTRY_SIZE } from "./block_allocation_table.ts";
import { bitmapSize } from "./block_layout.ts";
import { FixedVhdImage } from "./fixed_image.ts";
import { DISK_TYPE, type Footer } from "./footer.ts";
import { checkFooter } from "./footer_check.ts";
import { findFooter, hasFooterCookie } from "./footer_search.ts";
import { locatorRegions, readParentLink } from "./parent_link.ts";
import type { Region } from "./regions.ts";
import { headRegions, readSparseHeader } from "./sparse_header_check.ts";
import { SparseVhdImage } from "./sparse_image.ts";

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
  return footer.diskType === DISK_TYPE.fixed || footer.dataOffset === undefined
    ? new FixedVhdImage(source, footer)
    : openSparse(source, footer, footer.dataOffset);
}

function openSparse(source: ByteSource, footer: Footer, headerOffset: number): DiskImage {
  const header = readSparseHeader(source, headerOffset, footer.currentSize);
  const { tableOffset, maxTableEntries, blockSize } = header;
  const metadata: Region[] = [...headRegions(headerOffset), {
    name: "block allocation table",
    offset: tableOffset,
    length: maxTableEntries * TABLE_ENTRY_SIZE,
  }];
  const placed = { header, offset: headerOffset };
  const differencing = footer.diskType === DISK_TYPE.differencing;
  const paths = differencing ? locatorRegions(source, placed, metadata) : [];
  const parent = differencing ? readParentLink(source, placed) : undefined;
  const footprint = bitmapSize(blockSize) + blockSize;
  const table = new BlockAllocationTable(source, tableOffset, footprint, [...metadata, ...paths]);
  return new SparseVhdImage(source, footer, blockSize, table, parent);
}
