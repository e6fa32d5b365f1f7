/**
 * Checks the block allocation table of a VHDX, entry by entry, and what lies in the file: twice, or for
 * nobody.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import { usedParts } from "../file/sparse_table.ts";
import type { Pace } from "../image/pace.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  BITMAP_BLOCK_LENGTH,
  entriesIn,
  PAYLOAD,
} from "./block_table.ts";
import { assertedPlace } from "./block_scan.ts";
import { MIB } from "./file_map.ts";
import type { DiskMetadata } from "./metadata_items.ts";
import { SpaceMap } from "./space.ts";
import type { BlockTables } from "./structures.ts";
import type { CheckedHeaderArea } from "./check_headers.ts";
import type { Findings } from "../image/findings.ts";

const CORRUPT = "ERROR_FILE_CORRUPT";
const PAYLOAD_ENTRY = "payload block entry";
const BITMAP_ENTRY = "sector bitmap block entry";

/** The entries and blocks of a file. */
export class VhdxBlockCheck {
  readonly #source: ByteSource;
  readonly #area: CheckedHeaderArea;
  readonly #metadata: DiskMetadata;
  readonly #tables: BlockTables;
  readonly #findings: Findings;
  readonly #used = new SpaceMap();
  /** Chunks whose bitmap partially present blocks need, and have not got. */
  readonly #chunksWithoutBitmap = new Set<number>();

  /** Whether an entry behind the disk has been told: nobody reads those, and the first one will do. */
  #hasSpareEntry = false;

  constructor(
    area: CheckedHeaderArea,
    metadata: DiskMetadata,
    tables: BlockTables,
    findings: Findings,
  ) {
    this.#source = area.source;
    this.#area = area;
    this.#metadata = metadata;
    this.#tables = tables;
    this.#findings = findings;
  }

  /** Checks everything. */
  async run(pace: Pace): Promise<void> {
    for (const { offset, length } of this.#area.occupied) {
      this.#used.take(offset / MIB, length / MIB);
    }
    const { table } = this.#tables;
    const ratio = table.chunkRatio;
    const count = batEntryCount(this.#metadata);
    for (const index of table.entriesInUse()) {
      await pace.reach(index, count);
      const chunk = Math.floor(index / (ratio + 1));
      const inChunk = index % (ratio + 1);
      if (inChunk === ratio) this.#checkBitmapEntry(chunk);
      else this.#checkPayloadEntry(chunk * ratio + inChunk);
    }
    this.#checkSpareEntries(count);
    // Where entries are wrong, nobody knows what else the file holds.
    if (!this.#findings.isObstructed) this.#checkUnusedSpace();
  }

  #checkPayloadEntry(block: number): void {
    const { blockSize, virtualSize } = this.#metadata;
    const { table } = this.#tables;
    const at = table.payloadEntryOffset(block);
    // A table of whole chunks goes on behind the last block.
    if (block * blockSize >= virtualSize) return this.#tellSpareEntry(at);
    const entry = this.#findings.attempt(() => table.payload(block));
    if (entry === undefined) return;
    const place = this.#findings.attempt(() => assertedPlace(table, block, entry));
    if (place === undefined) return;
    this.#take(PAYLOAD_ENTRY, at, place, blockSize);
    if (entry.state !== PAYLOAD.PARTIALLY_PRESENT) return;
    const chunk = table.chunkOf(block);
    if (this.#chunksWithoutBitmap.has(chunk)) return;
    const bitmap = this.#findings.attempt(() => table.bitmap(block));
    if (bitmap === undefined) this.#chunksWithoutBitmap.add(chunk);
    else this.#checkPadding(block, bitmap);
  }

  #checkBitmapEntry(chunk: number): void {
    const { table } = this.#tables;
    const at = table.bitmapEntryOffset(chunk);
    if (!this.#metadata.hasParent) {
      this.#findings.add({
        severity: "info",
        structure: BITMAP_ENTRY,
        offset: at,
        found: "an entry that is not 0",
        expected: "0 in a disk without parent",
      });
      return;
    }
    if (this.#chunksWithoutBitmap.has(chunk)) return;
    const offset = this.#findings.attempt(() => table.bitmapIfPresent(chunk));
    if (offset !== undefined) this.#take(BITMAP_ENTRY, at, offset, BITMAP_BLOCK_LENGTH);
  }

  /** Bits of sectors of the last block that the disk does not have. */
  #checkPadding(block: number, bitmapOffset: number): void {
    const { blockSize, virtualSize } = this.#metadata;
    const used = virtualSize - block * blockSize;
    if (used >= blockSize) return;
    const { bitmaps } = this.#tables;
    const run = bitmaps.run(block, used, blockSize - used);
    if (!run.present && run.length === blockSize - used) return;
    const first = run.present ? used : used + run.length;
    this.#findings.add({
      severity: "info",
      structure: "sector bitmap block",
      offset: bitmapOffset + (bitmaps.bits(block, first, 1).first >> 3),
      found: `a bit for byte ${block * blockSize + first} of the disk`,
      expected: `none behind its ${virtualSize} bytes`,
    });
  }

  /** What the region holds behind the disk's entries. */
  #checkSpareEntries(count: number): void {
    const { offset, length } = this.#area.regions.bat;
    const used = count * BAT_ENTRY_LENGTH;
    const spare = offset + used;
    const parts = usedParts(this.#source, {
      offset: spare,
      length: length - used,
      blank: "zeros",
      structure: "block allocation table",
      code: CORRUPT,
    });
    for (const index of entriesIn(parts)) {
      return this.#tellSpareEntry(spare + index * BAT_ENTRY_LENGTH);
    }
  }

  #tellSpareEntry(offset: number): void {
    if (this.#hasSpareEntry) return;
    this.#hasSpareEntry = true;
    this.#findings.add({
      severity: "info",
      structure: "block allocation table",
      offset,
      found: "an entry that is not 0",
      expected: `0 behind the ${this.#metadata.virtualSize} bytes of the disk`,
    });
  }

  /** Room for a block that nothing refers to. A fixed disk may keep the room of all its blocks. */
  #checkUnusedSpace(): void {
    const { blockSize, leaveBlocksAllocated } = this.#metadata;
    if (leaveBlocksAllocated) return;
    const fileEnd = Math.floor(this.#source.size / MIB);
    const end = this.#used.end;
    const unused = (from: number, to: number) => {
      if ((to - from) * MIB < blockSize) return;
      this.#findings.add({
        severity: "info",
        structure: "unused space",
        offset: from * MIB,
        found: `${(to - from) * MIB} bytes, enough for a block`,
        expected: "nothing that compacting could remove",
        // What only a discarded log refers to may still be asked for.
        repairable: from >= end && !this.#findings.hasError,
      });
    };
    let free = 0;
    for (let i = 0; i < end; i++) {
      if (!this.#used.has(i)) continue;
      unused(free, i);
      free = i + 1;
    }
    unused(end, fileEnd);
  }

  #take(structure: string, at: number, offset: number, length: number): void {
    if (offset === 0 || this.#used.take(offset / MIB, length / MIB)) return;
    this.#findings.add({
      severity: "error",
      structure,
      offset: at,
      found: `${length} bytes at ${offset}`,
      expected: "a place that nothing else uses",
      symbol: CORRUPT,
    });
  }
}
