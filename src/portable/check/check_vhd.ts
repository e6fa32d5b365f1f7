/**
 * Checks a VHD, structure by structure, each against the rules that reading and writing rely on.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { Pace } from "../operations/pace.ts";
import { BlockAllocationTable } from "../vhd/block_allocation_table.ts";
import { blockCount, blockFootprint } from "../vhd/block_layout.ts";
import { DISK_TYPE, FOOTER_SIZE } from "../vhd/footer.ts";
import type { FoundFooter } from "../vhd/footer_search.ts";
import { freeGaps } from "../vhd/free_gaps.ts";
import { occupiedRegions } from "../vhd/parent_link.ts";
import { overlapping, type Region } from "../vhd/regions.ts";
import { SectorBitmaps } from "../vhd/sector_bitmaps.ts";
import { SPARSE_HEADER_FIELD } from "../vhd/sparse_header.ts";
import type { Findings } from "./findings.ts";
import { checkTablePadding, checkVhdBlocks } from "./vhd_blocks.ts";
import { checkFooters } from "./vhd_footers.ts";
import { type CheckedHeader, checkSparseHeader } from "./vhd_header.ts";
import { checkLocatorRoom } from "./vhd_locator_room.ts";

/** Where an image names its parent, in its file. */
export interface LinkPlace {
  readonly structure: string;
  readonly offset: number;
}

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
    : { structure: "sparse header", offset: headerOffset + SPARSE_HEADER_FIELD.parentUniqueId };
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
