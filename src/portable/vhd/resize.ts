/**
 * Gives the disk in a VHD file another size: a larger one, as Windows does.
 *
 * @module
 */
import {
  type ByteSource,
  readStructure,
  viewOf,
  type WritableSource,
} from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import type { DiskImage } from "../image/image.ts";
import { type BlockAllocationTable, TABLE_ENTRY_SIZE, UNALLOCATED } from "./block_table.ts";
import { assertNoSavedState, DISK_TYPE } from "./footer.ts";
import { findFooter } from "./footer_search.ts";
import { growFixed } from "./grow_fixed.ts";
import {
  alignedPlace,
  bitmapSize,
  blockCount,
  blockFootprint,
  roundUp,
  SECTOR_SIZE,
} from "./layout.ts";
import type { Region } from "./regions.ts";
import { SPARSE_HEADER_SIZE, withMaxTableEntries } from "./sparse_header.ts";
import { SparseVhdFile, VhdFile } from "./vhd_file.ts";

/**
 * Resizes the disk; what is added reads as zeros.
 *
 * @param source As a clean close left it; it is left so again.
 * @param size Bytes, whole sectors, at most 2040 GiB.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` for a smaller size, and for a differencing image;
 * `ERROR_VHD_INVALID_STATE` for the disk of a machine whose state is saved; and as `growDynamic()`.
 */
export function resizeVhd(source: WritableSource, size: number): void {
  const file = VhdFile.open(source);
  const { currentSize, diskType } = file.footer;
  assertNoSavedState(source.path, file.footer);
  if (diskType === DISK_TYPE.differencing) throw differencing(source);
  if (size < currentSize) {
    throw new ImageError("ERROR_VHD_INVALID_TYPE", {
      path: source.path,
      reason: "a VHD can grow, but not shrink",
      causes: ["Convert it to VHDX."],
    });
  }
  if (file instanceof SparseVhdFile) growDynamic(file, size);
  else growFixed(source, file.footers, size);
}

/**
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` for a differencing image, `ERROR_VHD_INVALID_STATE` for the disk
 * of a machine whose state is saved.
 */
export function assertResizableVhd({ parent, source }: DiskImage): void {
  if (parent !== undefined) throw differencing(source);
  assertNoSavedState(source.path, findFooter(source).footer);
}

function differencing({ path }: ByteSource): ImageError {
  return new ImageError("ERROR_VHD_INVALID_TYPE", {
    path,
    reason: "a differencing VHD has the size of its parent",
    causes: ["Merge it into its parent, or convert it to VHDX."],
  });
}

// Makes a dynamic VHD larger. The block allocation table gets its room from the blocks behind it, which
// move to the end of the file; each step is durable before the next, and the footers, which say how large
// the disk is, come last.

const PIECE = 2 ** 20;
const BIG_ENDIAN = false;

/**
 * Gives the disk a larger size; what is added reads as zeros.
 *
 * @param file Of a dynamic image, as a clean close leaves it.
 * @param size Whole sectors.
 * @throws {ImageError} `ERROR_VHD_BLOCK_ALLOCATION_FAILURE` where no entry of the table could say where
 * blocks have moved to; `ERROR_NOT_SUPPORTED` where another structure lies behind the table.
 */
function growDynamic(file: SparseVhdFile, size: number): void {
  const { footers, layout } = file;
  const { currentSize } = footers;
  zeroTail(file, currentSize, size);
  const { maxTableEntries } = layout.header;
  const entries = Math.max(maxTableEntries, blockCount(size, layout.blockSize));
  if (entries > maxTableEntries) makeRoom(file, entries);
  clearEntries(file, blockCount(currentSize, layout.blockSize), entries);
  if (entries > maxTableEntries) setMaxTableEntries(file, entries);
  footers.setCurrentSize(size);
}

/** What the last block holds behind the disk's end is whatever was there before. */
function zeroTail({ source, layout }: SparseVhdFile, currentSize: number, size: number): void {
  const { blockSize, table } = layout;
  const inBlock = currentSize % blockSize;
  if (inBlock === 0) return;
  const offset = table.blockOffset(Math.floor(currentSize / blockSize));
  if (offset === undefined) return;
  const length = Math.min(blockSize - inBlock, size - currentSize);
  source.writeAt(new Uint8Array(length), offset + bitmapSize(blockSize) + inBlock);
}

/** Nothing but the table is between its start and its new end afterwards. */
function makeRoom(file: SparseVhdFile, entries: number): void {
  const { source, footers, layout: { blockSize, table, metadata } } = file;
  const end = roundUp(table.offset + entries * TABLE_ENTRY_SIZE, SECTOR_SIZE);
  assertClear(source, metadata, table.offset, end);
  const moving = blocksBefore(file, end);
  const footprint = blockFootprint(blockSize);
  const start = Math.max(roundUp(footers.offset, SECTOR_SIZE), end);
  if (moving.length === 0) {
    if (footers.offset < end) footers.place(alignedPlace(start, blockSize));
    return;
  }
  const first = alignedPlace(start, blockSize);
  const stride = alignedPlace(first + footprint, blockSize) - first;
  const last = first + (moving.length - 1) * stride;
  if (last / SECTOR_SIZE >= UNALLOCATED) {
    throw new ImageError("ERROR_VHD_BLOCK_ALLOCATION_FAILURE", {
      path: source.path,
      reason: `${moving.length} blocks that would have to move do not fit into the file`,
    });
  }
  footers.place(last + footprint);
  moving.forEach(({ offset }, i) => copy(source, offset, first + i * stride, footprint));
  source.flush();
  moving.forEach(({ index }, i) => writeEntry(source, table, index, first + i * stride));
  source.flush();
  table.forget();
}

/** Creators put the table last of the structures; where one has not, there is no room to be had. */
function assertClear(
  source: WritableSource,
  metadata: readonly Region[],
  start: number,
  end: number,
): void {
  const other = metadata.find(({ offset }) => offset > start && offset < end);
  if (other === undefined) return;
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path: source.path,
    reason: `the block allocation table cannot grow: the ${other.name} lies behind it`,
    causes: ["Convert the image to a new one, and make that larger."],
  });
}

/** The blocks that begin between the table and the place where it is to end. */
function blocksBefore(
  file: SparseVhdFile,
  end: number,
): { index: number; offset: number }[] {
  const blocks: { index: number; offset: number }[] = [];
  for (const [index, offset] of file.placedBlocks()) {
    if (offset >= file.layout.table.offset && offset < end) blocks.push({ index, offset });
  }
  return blocks;
}

function copy(source: WritableSource, from: number, to: number, length: number): void {
  for (let done = 0; done < length; done += PIECE) {
    const piece = Math.min(PIECE, length - done);
    const code = "ERROR_VHD_METADATA_READ_FAILURE";
    source.writeAt(readStructure(source, from + done, piece, "block", code), to + done);
  }
}

function writeEntry(
  source: WritableSource,
  table: BlockAllocationTable,
  index: number,
  offset: number,
): void {
  const bytes = new Uint8Array(TABLE_ENTRY_SIZE);
  viewOf(bytes).setUint32(0, offset / SECTOR_SIZE, BIG_ENDIAN);
  source.writeAt(bytes, table.offset + index * TABLE_ENTRY_SIZE);
}

/** Entries that nobody looked at may hold anything, and so may the padding up to the next sector. */
function clearEntries(
  { source, layout: { table } }: SparseVhdFile,
  first: number,
  end: number,
): void {
  const start = table.offset + first * TABLE_ENTRY_SIZE;
  const stop = roundUp(table.offset + end * TABLE_ENTRY_SIZE, SECTOR_SIZE);
  for (let position = start; position < stop; position += PIECE) {
    source.writeAt(new Uint8Array(Math.min(PIECE, stop - position)).fill(0xff), position);
  }
  source.flush();
}

function setMaxTableEntries({ source, footer }: SparseVhdFile, entries: number): void {
  // Only a fixed image has no header.
  const headerOffset = footer.dataOffset!;
  const code = "ERROR_VHD_METADATA_READ_FAILURE";
  const header = readStructure(source, headerOffset, SPARSE_HEADER_SIZE, "sparse header", code);
  source.writeAt(withMaxTableEntries(header, entries).subarray(0, SECTOR_SIZE), headerOffset);
  source.flush();
}
