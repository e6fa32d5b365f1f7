/**
 * Checks the sector bitmaps of a VHD against the sectors: what a dynamic image says was never written must
 * be zeros, for other readers do not ask the bitmap.
 *
 * @module
 */
import { firstNonZero } from "../../bytes/zeros.ts";
import { type ByteSource, readStructure } from "../byte_source.ts";
import { bitmapSize } from "../vhd/block_layout.ts";
import { SECTOR_SIZE } from "../vhd/sector.ts";
import type { SectorBitmaps } from "../vhd/sector_bitmaps.ts";
import type { Findings } from "./findings.ts";

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
  else checkUnwritten(source, rules, block, sectors, findings);
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
  { bitmaps, blockSize }: BitmapRules,
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
        severity: "warning",
        structure: "sector bitmap",
        offset: offset + (written >> 3),
        found: `no bit for sector ${written} of block ${index}, which is not zero`,
        expected: "the bit, or zeros",
        symbol: "ERROR_VHD_BITMAP_MISMATCH",
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
