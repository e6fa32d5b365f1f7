/**
 * Gives the disk in a VHDX file another size ([MS-VHDX] 2.6.2.3). The size item is what counts: everything
 * that a larger disk needs is there before it says so, and what a smaller one leaves is cleared after.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { fillWithZeros, type WritableSource } from "../file/byte_source.ts";
import type { NewSize } from "../image/format.ts";
import { scanBlocks } from "./block_scan.ts";
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
import { HeaderWriter } from "./header.ts";
import { LoggedPages, LogWriter } from "./log_writer.ts";
import { MetadataWriter } from "./metadata.ts";
import { encodeVirtualSize, VIRTUAL_DISK_SIZE } from "./metadata_items.ts";
import type { Region } from "./region_table.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { FileSpace } from "./space.ts";
import {
  type BlockTables,
  moveToLargerPlace,
  readStructures,
  tablesOf,
  type VhdxStructures,
} from "./vhdx_file.ts";

/** A size to be given to a VHDX, of at most 64 TiB. */
export interface NewVhdxSize extends NewSize {
  /** By which children are to know the disk afterwards. Default: random. */
  readonly dataWriteGuid?: string;
}

/** A file in which nothing else is going on, with what is needed to change it. */
interface OpenFile {
  readonly file: WritableSource;
  readonly structures: VhdxStructures;
  readonly space: FileSpace;
  readonly pages: LoggedPages;
  readonly beforeChange: () => void;
}

/**
 * Resizes the disk; what is added reads as zeros.
 *
 * @param file As a clean close left it; it is left so again.
 * @throws {ImageError} As for any change of the file. The disk has the old size or the new one then.
 */
export function resizeVhdx(file: WritableSource, size: NewVhdxSize): void {
  const { virtualSize, parentSize, dataWriteGuid } = size;
  const structures = readStructures(file);
  const { metadata, regions } = structures;
  const headers = new HeaderWriter(file, structures.header, dataWriteGuid);
  const space = new FileSpace(file);
  const log = new LogWriter(file, headers, space);
  const pages = new LoggedPages(file, log, space);
  scanBlocks(pages, structures, tablesOf(structures, pages), space);
  const beforeChange = () => headers.announceDataChange();
  const open: OpenFile = { file, structures, space, pages, beforeChange };
  beforeChange();
  const isGrowing = virtualSize > metadata.virtualSize;
  if (isGrowing) prepareGrowth(open, virtualSize, Math.min(parentSize, virtualSize));
  const parts = {
    file,
    pages,
    space,
    region: regions.metadata,
    beforeChange,
    beforeWrite: beforeChange,
    onMove: () => {},
  };
  const items = new MetadataWriter(parts);
  items.setSystemItem(VIRTUAL_DISK_SIZE, encodeVirtualSize(virtualSize));
  if (!isGrowing) clearEntriesBehind(pages, regions.bat, { ...metadata, virtualSize }, metadata);
  pages.publish();
  file.flush();
  log.close();
  if (!isGrowing) cutOff(file);
}

/** Everything but the size itself; what is written lies behind the disk's end until then. */
function prepareGrowth(open: OpenFile, virtualSize: number, maskedEnd: number): void {
  const { file, structures, pages, space, beforeChange } = open;
  const { metadata: old, occupied } = structures;
  const metadata = { ...old, virtualSize };
  const region = enlargedTable(open, metadata);
  clearEntriesBehind(pages, region, old, metadata);
  const table = new BlockAllocationTable(pages, region, metadata, occupied);
  const tables = { table, bitmaps: new SectorBitmaps(pages, table, metadata) };
  const blocks = new BlockWriter({ file, pages, space, tables, metadata, beforeChange });
  const { blockSize } = old;
  const endOfLastBlock = Math.ceil(old.virtualSize / blockSize) * blockSize;
  const tailEnd = Math.min(endOfLastBlock, virtualSize);
  const last = new BlockAllocationTable(pages, region, old, occupied);
  zeroTail(open, last, blocks, { end: tailEnd, showsParent: maskedEnd > old.virtualSize });
  if (maskedEnd > endOfLastBlock) {
    const end = Math.min(Math.ceil(maskedEnd / blockSize) * blockSize, virtualSize);
    blocks.trim(endOfLastBlock, end - endOfLastBlock, PAYLOAD.ZERO);
  }
  if (old.leaveBlocksAllocated && !old.hasParent) {
    allocateBlocks(open, tables, endOfLastBlock / blockSize, Math.ceil(virtualSize / blockSize));
  }
  pages.publish();
}

/**
 * What the last block holds behind the disk's end is whatever was there before.
 *
 * @param table Which asks for no more of that block than the disk has.
 */
function zeroTail(
  { file, structures: { metadata } }: OpenFile,
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
  { file, structures: { metadata }, pages, space }: OpenFile,
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
 * Takes away what lies behind everything that is still in use; the log is empty. Nothing moves for it, as no
 * block does: that is what compacting is for.
 */
function cutOff(file: WritableSource): void {
  const structures = readStructures(file);
  const space = new FileSpace(file);
  scanBlocks(file, structures, tablesOf(structures), space);
  if (space.end >= file.size) return;
  file.truncate(space.end);
  file.flush();
}

/** The file that the table is in. */
export interface TableFile {
  readonly file: WritableSource;
  readonly structures: VhdxStructures;
  readonly space: FileSpace;
  readonly pages: LoggedPages;
}

/**
 * The region of the table; a copy in another place where the present one is too short.
 *
 * @param geometry Of the larger disk.
 */
export function enlargedTable(
  { file, structures, space, pages }: TableFile,
  geometry: BatGeometry,
): Region {
  const { bat } = structures.regions;
  const needed = batEntryCount(geometry) * BAT_ENTRY_LENGTH;
  if (needed <= bat.length) return bat;
  const length = Math.ceil(needed / MIB) * MIB;
  const region = moveToLargerPlace(file, pages, space, bat, length);
  structures.occupied.add({ name: "block allocation table", ...region });
  return region;
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
