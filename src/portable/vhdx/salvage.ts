/**
 * A damaged VHDX, read as far as it is certain what it holds. Each structure is read by its own reader, of which
 * none is told where the file ends: what is beyond the end is lost when it is asked for, and not before.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { LossReason } from "../../disk/damage.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { OpenEndedSource } from "../file/promised_end.ts";
import { type Damages, TolerantImage, withEnd } from "../image/tolerant_image.ts";
import { BAT_ENTRY_LENGTH, BITMAP_ENTRY, chunkRatio, UNSHARED_PLACE } from "./block_table.ts";
import { hasFileIdentifier, HEADER_AREA_LENGTH, LOG_SECTOR_SIZE } from "./file_map.ts";
import { CautiousImage, IN_DOUBT } from "./cautious_image.ts";
import type { DiskMetadata } from "./metadata_items.ts";
import type { Region } from "./region_table.ts";
import type { ReplayedSource } from "./replayed_source.ts";
import { type SalvagedLog, salvageLog } from "./salvage_log.ts";
import { salvageMetadata } from "./salvage_metadata.ts";
import { salvageRegions } from "./salvage_regions.ts";
import { OccupiedRanges } from "./space.ts";
import { tablesOf } from "./structures.ts";
import { UnnamedData } from "./unnamed_data.ts";

/**
 * Opens what is left.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` if not even that can be told, or only with what nobody has said;
 * `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION`.
 */
export function openDamagedVhdx(file: ByteSource, damages: Damages): TolerantImage {
  const openEnded = new OpenEndedSource(file);
  if (!hasFileIdentifier(file)) {
    damages.add({
      path: file.path,
      structure: "file type identifier",
      offset: 0,
      found: "other bytes",
      expected: "vhdxfile",
      consequence: "The file is taken for a VHDX all the same.",
    });
  }
  const log = salvageLog(openEnded, damages);
  const source = log.replayed ?? openEnded;
  const occupied = fixedRanges(log);
  const { bat, metadata: metadataRegion } = salvageRegions(source, file.size, occupied, damages);
  const { metadata, virtualDiskId, isTableSound } = salvageMetadata(
    source,
    metadataRegion,
    damages,
  );
  if (bat === undefined) throw noTable(file);
  const covered = { ...metadata, virtualSize: coveredSize(metadata, bat, log, file.size) };
  const regions = { bat, metadata: metadataRegion ?? bat };
  const tables = tablesOf({ source, regions, metadata: covered, occupied });
  const { header, replayed } = log;
  const structures = {
    source,
    replayed,
    regions,
    metadata: covered,
    header: { dataWriteGuid: header?.dataWriteGuid ?? NIL_GUID },
  };
  const unnamed = new UnnamedData({ source, regions, metadata: covered, occupied }, tables, {
    fileSize: file.size,
    isTableCut: covered.virtualSize < metadata.virtualSize,
    damages,
  });
  const image = new CautiousImage(structures, tables, { doubts: log.doubts, unnamed });
  const presence = new FilePresence(file.size, log);
  return new TolerantImage({
    image,
    source: withEnd(source, file.size),
    virtualSize: metadata.virtualSize,
    identifier: header?.dataWriteGuid,
    virtualDiskId,
    hasMetadata: isTableSound,
    lossOf: reasonOf,
    present: (offset, length) => presence.present(offset, length),
    missing: (offset, length) => presence.missing(offset, length),
  });
}

/** Header area and log. */
function fixedRanges({ place }: SalvagedLog): OccupiedRanges {
  const occupied = new OccupiedRanges();
  occupied.add({ name: "header area", offset: 0, length: HEADER_AREA_LENGTH });
  if (place !== undefined) {
    occupied.add({ name: "log", offset: place.logOffset, length: place.logLength });
  }
  return occupied;
}

/** How much of the disk the entries tell of that the region has room for, and the file has. */
function coveredSize(
  metadata: DiskMetadata,
  bat: Region,
  { replayed }: SalvagedLog,
  fileSize: number,
): number {
  // A replay may bring entries that the file does not have.
  const end = replayed === undefined
    ? Math.max(bat.offset, Math.min(bat.offset + bat.length, fileSize))
    : bat.offset + bat.length;
  const ratio = chunkRatio(metadata);
  const blocksOf = (length: number, isWhole: boolean) => {
    const entries = Math.floor(length / BAT_ENTRY_LENGTH);
    const chunks = Math.floor(entries / (ratio + 1));
    const rest = isWhole ? 0 : Math.min(entries - chunks * (ratio + 1), ratio);
    return chunks * ratio + rest;
  };
  // A child's table has whole chunks, each with the entry of its bitmap, though the file may end in one.
  const inRegion = blocksOf(bat.length, metadata.hasParent);
  const blocks = Math.min(inRegion, blocksOf(end - bat.offset, false));
  return Math.min(metadata.virtualSize, blocks * metadata.blockSize);
}

function noTable({ path }: ByteSource): ImageError {
  return new ImageError("ERROR_FILE_CORRUPT", {
    path,
    reason:
      "no block allocation table is left, by either region table or by its contents: nobody knows where in " +
      "the file the disk is",
    causes: ["Restore the file from a copy."],
  });
}

function reasonOf({ options: { detail } }: ImageError): LossReason {
  if (detail?.expected === UNSHARED_PLACE) return "overlap";
  switch (detail?.structure) {
    case IN_DOUBT:
      return "log";
    case BITMAP_ENTRY:
    case "sector bitmap block":
      return "bitmap";
    default:
      return "table";
  }
}

/** Which bytes of the file there are: the log may hold some that lie beyond its end. */
class FilePresence {
  /** Up to there, bytes are in the file, or have never been written. */
  readonly #end: number;
  readonly #replayed: ReplayedSource | undefined;

  constructor(fileSize: number, { replayed, flushedSize, lastSize }: SalvagedLog) {
    // What a crash has kept from being lengthened is zeros; what was cut off is not.
    this.#end = replayed !== undefined && fileSize >= flushedSize
      ? Math.max(fileSize, lastSize)
      : fileSize;
    this.#replayed = replayed;
  }

  present(offset: number, length: number): number {
    if (offset < this.#end) return Math.min(length, this.#end - offset);
    if (!this.#isLogged(offset)) return 0;
    const page = LOG_SECTOR_SIZE - offset % LOG_SECTOR_SIZE;
    return Math.min(length, page);
  }

  missing(offset: number, length: number): number {
    if (this.#replayed?.mayReplace(offset, length) !== true) return length;
    let missing = 0;
    while (missing < length && !this.#isLogged(offset + missing)) {
      missing += LOG_SECTOR_SIZE - (offset + missing) % LOG_SECTOR_SIZE;
    }
    return Math.min(missing, length);
  }

  #isLogged(offset: number): boolean {
    return this.#replayed?.replacesPage(offset - offset % LOG_SECTOR_SIZE) === true;
  }
}
