/**
 * A VHDX file that is open to be changed: its structures and tables, what is free in it, and the log through
 * which the tables change, so that a crash at any moment leaves a sound image. The image writes through it, and
 * so does everything else that changes a file.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { isAllZero } from "../../bytes/zeros.ts";
import { fillWithZeros, type WritableSource } from "../file/byte_source.ts";
import { scanBlocks } from "./block_scan.ts";
import { LOG_SECTOR_SIZE, MIB, REGION_TABLE_OFFSETS } from "./file_map.ts";
import { HeaderWriter } from "./header.ts";
import { LoggedPages, LogWriter } from "./log_writer.ts";
import {
  moveRegion,
  readRegionTable,
  type Region,
  REGION_TABLE_LENGTH,
  regionTablesAgree,
} from "./region_table.ts";
import type { ReplayedSource } from "./replayed_source.ts";
import { assertFileSize, FileSpace, type Place } from "./space.ts";
import { type BlockTables, readStructures, tablesOf, type VhdxStructures } from "./structures.ts";

/** An open file. Nothing is written before {@linkcode VhdxFile.beforeWrite}. */
export class VhdxFile {
  /** Data go into it at once. */
  readonly file: WritableSource;
  /** The file with the changes of its tables, which wait for {@linkcode VhdxFile.publish}. */
  readonly pages: LoggedPages;
  /** What is free, once a change has been announced. */
  readonly space: FileSpace;
  readonly headers: HeaderWriter;
  readonly #log: LogWriter;
  #structures: VhdxStructures;
  #tables: BlockTables;
  #metadataRegion: Region;
  /** Whether all that lies in the file is known. */
  #isSurveyed = false;
  /** Whether anything may have been written since the file was opened or closed. */
  #isChanging = false;
  /** Why there will never be a change. */
  #surveyFault: unknown;

  private constructor(file: WritableSource, structures: VhdxStructures, headers: HeaderWriter) {
    this.file = file;
    this.headers = headers;
    this.space = new FileSpace(file);
    this.#log = new LogWriter(file, headers, this.space);
    this.pages = new LoggedPages(file, this.#log, this.space);
    this.#structures = structures;
    this.#tables = tablesOf(structures, this.pages);
    this.#metadataRegion = structures.regions.metadata;
  }

  /**
   * Opens a file. A sound one is not written to before the first change; a log that was left behind is replayed
   * to the file, and region tables that differ are made equal.
   *
   * @param dataWriteGuid By which children are to know the disk once it has changed. Default: random.
   * @throws {ImageError} As `openVhdx`, and `ERROR_FILE_CORRUPT` if no header can follow the current one;
   * nothing has been written then.
   */
  static open(file: WritableSource, dataWriteGuid?: string): VhdxFile {
    let structures = readStructures(file);
    assertFileSize(file);
    // Says whether the block table fits, before anything is written.
    tablesOf(structures);
    const headers = new HeaderWriter(file, structures.header, dataWriteGuid);
    if (structures.replayed !== undefined) {
      replayToFile(file, structures.replayed, headers);
      structures = readStructures(file);
    }
    const opened = new VhdxFile(file, structures, headers);
    opened.#repairRegionTables();
    return opened;
  }

  get structures(): VhdxStructures {
    return this.#structures;
  }

  /** With the changes that wait. */
  get tables(): BlockTables {
    return this.#tables;
  }

  /** Where the metadata are now. */
  get metadataRegion(): Region {
    return this.#metadataRegion;
  }

  /**
   * Finds out what is free, once.
   *
   * @throws {ImageError} `ERROR_FILE_CORRUPT` for a file in which two things lie in one place.
   */
  survey(): void {
    if (this.#isSurveyed) return;
    if (this.#surveyFault !== undefined) throw this.#surveyFault;
    try {
      scanBlocks(this.#structures, this.#tables, this.space);
    } catch (error) {
      this.#surveyFault = error;
      throw error;
    }
    this.#isSurveyed = true;
  }

  /**
   * Comes before every write that users of the disk do not see.
   *
   * @throws {ImageError} As {@linkcode VhdxFile.survey}.
   */
  beforeWrite(): void {
    this.survey();
    this.headers.announceWrite();
    this.#isChanging = true;
  }

  /**
   * Comes before every write that changes what the disk is, or what it holds: its children no longer know it
   * afterwards.
   *
   * @throws {ImageError} As {@linkcode VhdxFile.survey}.
   */
  beforeDataChange(): void {
    this.survey();
    this.headers.announceDataChange();
    this.#isChanging = true;
  }

  /** Makes all changes durable, and what has been written to the file before. */
  publish(): void {
    this.pages.publish();
  }

  /**
   * Leaves the file as a clean close does: all is in its place, and the log is empty. It may be changed further.
   */
  close(): void {
    this.publish();
    this.file.flush();
    if (this.#isChanging) this.#log.close();
    this.#isChanging = false;
  }

  /** Takes away what lies behind everything that is in use; the log is empty, so that no entry asks for it. */
  cutOff(): void {
    this.survey();
    if (this.space.end >= this.file.size) return;
    this.beforeWrite();
    this.file.truncate(this.space.end);
    this.file.flush();
  }

  /**
   * Gives a region another place, with more room: a copy, which the region tables then name, durably. The old
   * place is not used again before the next open, as entries of the log may still name it.
   *
   * @param length Whole MiB, more than it has.
   */
  enlargeRegion(region: Region, name: string, length: number): Region {
    const moved = this.moveRegion(region, this.space.allocate(length), length);
    this.#structures.occupied.add({ name, offset: moved.offset, length });
    return moved;
  }

  /** As {@linkcode VhdxFile.enlargeRegion}, for the metadata. */
  enlargeMetadataRegion(length: number): void {
    this.#metadataRegion = this.enlargeRegion(this.#metadataRegion, "metadata region", length);
  }

  /**
   * Copies a region to a place that was found for it, and has the tables name the copy, durably. The old place
   * must not be used again before the log has been closed: its entries may still name it.
   *
   * @param length Of the new region, in whole MiB, at least that of the old one.
   */
  moveRegion(region: Region, { offset: to, isZero }: Place, length: number): Region {
    const { file, pages } = this;
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
    this.publish();
    return moved;
  }

  /** Gives the log another place, where nothing durable says that something lies; it is empty. */
  moveLog(offset: number): void {
    this.#log.moveTo(offset);
  }

  /** Reads the structures again after regions or the log have moved; no changes wait, and the log is empty. */
  readAnew(): void {
    this.#structures = readStructures(this.file);
    this.#tables = tablesOf(this.#structures, this.pages);
    this.#metadataRegion = this.#structures.regions.metadata;
  }

  /** Makes the two region tables equal, if a writer died between them or one is damaged. */
  #repairRegionTables(): void {
    if (regionTablesAgree(this.pages)) return;
    const { bytes, offset } = readRegionTable(this.pages);
    this.beforeWrite();
    this.pages.reserve(REGION_TABLE_LENGTH / LOG_SECTOR_SIZE);
    for (const other of REGION_TABLE_OFFSETS) {
      if (other !== offset) this.pages.writeAt(bytes, other);
    }
    this.publish();
  }
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
