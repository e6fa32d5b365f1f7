/**
 * Checks the block allocation table of a VHD, entry by entry, and the bitmaps of the blocks.
 *
 * @module
 */
import { firstNonZero } from "../../bytes/zeros.ts";
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import type { Findings } from "../image/findings.ts";
import type { Pace } from "../image/pace.ts";
import { type ScannedTable, TABLE_ENTRY_SIZE, usedEntries } from "./block_table.ts";
import { bitmapSize, roundUp, SECTOR_SIZE } from "./layout.ts";
import { overlapping, type Region } from "./regions.ts";
import type { SectorBitmaps } from "./sector_bitmaps.ts";
import type { SparseHeader } from "./sparse_header.ts";

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

// Checks the sector bitmaps of a VHD against the sectors: what a dynamic image says was never written must
// be zeros, for some readers, as 7-Zip, ask the bitmap, and others, as Windows and QEMU, do not. What a differencing
// image leaves to its parent may hold something: a crash keeps a bit from being set whose sector was written. Or the bit
// was lost, and with it the sector; nothing in the file tells one from the other, so that it is told, but is no fault.

/** Bytes read at once. */
const PIECE = 1 << 20;

/** What bitmaps are checked by. */
export interface BitmapRules {
  /** Bytes of data in a block. */
  readonly blockSize: number;
  /** Bytes. */
  readonly virtualSize: number;
  readonly isDifferencing: boolean;
  readonly bitmaps: SectorBitmaps;
}

/** A block in the file. */
interface PlacedBlock {
  readonly index: number;
  /** Where its bitmap begins. */
  readonly offset: number;
}

/** Checks the bitmap of one block; of each kind of fault the first is told. */
export function checkBitmap(
  source: ByteSource,
  rules: BitmapRules,
  block: PlacedBlock,
  findings: Findings,
): void {
  const { blockSize, virtualSize } = rules;
  const inDisk = Math.min(blockSize, virtualSize - block.index * blockSize);
  const sectors = Math.ceil(inDisk / SECTOR_SIZE);
  if (rules.isDifferencing) checkPadding(rules, block, sectors, findings);
  checkUnwritten(source, rules, block, sectors, findings);
}

/** Bits of sectors that the disk does not have. A dynamic image may set them, as QEMU does. */
function checkPadding(
  { bitmaps, blockSize }: BitmapRules,
  { index, offset }: PlacedBlock,
  sectors: number,
  findings: Findings,
): void {
  const bits = bitmapSize(blockSize) * 8;
  if (sectors === bits) return;
  const run = bitmaps.run(offset, sectors, bits);
  if (!run.value && run.length === bits - sectors) return;
  const first = run.value ? sectors : sectors + run.length;
  findings.add({
    severity: "info",
    structure: "sector bitmap",
    offset: offset + (first >> 3),
    found: `a bit for sector ${first} of block ${index}`,
    expected: `none behind its ${sectors} sectors`,
  });
}

function checkUnwritten(
  source: ByteSource,
  { bitmaps, blockSize, isDifferencing }: BitmapRules,
  { index, offset }: PlacedBlock,
  sectors: number,
  findings: Findings,
): void {
  const data = offset + bitmapSize(blockSize);
  for (let sector = 0; sector < sectors;) {
    const run = bitmaps.run(offset, sector, sectors);
    const end = sector + run.length;
    const written = run.value ? undefined : firstWritten(source, data, sector, end);
    if (written !== undefined) {
      findings.add({
        structure: "sector bitmap",
        offset: offset + (written >> 3),
        found: `no bit for sector ${written} of block ${index}, which is not zero`,
        ...(isDifferencing
          ? {
            severity: "info",
            expected: "the bit, or zeros, if no crash came between a write and its flush",
          }
          : {
            severity: "warning",
            expected: "the bit, or zeros",
            symbol: "ERROR_VHD_BITMAP_MISMATCH",
          }),
      });
      return;
    }
    sector = end;
  }
}

/** The first sector of some of a block that is not zero. */
function firstWritten(
  source: ByteSource,
  data: number,
  first: number,
  end: number,
): number | undefined {
  for (let sector = first; sector < end; sector += PIECE / SECTOR_SIZE) {
    const length = Math.min(PIECE, (end - sector) * SECTOR_SIZE);
    const bytes = readStructure(
      source,
      data + sector * SECTOR_SIZE,
      length,
      "block",
      "ERROR_VHD_METADATA_READ_FAILURE",
    );
    const at = firstNonZero(bytes);
    if (at !== undefined) return sector + Math.floor(at / SECTOR_SIZE);
  }
  return undefined;
}
