/**
 * The structures of a VHDX file, read in the order in which they build on each other.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { ProviderSubtype } from "../../disk/information.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import { BlockAllocationTable } from "./block_table.ts";
import { hasFileIdentifier, HEADER_AREA_LENGTH } from "./file_map.ts";
import { type CurrentHeader, readCurrentHeader } from "./header.ts";
import { replayLog } from "./log_replay.ts";
import { type DiskMetadata, readMetadata } from "./metadata_items.ts";
import { readRegions, type Regions } from "./region_table.ts";
import type { ReplayedSource } from "./replayed_source.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { OccupiedRanges } from "./space.ts";

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

/** What an image that is only read asks of that. */
export interface ImageStructures
  extends Pick<VhdxStructures, "source" | "replayed" | "regions" | "metadata"> {
  readonly header: Pick<CurrentHeader, "dataWriteGuid">;
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
  return readMarkedStructures(file);
}

/** As {@linkcode readStructures}, of a file that is known to have the identifier. */
export function readMarkedStructures(file: ByteSource): VhdxStructures {
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
  { source: present, regions, metadata, occupied }: Pick<
    VhdxStructures,
    "source" | "regions" | "metadata" | "occupied"
  >,
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
