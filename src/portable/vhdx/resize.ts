/**
 * Gives the disk in a VHDX file another size ([MS-VHDX] 2.6.2.3). The size item is what counts: everything
 * that a larger disk needs is there before it says so, and what a smaller one leaves is cleared after.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { fillWithZeros, type WritableSource } from "../file/byte_source.ts";
import type { NewSize } from "../image/format.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  type BatGeometry,
  BlockAllocationTable,
  chunkRatio,
  PAYLOAD,
  payloadEntryIndex,
} from "./block_table.ts";
import { BlockTableWriter, MAX_PAGES_PER_BLOCK } from "./block_table_writer.ts";
import { BlockWriter } from "./block_writer.ts";
import { LOG_SECTOR_SIZE, MIB } from "./file_map.ts";
import type { LoggedPages } from "./log_writer.ts";
import { MetadataWriter } from "./metadata.ts";
import { encodeVirtualSize, VIRTUAL_DISK_SIZE } from "./metadata_items.ts";
import type { Region } from "./region_table.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import type { BlockTables } from "./structures.ts";
import { VhdxFile } from "./vhdx_file.ts";

/** A size to be given to a VHDX, of at most 64 TiB. */
export interface NewVhdxSize extends NewSize {
  /** By which children are to know the disk afterwards. Default: random. */
  readonly dataWriteGuid?: string;
}

/**
 * Resizes the disk; what is added reads as zeros.
 *
 * @param file As a clean close left it; it is left so again.
 * @throws {ImageError} As for any change of the file. The disk has the old size or the new one then.
 */
export function resizeVhdx(file: WritableSource, size: NewVhdxSize): void {
  const { virtualSize, parentSize, dataWriteGuid } = size;
  const opened = VhdxFile.open(file, dataWriteGuid);
  const { metadata, regions } = opened.structures;
  opened.beforeDataChange();
  const isGrowing = virtualSize > metadata.virtualSize;
  if (isGrowing) prepareGrowth(opened, virtualSize, Math.min(parentSize, virtualSize));
  const items = new MetadataWriter(opened);
  items.setSystemItem(VIRTUAL_DISK_SIZE, encodeVirtualSize(virtualSize));
  if (!isGrowing) {
    clearEntriesBehind(opened.pages, regions.bat, { ...metadata, virtualSize }, metadata);
  }
  opened.close();
  // Nothing moves for it, as no block does: that is what compacting is for.
  if (!isGrowing) VhdxFile.open(file).cutOff();
}

/** Everything but the size itself; what is written lies behind the disk's end until then. */
function prepareGrowth(file: VhdxFile, virtualSize: number, maskedEnd: number): void {
  const { pages, structures: { metadata: old, occupied } } = file;
  const metadata = { ...old, virtualSize };
  const region = enlargedTable(file, metadata);
  clearEntriesBehind(pages, region, old, metadata);
  const table = new BlockAllocationTable(pages, region, metadata, occupied);
  const tables = { table, bitmaps: new SectorBitmaps(pages, table, metadata) };
  const blocks = new BlockWriter(file, tables, metadata);
  const { blockSize } = old;
  const endOfLastBlock = Math.ceil(old.virtualSize / blockSize) * blockSize;
  const tailEnd = Math.min(endOfLastBlock, virtualSize);
  const last = new BlockAllocationTable(pages, region, old, occupied);
  zeroTail(file, last, blocks, { end: tailEnd, showsParent: maskedEnd > old.virtualSize });
  if (maskedEnd > endOfLastBlock) {
    const end = Math.min(Math.ceil(maskedEnd / blockSize) * blockSize, virtualSize);
    blocks.trim(endOfLastBlock, end - endOfLastBlock, PAYLOAD.ZERO);
  }
  if (old.leaveBlocksAllocated && !old.hasParent) {
    allocateBlocks(file, tables, endOfLastBlock / blockSize, Math.ceil(virtualSize / blockSize));
  }
  file.publish();
}

/**
 * What the last block holds behind the disk's end is whatever was there before.
 *
 * @param table Which asks for no more of that block than the disk has.
 */
function zeroTail(
  { file, structures: { metadata } }: VhdxFile,
  table: BlockAllocationTable,
  blocks: BlockWriter,
  { end, showsParent }: { readonly end: number; readonly showsParent: boolean },
): void {
  const { virtualSize, blockSize, hasParent } = metadata;
  if (end === virtualSize) return;
  const block = Math.floor(virtualSize / blockSize);
  const { state, fileOffset } = table.payload(block);
  // The file may end with the disk, in the middle of the block.
  const endInFile = fileOffset + end - block * blockSize;
  const isInFile = state === PAYLOAD.FULLY_PRESENT || state === PAYLOAD.PARTIALLY_PRESENT;
  if (isInFile && file.size < endInFile) file.truncate(endInFile);
  if (
    state === PAYLOAD.PARTIALLY_PRESENT || state === PAYLOAD.NOT_PRESENT && hasParent && showsParent
  ) {
    for (let position = virtualSize; position < end; position += MIB) {
      blocks.write(new Uint8Array(Math.min(MIB, end - position)), position, false);
    }
  }
  if (state !== PAYLOAD.FULLY_PRESENT) return;
  fillWithZeros(file, fileOffset + virtualSize - block * blockSize, end - virtualSize);
}

/** The blocks of a fixed disk are all there. */
function allocateBlocks(
  { file, structures: { metadata }, pages, space }: VhdxFile,
  tables: BlockTables,
  first: number,
  end: number,
): void {
  const writer = new BlockTableWriter(pages, tables);
  for (let block = first; block < end; block++) {
    const { offset, isZero } = space.allocate(metadata.blockSize);
    if (!isZero) fillWithZeros(file, offset, metadata.blockSize);
    pages.reserve(MAX_PAGES_PER_BLOCK);
    writer.setPayload(block, { state: PAYLOAD.FULLY_PRESENT, fileOffset: offset });
  }
}

/**
 * The region of the table; a copy in another place where the present one is too short.
 *
 * @param geometry Of the larger disk.
 */
function enlargedTable(file: VhdxFile, geometry: BatGeometry): Region {
  const { bat } = file.structures.regions;
  const needed = batEntryCount(geometry) * BAT_ENTRY_LENGTH;
  if (needed <= bat.length) return bat;
  return file.enlargeRegion(bat, "block allocation table", Math.ceil(needed / MIB) * MIB);
}

// Clears what the block allocation table holds behind the entries of a disk: nothing, or what a larger
// disk or another writer left there.

/**
 * Clears the entries that the larger of two disks has and the smaller one has not. They are not looked
 * at: nobody does, while the disk has the smaller size.
 */
export function clearEntriesBehind(
  pages: LoggedPages,
  { offset }: Region,
  smaller: BatGeometry,
  larger: BatGeometry,
): void {
  const ratio = chunkRatio(smaller);
  const blocks = Math.ceil(smaller.virtualSize / smaller.blockSize);
  const first = payloadEntryIndex(blocks, ratio);
  const end = batEntryCount(larger);
  const clear = (from: number, to: number) => {
    if (from < to) {
      clearBytes(pages, offset + from * BAT_ENTRY_LENGTH, (to - from) * BAT_ENTRY_LENGTH);
    }
  };
  // The bitmap of the last chunk stays, for the blocks of it that stay.
  const bitmap = Math.ceil(blocks / ratio) * (ratio + 1) - 1;
  clear(first, Math.min(bitmap, end));
  clear(Math.max(first, bitmap + 1), end);
}

function clearBytes(pages: LoggedPages, offset: number, length: number): void {
  const end = offset + length;
  for (let position = offset; position < end;) {
    const next = Math.min(end, (Math.floor(position / LOG_SECTOR_SIZE) + 1) * LOG_SECTOR_SIZE);
    const bytes = new Uint8Array(next - position);
    pages.readAt(bytes, position);
    if (!isAllZero(bytes)) {
      pages.reserve(1);
      pages.writeAt(bytes.fill(0), position);
    }
    position = next;
  }
}
