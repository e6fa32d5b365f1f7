/**
 * A VHDX image ([MS-VHDX]), read: header, log, regions, metadata, blocks.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { ProviderSubtype } from "../../information.ts";
import { bitRun } from "../bit_run.ts";
import type { ByteSource } from "../byte_source.ts";
import type { DiskImage, ImageExtent, ParentLink } from "../image.ts";
import { damaged } from "../image_error.ts";
import { PageCache } from "../page_cache.ts";
import { BlockAllocationTable, PAYLOAD } from "./block_allocation_table.ts";
import { hasFileIdentifier } from "./file_identifier.ts";
import { HEADER_AREA_LENGTH } from "./file_map.ts";
import { type CurrentHeader, readCurrentHeader } from "./header.ts";
import { replayLog } from "./log_replay.ts";
import { type DiskMetadata, readMetadata } from "./metadata_items.ts";
import { OccupiedRanges } from "./occupied_ranges.ts";
import { readRegions } from "./region_table.ts";

/** How many entries of the block allocation table one extent may be put together from. */
const MAX_MERGED_BLOCKS = 4096;

/** Whether the file begins as every VHDX file does; nothing more is looked at. */
export function isVhdx(source: ByteSource): boolean {
  return hasFileIdentifier(source);
}

/**
 * Reads what an image says of itself. A log that was left behind is replayed in memory; the file is
 * not written to.
 *
 * @throws {ImageError} `ERROR_VHD_FORMAT_UNKNOWN` where it is no VHDX file,
 * `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION`, `ERROR_VHD_INVALID_BLOCK_SIZE`, `ERROR_VHD_INVALID_SIZE`, and
 * `ERROR_FILE_CORRUPT` for every other broken rule.
 */
export function openVhdx(source: ByteSource): DiskImage {
  if (!hasFileIdentifier(source)) {
    throw damaged(
      source,
      "ERROR_VHD_FORMAT_UNKNOWN",
      "file type identifier",
      0,
      "other bytes",
      "vhdxfile",
    );
  }
  if (source.size < HEADER_AREA_LENGTH) {
    throw damaged(
      source,
      "ERROR_FILE_CORRUPT",
      "header area",
      0,
      `a file of ${source.size} bytes`,
      `at least ${HEADER_AREA_LENGTH}`,
    );
  }
  const header = readCurrentHeader(source);
  const replayed = header.logGuid === NIL_GUID ? source : replayLog(source, header);
  const occupied = new OccupiedRanges();
  occupied.add({ name: "header area", offset: 0, length: HEADER_AREA_LENGTH });
  if (header.logLength > 0) {
    occupied.add({ name: "log", offset: header.logOffset, length: header.logLength });
  }
  const regions = readRegions(replayed, occupied);
  const metadata = readMetadata(replayed, regions.metadata);
  const table = new BlockAllocationTable(replayed, regions.bat, metadata, occupied);
  return new VhdxImage(replayed, header, metadata, table);
}

class VhdxImage implements DiskImage {
  readonly format = "vhdx";
  readonly subtype: ProviderSubtype;
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  readonly identifier: string;
  readonly virtualDiskId: string;
  readonly parent: ParentLink | undefined;
  readonly #table: BlockAllocationTable;
  readonly #bitmaps: PageCache;

  constructor(
    source: ByteSource,
    header: CurrentHeader,
    metadata: DiskMetadata,
    table: BlockAllocationTable,
  ) {
    this.source = source;
    this.subtype = metadata.hasParent
      ? "differencing"
      : metadata.leaveBlocksAllocated
      ? "fixed"
      : "dynamic";
    this.virtualSize = metadata.virtualSize;
    this.blockSize = metadata.blockSize;
    this.logicalSectorSize = metadata.logicalSectorSize;
    this.physicalSectorSize = metadata.physicalSectorSize;
    this.identifier = header.dataWriteGuid;
    this.virtualDiskId = metadata.virtualDiskId;
    this.parent = metadata.parent;
    this.#table = table;
    this.#bitmaps = new PageCache(source, "sector bitmap block", "ERROR_FILE_CORRUPT");
  }

  extent(offset: number, end: number): ImageExtent {
    const first = this.#pieceOfBlock(offset, end);
    let position = offset + first.length;
    for (let blocks = 1; position < end && blocks < MAX_MERGED_BLOCKS; blocks++) {
      // A piece that ends inside its block is followed by one of another kind.
      if (position % this.blockSize !== 0) break;
      // Its bitmap would have to be read: an extent looks into one bitmap at most.
      if (this.#table.payload(position / this.blockSize).state === PAYLOAD.PARTIALLY_PRESENT) break;
      const next = this.#pieceOfBlock(position, end);
      if (!continues(first, next, position)) break;
      position += next.length;
    }
    return { ...first, length: position - offset };
  }

  /** By format: blocks lie at multiples of 1 MiB. */
  is4kAligned(): boolean {
    return true;
  }

  /** The first piece of the range, not followed beyond the block that it begins in. */
  #pieceOfBlock(offset: number, end: number): ImageExtent {
    const block = Math.floor(offset / this.blockSize);
    const inBlock = offset - block * this.blockSize;
    const length = Math.min(end - offset, this.blockSize - inBlock);
    const { state, fileOffset } = this.#table.payload(block);
    switch (state) {
      case PAYLOAD.FULLY_PRESENT:
        return { kind: "file", offset, length, fileOffset: fileOffset + inBlock };
      case PAYLOAD.PARTIALLY_PRESENT: {
        const run = this.#sectorRun(block, inBlock, length);
        return run.present
          ? { kind: "file", offset, length: run.length, fileOffset: fileOffset + inBlock }
          : { kind: "parent", offset, length: run.length };
      }
      case PAYLOAD.NOT_PRESENT:
        return { kind: this.subtype === "differencing" ? "parent" : "zero", offset, length };
      // Undefined, zero and unmapped blocks read as zeros, whatever a parent holds.
      default:
        return { kind: "zero", offset, length };
    }
  }

  /** How far the sectors from `inBlock` on are all in this file, or all not. */
  #sectorRun(
    block: number,
    inBlock: number,
    length: number,
  ): { present: boolean; length: number } {
    const sectorSize = this.logicalSectorSize;
    const firstOfBlock = (block % this.#table.chunkRatio) * (this.blockSize / sectorSize);
    const first = firstOfBlock + Math.floor(inBlock / sectorSize);
    const end = firstOfBlock + Math.ceil((inBlock + length) / sectorSize);
    const bitmap = this.#table.bitmap(block);
    const run = bitRun(
      (index) => this.#bitmaps.uint8(bitmap + index),
      first,
      end,
      "lsb-first",
    );
    const runEnd = (first + run.length - firstOfBlock) * sectorSize;
    return { present: run.value, length: Math.min(length, runEnd - inBlock) };
  }
}

/** Whether `next`, at `position`, continues what `first` began. */
function continues(first: ImageExtent, next: ImageExtent, position: number): boolean {
  if (first.kind === "file") {
    return next.kind === "file" &&
      next.fileOffset === first.fileOffset + (position - first.offset);
  }
  return next.kind === first.kind;
}
