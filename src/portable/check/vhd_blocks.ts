/**
 * Checks the block allocation table of a VHD, entry by entry, and the bitmaps of the blocks.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import type { Pace } from "../operations/pace.ts";
import { TABLE_ENTRY_SIZE } from "../vhd/block_allocation_table.ts";
import { type ScannedTable, usedEntries } from "../vhd/block_scan.ts";
import { overlapping, type Region } from "../vhd/regions.ts";
import { roundUp, SECTOR_SIZE } from "../vhd/sector.ts";
import type { SparseHeader } from "../vhd/sparse_header.ts";
import { type BitmapRules, checkBitmap } from "./vhd_bitmaps.ts";
import type { Findings } from "./findings.ts";

const STRUCTURE = "block allocation table";
const CODE = "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT";
const FIRST_CAPACITY = 4096;
/** Of how many overlapping blocks the entries are looked for. */
const MAX_OVERLAPS = 1000;

/** What is checked. */
export interface CheckedTable extends ScannedTable {
  /** How many entries the table has: the disk may need fewer. */
  readonly entryCount: number;
  readonly bitmaps: BitmapRules;
}

/**
 * Checks the table and the blocks.
 *
 * @returns The first sectors of all blocks, in the order of the file; `undefined` where they cannot all be
 * relied on.
 */
export async function checkVhdBlocks(
  source: ByteSource,
  checked: CheckedTable,
  findings: Findings,
  pace: Pace,
): Promise<Uint32Array | undefined> {
  const { table, footprint, blockCount } = checked;
  checkSpareEntries(source, checked, findings);
  // With one block more than can lie side by side, two of them overlap: no need to look at the others.
  const most = Math.floor(source.size / footprint) + 1;
  let sectors = new Uint32Array(FIRST_CAPACITY);
  let count = 0;
  let isSound = true;
  for (const [index, entry] of usedEntries(source, checked)) {
    await pace.reach(index, 2 * blockCount);
    if (findings.attempt(() => table.checkedOffset(index, entry)) === undefined) {
      isSound = false;
      continue;
    }
    if (count === most) break;
    if (count === sectors.length) sectors = doubled(sectors);
    sectors[count++] = entry;
  }
  const sorted = sectors.subarray(0, count).sort();
  // A table of which a part is wrong may send a reader to one bitmap millions of times.
  if (!checkOverlaps(source, checked, sorted, findings) || !isSound) return undefined;
  for (const [index, entry] of usedEntries(source, checked)) {
    await pace.reach(blockCount + index, 2 * blockCount);
    const offset = entry * SECTOR_SIZE;
    findings.attempt(() => checkBitmap(source, checked.bitmaps, { index, offset }, findings));
  }
  return sorted;
}

function doubled(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(2 * numbers.length);
  more.set(numbers);
  return more;
}

/** Entries that no block of the disk belongs to. Nobody reads them; the first one in use is told. */
function checkSpareEntries(source: ByteSource, checked: CheckedTable, findings: Findings): void {
  const { table, blockCount, entryCount } = checked;
  if (entryCount === blockCount) return;
  for (const [index, entry] of usedEntries(source, { ...checked, blockCount: entryCount })) {
    if (index < blockCount) continue;
    findings.add({
      severity: "info",
      structure: STRUCTURE,
      offset: table.offset + index * TABLE_ENTRY_SIZE,
      found: entry,
      expected: `4294967295, as the disk has only ${blockCount} blocks`,
    });
    return;
  }
}

/**
 * What follows the table in its last sector: a disk that grows finds its next entries there.
 *
 * @param metadata What else may lie there.
 */
export function checkTablePadding(
  source: ByteSource,
  { tableOffset, maxTableEntries }: SparseHeader,
  metadata: readonly Region[],
  findings: Findings,
): void {
  const offset = tableOffset + maxTableEntries * TABLE_ENTRY_SIZE;
  const length = roundUp(offset, SECTOR_SIZE) - offset;
  if (overlapping(metadata, offset, length) !== undefined) return;
  const bytes = new Uint8Array(length).fill(0xff);
  source.readAt(bytes, offset);
  const at = bytes.findIndex((byte) => byte !== 0xff);
  if (at < 0) return;
  findings.add({
    severity: "info",
    structure: STRUCTURE,
    offset: offset + at,
    found: bytes[at],
    expected: "255 behind the last entry",
  });
}

/** Whether no two blocks share bytes. */
function checkOverlaps(
  source: ByteSource,
  checked: CheckedTable,
  sorted: Uint32Array,
  findings: Findings,
): boolean {
  const { table, footprint } = checked;
  const twice = new Set<number>();
  const overlapping = new Set<number>();
  for (let i = 1; i < sorted.length && twice.size + overlapping.size < MAX_OVERLAPS; i++) {
    const sector = sorted[i]!;
    const distance = sector - sorted[i - 1]!;
    if (distance === 0) twice.add(sector);
    else if (distance * SECTOR_SIZE < footprint) overlapping.add(sector);
  }
  if (twice.size + overlapping.size === 0) return true;
  const seen = new Set<number>();
  for (const [index, entry] of usedEntries(source, checked)) {
    if (!overlapping.has(entry)) {
      if (!twice.has(entry)) continue;
      if (!seen.has(entry)) {
        seen.add(entry);
        continue;
      }
    }
    findings.add({
      severity: "error",
      structure: STRUCTURE,
      offset: table.offset + index * TABLE_ENTRY_SIZE,
      found: entry,
      expected: `${footprint} bytes that no other block uses`,
      symbol: CODE,
    });
  }
  return false;
}
