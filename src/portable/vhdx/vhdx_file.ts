/**
 * The structures of a VHDX file, read in the order in which they build on each other.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import type { ProviderSubtype } from "../../disk/information.ts";
import { type ByteSource, fillWithZeros, type WritableSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import { BlockAllocationTable } from "./block_table.ts";
import {
  hasFileIdentifier,
  HEADER_AREA_LENGTH,
  LOG_SECTOR_SIZE,
  MIB,
  REGION_TABLE_OFFSETS,
} from "./file_map.ts";
import { type CurrentHeader, type HeaderWriter, readCurrentHeader } from "./header.ts";
import { replayLog } from "./log_replay.ts";
import type { LoggedPages } from "./log_writer.ts";
import { type DiskMetadata, readMetadata } from "./metadata_items.ts";
import {
  moveRegion,
  readRegions,
  readRegionTable,
  type Region,
  REGION_TABLE_LENGTH,
  type Regions,
} from "./region_table.ts";
import type { ReplayedSource } from "./replayed_source.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { type FileSpace, OccupiedRanges, type Place } from "./space.ts";

/** What a file says of itself. */
export interface VhdxStructures {
  /** The file, or the file as its log leaves it. */
  readonly source: ByteSource;
  /** Where there was a log to replay: as `source`. */
  readonly replayed: ReplayedSource | undefined;
  readonly header: CurrentHeader;
  readonly regions: Regions;
  readonly metadata: DiskMetadata;
  /** Header area, log and all regions. */
  readonly occupied: OccupiedRanges;
}

/** Where the blocks of a disk are. */
export interface BlockTables {
  readonly table: BlockAllocationTable;
  readonly bitmaps: SectorBitmaps;
}

/**
 * Reads all but the blocks. A log that was left behind is replayed in memory.
 *
 * @throws {ImageError} As `openVhdx`.
 */
export function readStructures(file: ByteSource): VhdxStructures {
  if (!hasFileIdentifier(file)) {
    throw damaged(
      file,
      "ERROR_VHD_FORMAT_UNKNOWN",
      "file type identifier",
      0,
      "other bytes",
      "vhdxfile",
    );
  }
  if (file.size < HEADER_AREA_LENGTH) {
    throw damaged(
      file,
      "ERROR_FILE_CORRUPT",
      "header area",
      0,
      `a file of ${file.size} bytes`,
      `at least ${HEADER_AREA_LENGTH}`,
    );
  }
  const header = readCurrentHeader(file);
  const replayed = header.logGuid === NIL_GUID ? undefined : replayLog(file, header);
  const source = replayed ?? file;
  const occupied = new OccupiedRanges();
  occupied.add({ name: "header area", offset: 0, length: HEADER_AREA_LENGTH });
  if (header.logLength > 0) {
    occupied.add({ name: "log", offset: header.logOffset, length: header.logLength });
  }
  const regions = readRegions(source, occupied);
  const metadata = readMetadata(source, regions.metadata);
  return { source, replayed, header, regions, metadata, occupied };
}

/**
 * The tables of the blocks.
 *
 * @param source Through which they are read.
 * @throws {ImageError} `ERROR_FILE_CORRUPT` where the region is too short for the disk.
 */
export function tablesOf(
  { source: present, regions, metadata, occupied }: VhdxStructures,
  source: ByteSource = present,
): BlockTables {
  const table = new BlockAllocationTable(source, regions.bat, metadata, occupied);
  return { table, bitmaps: new SectorBitmaps(source, table, metadata) };
}

/** What kind of disk the flags of the file make. */
export function subtypeOf({ hasParent, leaveBlocksAllocated }: DiskMetadata): ProviderSubtype {
  if (hasParent) return "differencing";
  return leaveBlocksAllocated ? "fixed" : "dynamic";
}

/**
 * Makes the file what `replayed` reads, then declares the log empty. The log stays valid until all is
 * durable: after a crash at any point the replay is done again, to the same end.
 *
 * @param replayed The file with its log replayed in memory, found to be a sound image.
 */
export function replayToFile(
  file: WritableSource,
  replayed: ReplayedSource,
  headers: HeaderWriter,
): void {
  headers.announceWrite();
  // What lies beyond the old end is to be zeros or pages of the log.
  if (file.size < replayed.size) file.truncate(replayed.size);
  for (const { offset, length } of replayed.replayedRanges()) {
    for (let done = 0; done < length; done += MIB) {
      copyChanged(file, replayed, offset + done, Math.min(MIB, length - done));
    }
  }
  file.flush();
  headers.updateBoth({ logGuid: NIL_GUID });
}

/** Zeros of the log often stand for zeros of the file: those stay holes. */
function copyChanged(
  file: WritableSource,
  replayed: ReplayedSource,
  offset: number,
  length: number,
): void {
  const wanted = new Uint8Array(length);
  const present = new Uint8Array(length);
  replayed.readAt(wanted, offset);
  file.readAt(present, offset);
  if (wanted.some((byte, i) => byte !== present[i])) file.writeAt(wanted, offset);
}

// Gives a region another place, with more room or lower in the file: a copy, which the region tables then name.

/**
 * Copies the region and has the tables name the copy, durably. The old place must not be used again before
 * the log has been closed: its entries may still name it.
 *
 * @param length Of the new region, in whole MiB, at least that of the old one.
 */
export function moveToLargerPlace(
  file: WritableSource,
  pages: LoggedPages,
  space: FileSpace,
  region: Region,
  length: number,
): Region {
  pages.publish();
  return moveToPlace(file, pages, region, space.allocate(length), length);
}

/**
 * As {@linkcode moveToLargerPlace}, to a place that was found before; nothing of the tables waits to be
 * published.
 */
export function moveToPlace(
  file: WritableSource,
  pages: LoggedPages,
  region: Region,
  { offset: to, isZero }: Place,
  length: number,
): Region {
  if (!isZero) fillWithZeros(file, to, length);
  const piece = new Uint8Array(MIB);
  for (let done = 0; done < region.length; done += MIB) {
    pages.readAt(piece, region.offset + done);
    if (!isAllZero(piece)) file.writeAt(piece, to + done);
  }
  const moved = { ...region, offset: to, length };
  const { bytes } = readRegionTable(pages);
  moveRegion(bytes, moved);
  pages.reserve(REGION_TABLE_OFFSETS.length * REGION_TABLE_LENGTH / LOG_SECTOR_SIZE);
  for (const offset of REGION_TABLE_OFFSETS) pages.writeAt(bytes, offset);
  pages.publish();
  return moved;
}
