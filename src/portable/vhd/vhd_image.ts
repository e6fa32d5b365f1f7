/**
 * Opens VHD images: fixed, dynamic and differencing. Opening reads the footer, the sparse header and the
 * parent's paths, whatever the size of the disk.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { DiskImage } from "../image.ts";
import { FixedVhdImage } from "./fixed_image.ts";
import { DISK_TYPE } from "./footer.ts";
import { checkFooter } from "./footer_check.ts";
import { findFooter, hasFooterCookie } from "./footer_search.ts";
import { trailingFooter } from "./regions.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { SparseVhdImage } from "./sparse_image.ts";
import { readSparseLayout } from "./sparse_layout.ts";

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
