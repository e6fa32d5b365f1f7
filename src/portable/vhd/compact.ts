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
import { alignedPlace, blockFootprint, roundUp, SECTOR_SIZE } from "./layout.ts";
import { assertNoSavedState } from "./footer.ts";
import { freeGaps, type Gap } from "./space.ts";
import { occupiedRegions } from "./parent_link.ts";
import { SparseVhdImage } from "./sparse_image.ts";
import { SparseVhdFile, VhdFile } from "./vhd_file.ts";

/** Memory for what waits, and work that a crash undoes: so many entries, so many bytes moved. */
const MAX_PENDING_ENTRIES = 16384;
const MAX_MOVED = 2 ** 26;

/** Where the blocks begin that are in the file, by their number. */
type Places = Map<number, number>;

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
  const file = VhdFile.open(source);
  if (!(file instanceof SparseVhdFile)) {
    throw new ImageError("ERROR_VHD_INVALID_TYPE", {
      path: source.path,
      reason: "a fixed disk has no blocks that could be freed",
    });
  }
  assertNoSavedState(source.path, file.footer);
  const places: Places = new Map(file.placedBlocks());
  job.pace.expect(2 * places.size * file.layout.blockSize);
  let [releasedBlocks, movedBlocks] = [0, 0];
  try {
    releasedBlocks = await releaseBlocks(file, places, job);
    file.publish();
    if (job.blockMoves) movedBlocks = await moveBlocks(file, places, job);
  } finally {
    // What has been won is given back where the rest is cancelled, too.
    file.publish();
    shorten(file, places);
  }
  return { fileSize: source.size, releasedBlocks, movedBlocks };
}

/** Takes blocks out of the table, and from `places`; gives how many. */
async function releaseBlocks(
  file: SparseVhdFile,
  places: Places,
  { parents, zeroScan, hideFree, pace }: Compaction,
): Promise<number> {
  const { source, footer, layout, table, bitmaps } = file;
  const { blockSize } = layout;
  const stored = new SparseVhdImage(source, footer, { ...layout, table, bitmaps });
  const image = hideFree?.(stored) ?? stored;
  let releasedBlocks = 0;
  for (const index of places.keys()) {
    const offset = index * blockSize;
    const end = Math.min(offset + blockSize, footer.currentSize);
    const question = { image, parents, offset, end, readsData: zeroScan };
    const { isZero, isParents } = await blockContents(question, pace);
    // A block of zeros in a child still hides the parent's: there is no state that says so without it.
    if (image.parent === undefined ? isZero : isParents) {
      table.remove(index);
      places.delete(index);
      releasedBlocks++;
      if (table.changeCount >= MAX_PENDING_ENTRIES) file.publish();
    }
    await pace.add(blockSize, 0);
  }
  return releasedBlocks;
}

/** Moves the highest block into the lowest gap, as long as that is below it. */
async function moveBlocks(
  file: SparseVhdFile,
  places: Places,
  { pace }: Compaction,
): Promise<number> {
  const { source, table, layout: { blockSize } } = file;
  const footprint = blockFootprint(blockSize);
  const gaps = gapsBetween(file, places).reverse();
  let movedBlocks = 0;
  let moved = 0;
  for (const [index, from] of [...places].sort(([, a], [, b]) => b - a)) {
    const to = lowestPlace(gaps, blockSize, from);
    if (to === undefined) break;
    await copyRange(source, { from, to, length: footprint }, pace);
    table.place(index, to);
    moved += footprint;
    if (moved >= MAX_MOVED) {
      file.publish();
      moved = 0;
    }
    places.set(index, to);
    movedBlocks++;
  }
  return movedBlocks;
}

function gapsBetween({ layout, footers }: SparseVhdFile, places: Places): Gap[] {
  return freeGaps({
    blocks: Uint32Array.from(places.values(), (offset) => offset / SECTOR_SIZE).sort(),
    footprint: blockFootprint(layout.blockSize),
    metadata: occupiedRegions(layout),
    end: footers.offset,
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
function shorten(file: SparseVhdFile, places: Places): void {
  const footprint = blockFootprint(file.layout.blockSize);
  let last = Math.max(...occupiedRegions(file.layout).map(({ offset, length }) => offset + length));
  for (const offset of places.values()) last = Math.max(last, offset + footprint);
  file.shortenTo(roundUp(last, SECTOR_SIZE));
}
