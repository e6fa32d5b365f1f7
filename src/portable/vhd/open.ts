/**
 * Opens VHD images: fixed, dynamic and differencing. Opening reads the footer, the sparse header and the
 * parent's paths, whatever the size of the disk.
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import type { DiskImage, ImageOrigin, WritableImage } from "../image/image.ts";
import { FixedVhdImage, WritableFixedVhdImage } from "./fixed_image.ts";
import { DISK_TYPE, VHD_EPOCH } from "./footer.ts";
import {
  checkFooter,
  findFooter,
  findMarkedFooter,
  type FoundFooter,
  hasFooterCookie,
} from "./footer_search.ts";
import { trailingFooter } from "./regions.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { SparseVhdImage, WritableSparseVhdImage } from "./sparse_image.ts";
import { readSparseLayout, SparseVhdFile, VhdFile } from "./vhd_file.ts";

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
  return openBy(source, findFooter(source));
}

/** As {@linkcode openVhd}, if the file ends as a VHD does; otherwise `undefined`. */
export function openMarkedVhd(source: ByteSource): DiskImage | undefined {
  const found = findMarkedFooter(source);
  return found === undefined ? undefined : openBy(source, found);
}

function openBy(source: ByteSource, found: FoundFooter): DiskImage {
  checkFooter(source, found);
  const { footer } = found;
  // checkFooter: every image but a fixed one has a data offset.
  if (footer.diskType === DISK_TYPE.fixed || footer.dataOffset === undefined) {
    return new FixedVhdImage(source, footer);
  }
  const layout = readSparseLayout(source, footer, footer.dataOffset, trailingFooter(found));
  return new SparseVhdImage(source, footer, { ...layout, bitmaps: new SectorBitmaps(source) });
}

/**
 * Opens an image for writing. What a crash of another writer left of the footers is repaired first.
 *
 * @throws {ImageError} As {@linkcode VhdFile.open}.
 */
export function openWritableVhd(source: WritableSource): WritableImage {
  const file = VhdFile.open(source);
  return file instanceof SparseVhdFile
    ? new WritableSparseVhdImage(file)
    : new WritableFixedVhdImage(file);
}

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
    ...(timeStamp === 0 ? {} : { created: new Date(VHD_EPOCH + timeStamp * 1000).toISOString() }),
  };
}
