/**
 * Checks a VHD, structure by structure, each against the rules that reading and writing rely on.
 *
 * @module
 */
import { type CheckedHeader, checkFooters, checkSparseHeader } from "./check_headers.ts";
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import type { Findings, LinkPlace } from "../image/findings.ts";
import type { Checks } from "../image/format.ts";
import type { Pace } from "../image/pace.ts";
import { BlockAllocationTable } from "./block_table.ts";
import { checkTablePadding, checkVhdBlocks } from "./check_blocks.ts";
import { DISK_TYPE, FOOTER_SIZE } from "./footer.ts";
import { findFooter, type FoundFooter } from "./footer_search.ts";
import { blockCount, blockFootprint, SECTOR_SIZE } from "./layout.ts";
import {
  occupiedRegions,
  type PlacedHeader,
  roomOfLocator,
  spaceOfLocator,
  usedLocators,
} from "./parent_link.ts";
import { overlapping, type Region } from "./regions.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { freeGaps } from "./space.ts";
import { LOCATOR, type LocatorEntry, locatorOffset, SPARSE_HEADER } from "./sparse_header.ts";
import { SparseVhdFile, VhdFile } from "./vhd_file.ts";

/** Checks a file that is taken for a VHD; its parent is not looked for. */
export async function checkVhd(
  source: ByteSource,
  findings: Findings,
  pace: Pace,
): Promise<LinkPlace | undefined> {
  const found = await checkFooters(source, findings, pace);
  const headerOffset = found?.footer.dataOffset;
  // checkFooters: only fixed images have none, or one beyond reach.
  if (
    found === undefined || headerOffset === undefined || found.footer.diskType === DISK_TYPE.fixed
  ) {
    return undefined;
  }
  const checked = checkSparseHeader(source, found.footer, headerOffset, findings);
  if (checked === undefined) return undefined;
  await checkSparse(source, found, headerOffset, checked, findings, pace);
  return checked.parent === undefined
    ? undefined
    : SPARSE_HEADER.place("parentUniqueId", headerOffset);
}

async function checkSparse(
  source: ByteSource,
  found: FoundFooter,
  headerOffset: number,
  { header, head, metadata, parent }: CheckedHeader,
  findings: Findings,
  pace: Pace,
): Promise<void> {
  const { blockSize, tableOffset, maxTableEntries } = header;
  const { currentSize } = found.footer;
  const footprint = blockFootprint(blockSize);
  const footer: Region[] = found.structure === "footer"
    ? [{ name: "footer", offset: found.offset, length: FOOTER_SIZE }]
    : [];
  const misplaced = metadata.filter(({ offset, length }) =>
    overlapping(footer, offset, length) !== undefined
  );
  for (const { name, offset, length } of misplaced) {
    findings.add({
      severity: "error",
      structure: name,
      offset,
      found: `${length} bytes`,
      expected: `an end before the footer at ${found.offset}`,
      symbol: "ERROR_VHD_SPARSE_HEADER_CORRUPT",
    });
  }
  // What the footer holds is no table.
  if (misplaced.some(({ offset }) => offset === tableOffset)) return;
  const table = new BlockAllocationTable(source, tableOffset, footprint, [...metadata, ...footer]);
  checkTablePadding(source, header, metadata, findings);
  const blocks = await checkVhdBlocks(
    source,
    {
      table,
      footprint,
      blockCount: blockCount(currentSize, blockSize),
      entryCount: maxTableEntries,
      bitmaps: {
        blockSize,
        virtualSize: currentSize,
        isDifferencing: found.footer.diskType === DISK_TYPE.differencing,
        bitmaps: new SectorBitmaps(source),
      },
    },
    findings,
    pace,
  );
  // Where something lies wrong, nobody knows what else the file holds; where it ends, the footer tells.
  if (blocks === undefined || findings.isObstructed || footer.length === 0) return;
  if (parent !== undefined) {
    const neighbours = { head, blocks, footprint, footerOffset: found.offset };
    checkLocatorRoom({ header, offset: headerOffset }, neighbours, findings);
  }
  const occupied = occupiedRegions({ header, metadata });
  const end = found.offset;
  for (const gap of freeGaps({ blocks, footprint, metadata: occupied, end })) {
    findings.add({
      severity: "info",
      structure: "unused space",
      offset: gap.offset,
      found: `${gap.end - gap.offset} bytes, enough for a block`,
      expected: "nothing that compacting could remove",
      repairable: gap.end === end,
    });
  }
}

// Repairs a VHD: makes its footers good and equal, and cuts off a tail that nothing uses.

/**
 * Repairs what can be repaired. After a crash at any moment the image is as it was, or repaired.
 *
 * @throws {ImageError} Where it is damaged beyond that; nothing has been written then.
 */
export function repairVhd(source: WritableSource): void {
  // Opening for writing repairs the footers, once all else is found to be sound.
  const file = VhdFile.open(source);
  file.close();
  completeFooter(source);
  if (file instanceof SparseVhdFile) cutTail(file);
}

/** How VHD files are checked and repaired. */
export const VHD_CHECKS: Checks = { check: checkVhd, repair: repairVhd };

/** The last byte of a footer is reserved, and 0: one that lacks it is all there. */
function completeFooter(source: WritableSource): void {
  const { offset } = findFooter(source);
  if (source.size - offset !== FOOTER_SIZE - 1) return;
  source.writeAt(new Uint8Array(1), source.size);
  source.flush();
}

/** The footer moves down first: until the file is cut, it has the old one too. */
function cutTail(file: SparseVhdFile): void {
  const tail = file.gaps.at(-1);
  if (tail?.end === file.footers.offset) file.shortenTo(tail.offset);
}

// Checks the room that the parent's paths have in a VHD: a program that writes a longer path there must not
// find anything else in it.

/** What else there is in the file. */
export interface RoomNeighbours {
  /** Footer copy, header, block allocation table. */
  readonly head: readonly Region[];
  /** First sectors of the blocks, ascending. */
  readonly blocks: Uint32Array;
  /** Bytes of a block in the file. */
  readonly footprint: number;
  /** Where the footer at the end is. */
  readonly footerOffset: number;
}

/** Checks the room of every path. */
export function checkLocatorRoom(
  placed: PlacedHeader,
  neighbours: RoomNeighbours,
  findings: Findings,
): void {
  const locators = usedLocators(placed.header);
  for (const { entry, slot } of locators) {
    const unusual = (expected: string) =>
      findings.add({
        severity: "info",
        ...LOCATOR.place("dataSpace", placed.offset + locatorOffset(slot)),
        found: entry.dataSpace,
        expected,
      });
    const room = roomOfLocator(entry);
    const others = locators.filter((other) => other.slot !== slot).map(({ entry }) =>
      dataOf(entry)
    );
    const other = overlapping(
      [...neighbours.head, ...others, ...after(room, neighbours)],
      room.offset,
      room.length,
    );
    if (other !== undefined) {
      unusual(`room at ${room.offset} that is clear of the ${other.name} at ${other.offset}`);
    } else if (spaceOfLocator(entry) < entry.dataLength) {
      unusual(`room for the ${entry.dataLength} bytes of the path`);
    }
  }
}

function dataOf({ dataOffset, dataLength }: LocatorEntry): Region {
  return { name: "path of another locator", offset: dataOffset, length: dataLength };
}

/** The block that lies in the room, if there is one, and the footer. */
function after({ offset, length }: Region, neighbours: RoomNeighbours): Region[] {
  const { blocks, footprint, footerOffset } = neighbours;
  const footer = { name: "footer", offset: footerOffset, length: FOOTER_SIZE };
  const sector = blocks.find((each) => each * SECTOR_SIZE + footprint > offset);
  if (sector === undefined || sector * SECTOR_SIZE >= offset + length) return [footer];
  return [{ name: "block", offset: sector * SECTOR_SIZE, length: footprint }, footer];
}
