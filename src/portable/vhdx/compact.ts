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
import { type PlacedBlock, placedBlocks } from "./block_scan.ts";
import { BlockTableWriter, MAX_PAGES_PER_BLOCK } from "./block_table_writer.ts";
import { subtypeOf } from "./structures.ts";
import { VhdxFile } from "./vhdx_file.ts";
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
  const opened = VhdxFile.open(file);
  if (subtypeOf(opened.structures.metadata) === "fixed") {
    throw new ImageError("ERROR_VHD_INVALID_TYPE", {
      path: file.path,
      reason: "a fixed disk has no blocks that could be freed",
    });
  }
  const compactor = new Compactor(opened, job);
  try {
    await compactor.releaseBlocks();
    if (job.blockMoves) await compactor.moveDown();
  } finally {
    compactor.finish();
  }
  return compactor.outcome;
}

class Compactor {
  readonly #file: VhdxFile;
  readonly #job: Compaction;
  #writer: BlockTableWriter;
  #kept: PlacedBlock[] = [];
  #releasedBlocks = 0;
  #movedBlocks = 0;
  /** Where regions were that entries of the log may still name. */
  #oldPlaces: Region[] = [];

  constructor(file: VhdxFile, job: Compaction) {
    this.#file = file;
    this.#job = job;
    this.#writer = new BlockTableWriter(file.pages, file.tables);
    file.survey();
  }

  get outcome(): CompactionOutcome {
    return {
      fileSize: this.#file.file.size,
      releasedBlocks: this.#releasedBlocks,
      movedBlocks: this.#movedBlocks,
    };
  }

  /** Goes through the table once. A bitmap follows the blocks that it is for. */
  async releaseBlocks(): Promise<void> {
    const { pace } = this.#job;
    const { pages, structures, tables } = this.#file;
    const { blockSize } = structures.metadata;
    const blocks = [...placedBlocks(structures, tables)];
    pace.expect(2 * blocks.length * blockSize);
    const stored = new VhdxImage({ ...structures, source: pages }, tables);
    const image = this.#job.hideFree?.(stored) ?? stored;
    let chunkWithPartial = -1;
    for (const block of blocks) {
      if (block.kind === "sector bitmap block") {
        if (block.index === chunkWithPartial) this.#kept.push(block);
        else this.#release(block, { state: BITMAP.NOT_PRESENT, fileOffset: 0 });
        continue;
      }
      const entry = this.#file.tables.table.payload(block.index);
      const state = await this.#stateWithout(image, block.index, entry);
      if (state !== undefined) {
        this.#release(block, { state, fileOffset: 0 });
        this.#releasedBlocks++;
      } else {
        this.#kept.push(block);
        if (entry.state === PAYLOAD.PARTIALLY_PRESENT) {
          chunkWithPartial = this.#file.tables.table.chunkOf(block.index);
        }
      }
      await pace.add(blockSize, 0);
    }
    this.#file.publish();
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
    const { file, space } = this.#file;
    this.#kept.sort((a, b) => b.offset - a.offset);
    for (const [i, block] of this.#kept.entries()) {
      const { offset: from, length } = block;
      const to = space.allocateBelow(length, from);
      if (to === undefined) continue;
      this.#file.beforeWrite();
      await copyRange(file, { from, to, length }, this.#job.pace);
      this.#change(block, (entry) => ({ ...entry, fileOffset: to }));
      space.giveUp(from, length);
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
    const { space, structures: { regions } } = this.#file;
    let hasMoved = false;
    this.#file.publish();
    for (const region of Object.values(regions).sort((a, b) => b.offset - a.offset)) {
      const offset = space.allocateBelow(region.length, region.offset);
      if (offset === undefined) continue;
      this.#file.beforeWrite();
      this.#file.moveRegion(region, { offset, isZero: false }, region.length);
      this.#oldPlaces.push(region);
      hasMoved = true;
    }
    this.#settle();
    hasMoved = this.#moveLog() || hasMoved;
    if (hasMoved) {
      this.#file.readAnew();
      this.#writer = new BlockTableWriter(this.#file.pages, this.#file.tables);
    }
    return hasMoved;
  }

  #moveLog(): boolean {
    const { space, structures: { header: { logOffset: from, logLength: length } } } = this.#file;
    // A file that came without a log may have got one in between, as low as there was room.
    if (length === 0) return false;
    const offset = space.allocateBelow(length, from);
    if (offset === undefined) return false;
    this.#file.beforeWrite();
    this.#file.moveLog(offset);
    space.giveUp(from, length);
    space.reuseGivenUp();
    return true;
  }

  /** Leaves the file as a clean close does, and gives back what is free at its end. */
  finish(): void {
    this.#settle();
    this.#file.cutOff();
  }

  /** All is in its place, and the log is empty. */
  #settle(): void {
    const { space } = this.#file;
    this.#file.close();
    for (const { offset, length } of this.#oldPlaces) space.giveUp(offset, length);
    this.#oldPlaces = [];
    space.reuseGivenUp();
  }

  /** The state in which the block reads the same without a place; `undefined` where there is none. */
  async #stateWithout(
    image: DiskImage,
    index: number,
    { state }: BatEntry,
  ): Promise<number | undefined> {
    // The old contents of a trimmed block are nobody's.
    if (state === PAYLOAD.UNMAPPED || state === PAYLOAD.UNDEFINED) return state;
    const { blockSize, virtualSize } = this.#file.structures.metadata;
    const { parents, zeroScan, pace } = this.#job;
    const offset = index * blockSize;
    const end = Math.min(offset + blockSize, virtualSize);
    const { isZero, isParents } = await blockContents(
      { image, parents, offset, end, readsData: zeroScan },
      pace,
    );
    if (isParents) return PAYLOAD.NOT_PRESENT;
    return isZero ? PAYLOAD.ZERO : undefined;
  }

  #release(block: PlacedBlock, without: BatEntry): void {
    // What was free in it may have been anything.
    if (this.#job.hideFree !== undefined) this.#file.beforeDataChange();
    this.#change(block, () => without);
    this.#file.space.giveUp(block.offset, block.length);
  }

  /** Gives a block another entry, which the log publishes. */
  #change({ kind, index }: PlacedBlock, entry: (old: BatEntry) => BatEntry): void {
    this.#file.beforeWrite();
    this.#file.pages.reserve(MAX_PAGES_PER_BLOCK);
    if (kind === "payload block") {
      this.#writer.setPayload(index, entry(this.#file.tables.table.payload(index)));
    } else {
      this.#writer.setBitmap(index, entry({ state: BITMAP.PRESENT, fileOffset: 0 }));
    }
  }
}
