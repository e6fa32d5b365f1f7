/**
 * Makes the file of a dynamic or differencing VHD shorter: blocks that nothing is lost with go, others move
 * into the gaps. A place is used again only after the table without it is durable, so that a crash at any
 * moment leaves the disk as it was.
 *
 * @module
 */
import type { WritableSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { blockContents, copyRange } from "../image/blocks.ts";
import type { Compaction, CompactionOutcome } from "../image/format.ts";
import { BlockAllocationTable, PendingTable, scanBlocks, usedEntries } from "./block_table.ts";
import { alignedPlace, blockCount, blockFootprint, roundUp, SECTOR_SIZE } from "./layout.ts";
import { assertNoSavedState, DISK_TYPE, FOOTER_SIZE } from "./footer.ts";
import { checkFooter, findFooter, type FoundFooter } from "./footer_search.ts";
import { repairedFooters } from "./footers.ts";
import { freeGaps, type Gap } from "./space.ts";
import { occupiedRegions } from "./parent_link.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { SparseVhdImage } from "./sparse_image.ts";
import { readSparseLayout, type SparseLayout } from "./vhd_file.ts";

/** Memory for what waits, and work that a crash undoes: so many entries, so many bytes moved. */
const MAX_PENDING_ENTRIES = 16384;
const MAX_MOVED = 2 ** 26;

/** Where the blocks begin that are in the file, by their number. */
type Places = Map<number, number>;

/** The file while it is compacted. */
interface OpenFile {
  readonly source: WritableSource;
  readonly found: FoundFooter;
  readonly layout: SparseLayout;
  readonly table: PendingTable;
  readonly dryRun: boolean;
}

/**
 * Compacts an image.
 *
 * @param source As a clean close left it; it is left so again.
 * @throws {ImageError} `ERROR_VHD_INVALID_TYPE` for a fixed disk, `ERROR_VHD_INVALID_STATE` for the disk of a
 * machine whose state is saved, `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT`.
 */
export async function compactVhd(
  source: WritableSource,
  job: Compaction,
): Promise<CompactionOutcome> {
  const found = findFooter(source);
  checkFooter(source, found);
  const { footer } = found;
  if (footer.diskType === DISK_TYPE.fixed || footer.dataOffset === undefined) {
    throw new ImageError("ERROR_VHD_INVALID_TYPE", {
      path: source.path,
      reason: "a fixed disk has no blocks that could be freed",
    });
  }
  assertNoSavedState(source.path, footer);
  const layout = readSparseLayout(source, footer, footer.dataOffset);
  const table = new PendingTable(source, layout.table);
  const file = { source, found, layout, table, dryRun: job.dryRun };
  const places = placesOf(file);
  job.meter.expect(2 * places.size * layout.blockSize);
  // What was read may be newer than what is durable, and that may still refer to a gap.
  if (!job.dryRun) source.flush();
  let [releasedBlocks, movedBlocks, fileSize] = [0, 0, 0];
  try {
    releasedBlocks = await releaseBlocks(file, places, job);
    commit(file);
    if (job.blockMoves) movedBlocks = await moveBlocks(file, places, job);
  } finally {
    // What has been won is given back where the rest is cancelled, too.
    commit(file);
    fileSize = shorten(file, places);
  }
  return { fileSize, releasedBlocks, movedBlocks };
}

/** All blocks, none of which lies over another or over a structure. */
function placesOf(file: OpenFile): Places {
  const { source, found: { footer }, layout: { blockSize } } = file;
  const scanned = {
    table: tableClearOfFooter(file),
    blockCount: blockCount(footer.currentSize, blockSize),
    footprint: blockFootprint(blockSize),
  };
  scanBlocks(source, scanned);
  const places: Places = new Map();
  for (const [index, entry] of usedEntries(source, scanned)) {
    places.set(index, entry * SECTOR_SIZE);
  }
  return places;
}

/** Takes blocks out of the table, and from `places`; gives how many. */
async function releaseBlocks(
  file: OpenFile,
  places: Places,
  { parents, zeroScan, hideFree, meter }: Compaction,
): Promise<number> {
  const { source, found: { footer }, layout, table } = file;
  const { blockSize } = layout;
  const bitmaps = new SectorBitmaps(source);
  const stored = new SparseVhdImage(source, footer, { ...layout, table, bitmaps });
  const image = hideFree?.(stored) ?? stored;
  let releasedBlocks = 0;
  for (const index of places.keys()) {
    const offset = index * blockSize;
    const end = Math.min(offset + blockSize, footer.currentSize);
    const question = { image, parents, offset, end, readsData: zeroScan };
    const { isZero, isParents } = await blockContents(question, meter);
    // A block of zeros in a child still hides the parent's: there is no state that says so without it.
    if (image.parent === undefined ? isZero : isParents) {
      table.remove(index);
      places.delete(index);
      releasedBlocks++;
      if (table.changeCount >= MAX_PENDING_ENTRIES) commit(file);
    }
    await meter.add(blockSize, 0);
  }
  return releasedBlocks;
}

/** Moves the highest block into the lowest gap, as long as that is below it. */
async function moveBlocks(
  file: OpenFile,
  places: Places,
  { meter }: Compaction,
): Promise<number> {
  const { source, table, layout: { blockSize }, dryRun } = file;
  const footprint = blockFootprint(blockSize);
  const gaps = gapsBetween(file, places).reverse();
  let movedBlocks = 0;
  let moved = 0;
  for (const [index, from] of [...places].sort(([, a], [, b]) => b - a)) {
    const to = lowestPlace(gaps, blockSize, from);
    if (to === undefined) break;
    if (!dryRun) {
      await copyRange(source, { from, to, length: footprint }, meter);
      table.place(index, to);
      moved += footprint;
      if (moved >= MAX_MOVED) {
        commit(file);
        moved = 0;
      }
    }
    places.set(index, to);
    movedBlocks++;
  }
  return movedBlocks;
}

function gapsBetween({ layout, found }: OpenFile, places: Places): Gap[] {
  return freeGaps({
    blocks: Uint32Array.from(places.values(), (offset) => offset / SECTOR_SIZE).sort(),
    footprint: blockFootprint(layout.blockSize),
    metadata: occupiedRegions(layout),
    end: found.structure === "footer" ? found.offset : 0,
  });
}

/** Takes room for a block from the last of `gaps`, if it lies before `limit`. */
function lowestPlace(gaps: Gap[], blockSize: number, limit: number): number | undefined {
  const footprint = blockFootprint(blockSize);
  for (let gap = gaps.pop(); gap !== undefined && gap.offset < limit; gap = gaps.pop()) {
    const aligned = alignedPlace(gap.offset, blockSize);
    const offset = aligned + footprint <= gap.end ? aligned : gap.offset;
    if (offset + footprint > gap.end) continue;
    gaps.push({ offset: offset + footprint, end: gap.end });
    return offset;
  }
  return undefined;
}

/** Puts the footer behind the last block, and gives back what follows. */
function shorten(file: OpenFile, places: Places): number {
  const { source, found, layout, dryRun } = file;
  const footprint = blockFootprint(layout.blockSize);
  let last = Math.max(...occupiedRegions(layout).map(({ offset, length }) => offset + length));
  for (const offset of places.values()) last = Math.max(last, offset + footprint);
  const end = roundUp(last, SECTOR_SIZE);
  if (dryRun) return Math.min(source.size, end + FOOTER_SIZE);
  const footers = repairedFooters(source, found, end);
  if (end < footers.offset) {
    footers.place(end);
    source.truncate(end + FOOTER_SIZE);
    source.flush();
  }
  return source.size;
}

/** What was copied is durable before the table says so, and the table before a place is used again. */
function commit({ source, table, dryRun }: OpenFile): void {
  if (dryRun || table.changeCount === 0) return;
  source.flush();
  table.write();
  source.flush();
  table.settle();
}

/** Of which no block may reach into the footer either. */
function tableClearOfFooter({ source, found, layout }: OpenFile): BlockAllocationTable {
  const { table, metadata, blockSize } = layout;
  const footer = { name: "footer", offset: found.offset, length: FOOTER_SIZE };
  const regions = found.structure === "footer" ? [...metadata, footer] : metadata;
  return new BlockAllocationTable(source, table.offset, blockFootprint(blockSize), regions);
}
