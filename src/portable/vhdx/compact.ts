/**
 * Makes the file of a dynamic or differencing VHDX shorter: blocks that nothing is lost with go, others move
 * down, with them the tables and the log, and what is left free at the end is given back ([MS-VHDX] 2.5.1.1).
 * The disk stays what it is, and so does its data write GUID.
 *
 * @module
 */
import type { WritableSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { blockContents, copyRange } from "../image/blocks.ts";
import type { Compaction, CompactionOutcome } from "../image/format.ts";
import type { DiskImage } from "../image/image.ts";
import { type BatEntry, BITMAP, PAYLOAD } from "./block_table.ts";
import { type PlacedBlock, placedBlocks, scanBlocks } from "./block_scan.ts";
import { BlockTableWriter, MAX_PAGES_PER_BLOCK } from "./block_table_writer.ts";
import { FileSpace } from "./space.ts";
import { HeaderWriter } from "./header.ts";
import { LoggedPages, LogWriter } from "./log_writer.ts";
import {
  type BlockTables,
  moveToPlace,
  readStructures,
  subtypeOf,
  tablesOf,
  type VhdxStructures,
} from "./vhdx_file.ts";
import type { Region } from "./region_table.ts";
import { VhdxImage } from "./image.ts";

/**
 * Compacts an image.
 *
 * @param file As a clean close left it; it is left so again.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` for a fixed disk, `ERROR_FILE_CORRUPT`.
 */
export async function compactVhdx(
  file: WritableSource,
  job: Compaction,
): Promise<CompactionOutcome> {
  const structures = readStructures(file);
  if (subtypeOf(structures.metadata) === "fixed") {
    throw new ImageError("ERROR_VHD_INVALID_TYPE", {
      path: file.path,
      reason: "a fixed disk has no blocks that could be freed",
    });
  }
  const compactor = new Compactor(file, structures, job);
  try {
    await compactor.releaseBlocks();
    if (job.blockMoves) await compactor.moveDown();
  } finally {
    compactor.finish();
  }
  return compactor.outcome;
}

class Compactor {
  readonly #file: WritableSource;
  #structures: VhdxStructures;
  readonly #job: Compaction;
  readonly #headers: HeaderWriter;
  readonly #space: FileSpace;
  readonly #log: LogWriter;
  readonly #pages: LoggedPages;
  #tables: BlockTables;
  #writer: BlockTableWriter;
  /** Where these lie now, which a trial does not write into the file. */
  #regions: Region[];
  #logPlace: { readonly offset: number; readonly length: number };
  #kept: PlacedBlock[] = [];
  #releasedBlocks = 0;
  #movedBlocks = 0;
  /** Where regions were that entries of the log may still name. */
  #oldPlaces: Region[] = [];

  constructor(file: WritableSource, structures: VhdxStructures, job: Compaction) {
    this.#file = file;
    this.#structures = structures;
    this.#job = job;
    this.#headers = new HeaderWriter(file, structures.header);
    this.#space = new FileSpace(file);
    this.#log = new LogWriter(file, this.#headers, this.#space);
    this.#pages = new LoggedPages(file, this.#log, this.#space);
    // A trial may look at a file whose log has been replayed in memory alone.
    this.#tables = tablesOf(structures, job.dryRun ? structures.source : this.#pages);
    this.#writer = new BlockTableWriter(this.#pages, this.#tables);
    this.#regions = Object.values(structures.regions);
    const { logOffset, logLength } = structures.header;
    this.#logPlace = { offset: logOffset, length: logLength };
    scanBlocks(structures.source, structures, this.#tables, this.#space);
  }

  get outcome(): CompactionOutcome {
    return {
      fileSize: Math.min(this.#file.size, this.#space.end),
      releasedBlocks: this.#releasedBlocks,
      movedBlocks: this.#movedBlocks,
    };
  }

  /** Goes through the table once. A bitmap follows the blocks that it is for. */
  async releaseBlocks(): Promise<void> {
    const { meter } = this.#job;
    const { source } = this.#structures;
    const { blockSize } = this.#structures.metadata;
    const blocks = [...placedBlocks(source, this.#structures, this.#tables)];
    meter.expect(2 * blocks.length * blockSize);
    const stored = new VhdxImage({ ...this.#structures, source }, this.#tables);
    const image = this.#job.hideFree?.(stored) ?? stored;
    let chunkWithPartial = -1;
    for (const block of blocks) {
      if (block.kind === "sector bitmap block") {
        if (block.index === chunkWithPartial) this.#kept.push(block);
        else this.#release(block, { state: BITMAP.NOT_PRESENT, fileOffset: 0 });
        continue;
      }
      const entry = this.#tables.table.payload(block.index);
      const state = await this.#stateWithout(image, block.index, entry);
      if (state !== undefined) {
        this.#release(block, { state, fileOffset: 0 });
        this.#releasedBlocks++;
      } else {
        this.#kept.push(block);
        if (entry.state === PAYLOAD.PARTIALLY_PRESENT) {
          chunkWithPartial = this.#tables.table.chunkOf(block.index);
        }
      }
      await meter.add(blockSize, 0);
    }
    this.#publish();
  }

  /** Moves what lies high into the lowest room, until nothing fits into any room that lies lower. */
  async moveDown(): Promise<void> {
    let hasMoved: boolean;
    do {
      try {
        await this.#moveBlocks();
      } finally {
        // Cancelled too: at the end of the file they would keep what has been won.
        hasMoved = this.#moveTables();
      }
    } while (hasMoved);
  }

  async #moveBlocks(): Promise<void> {
    const { dryRun, meter } = this.#job;
    this.#kept.sort((a, b) => b.offset - a.offset);
    for (const [i, block] of this.#kept.entries()) {
      const { offset: from, length } = block;
      const to = this.#space.allocateBelow(length, from);
      if (to === undefined) continue;
      if (!dryRun) {
        this.#headers.announceWrite();
        await copyRange(this.#file, { from, to, length }, meter);
      }
      this.#change(block, (entry) => ({ ...entry, fileOffset: to }));
      this.#space.giveUp(from, length);
      this.#kept[i] = { ...block, offset: to };
      this.#movedBlocks++;
    }
  }

  /**
   * The tables and then the log, which only headers name, so that it must be empty.
   *
   * @returns Whether any of them has moved: where it lay, there may be room for blocks.
   */
  #moveTables(): boolean {
    const { dryRun } = this.#job;
    let hasMoved = false;
    this.#publish();
    this.#regions.sort((a, b) => b.offset - a.offset);
    for (const [i, region] of this.#regions.entries()) {
      const offset = this.#space.allocateBelow(region.length, region.offset);
      if (offset === undefined) continue;
      if (!dryRun) {
        this.#headers.announceWrite();
        moveToPlace(this.#file, this.#pages, region, { offset, isZero: false }, region.length);
      }
      this.#oldPlaces.push(region);
      this.#regions[i] = { ...region, offset };
      hasMoved = true;
    }
    this.#settle();
    hasMoved = this.#moveLog() || hasMoved;
    if (hasMoved && !dryRun) this.#readTables();
    return hasMoved;
  }

  #moveLog(): boolean {
    const { offset: from, length } = this.#logPlace;
    // A file that came without a log may have got one in between, as low as there was room.
    if (length === 0) return false;
    const offset = this.#space.allocateBelow(length, from);
    if (offset === undefined) return false;
    if (!this.#job.dryRun) {
      this.#headers.announceWrite();
      this.#log.moveTo(offset);
    }
    this.#space.giveUp(from, length);
    this.#space.reuseGivenUp();
    this.#logPlace = { offset, length };
    return true;
  }

  /** What holds for blocks now that other things lie elsewhere. */
  #readTables(): void {
    this.#structures = readStructures(this.#file);
    this.#tables = tablesOf(this.#structures, this.#pages);
    this.#writer = new BlockTableWriter(this.#pages, this.#tables);
  }

  /** Leaves the file as a clean close does, and gives back what is free at its end. */
  finish(): void {
    this.#settle();
    if (this.#job.dryRun || this.#space.end >= this.#file.size) return;
    this.#headers.announceWrite();
    this.#file.truncate(this.#space.end);
    this.#file.flush();
  }

  /** All is in its place, and the log is empty. */
  #settle(): void {
    this.#publish();
    if (!this.#job.dryRun && this.#log.isOpen) {
      this.#file.flush();
      this.#log.close();
    }
    for (const { offset, length } of this.#oldPlaces) this.#space.giveUp(offset, length);
    this.#oldPlaces = [];
    this.#space.reuseGivenUp();
  }

  /** The state in which the block reads the same without a place; `undefined` where there is none. */
  async #stateWithout(
    image: DiskImage,
    index: number,
    { state }: BatEntry,
  ): Promise<number | undefined> {
    // The old contents of a trimmed block are nobody's.
    if (state === PAYLOAD.UNMAPPED || state === PAYLOAD.UNDEFINED) return state;
    const { blockSize, virtualSize } = this.#structures.metadata;
    const { parents, zeroScan, meter } = this.#job;
    const offset = index * blockSize;
    const end = Math.min(offset + blockSize, virtualSize);
    const { isZero, isParents } = await blockContents(
      { image, parents, offset, end, readsData: zeroScan },
      meter,
    );
    if (isParents) return PAYLOAD.NOT_PRESENT;
    return isZero ? PAYLOAD.ZERO : undefined;
  }

  #release(block: PlacedBlock, without: BatEntry): void {
    // What was free in it may have been anything.
    if (this.#job.hideFree !== undefined && !this.#job.dryRun) this.#headers.announceDataChange();
    this.#change(block, () => without);
    this.#space.giveUp(block.offset, block.length);
  }

  /** Gives a block another entry, which the log publishes. */
  #change({ kind, index }: PlacedBlock, entry: (old: BatEntry) => BatEntry): void {
    if (this.#job.dryRun) return;
    this.#headers.announceWrite();
    this.#pages.reserve(MAX_PAGES_PER_BLOCK);
    if (kind === "payload block") {
      this.#writer.setPayload(index, entry(this.#tables.table.payload(index)));
    } else {
      this.#writer.setBitmap(index, entry({ state: BITMAP.PRESENT, fileOffset: 0 }));
    }
  }

  /** What was given up is free afterwards. */
  #publish(): void {
    if (this.#job.dryRun) this.#space.reuseGivenUp();
    else this.#pages.publish();
  }
}
