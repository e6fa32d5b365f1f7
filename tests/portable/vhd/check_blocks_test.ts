/** What a check says of blocks, and how much of a block allocation table it looks at. */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import type { ByteSource } from "../../../src/portable/file/byte_source.ts";
import { Findings } from "../../../src/portable/image/findings.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { BlockAllocationTable } from "../../../src/portable/vhd/block_table.ts";
import { checkVhdBlocks } from "../../../src/portable/vhd/check_blocks.ts";
import { SectorBitmaps } from "../../../src/portable/vhd/sector_bitmaps.ts";
import { pureTest } from "../../pure.ts";
import { HoleySource } from "../file/memory_source.ts";
import { DYNAMIC_TABLE, viewAt } from "./vhd_builder.ts";

const BLOCK = 4096;
const FOOTPRINT = 512 + BLOCK;

/** Checks the blocks of a dynamic disk. */
async function checked(source: ByteSource, blockCount: number, entryCount = blockCount) {
  const findings = new Findings(source.path);
  const sectors = await checkVhdBlocks(
    source,
    {
      table: new BlockAllocationTable(source, DYNAMIC_TABLE, FOOTPRINT, []),
      blockCount,
      entryCount,
      footprint: FOOTPRINT,
      bitmaps: {
        blockSize: BLOCK,
        virtualSize: blockCount * BLOCK,
        isDifferencing: false,
        bitmaps: new SectorBitmaps(source),
      },
    },
    findings,
    new Pace({}),
  );
  return { sectors, findings };
}

pureTest(
  "checkVhdBlocks() keeps as many places as the file has room for, and one that is too many",
  async () => {
    const blockCount = 2 ** 20;
    const entries = new Uint8Array(4 * blockCount).fill(0xff);
    // More blocks than the file has room for, all in one sector, and one near the end of the table.
    const used = 5000;
    for (let i = 0; i < used; i++) viewAt(entries).setUint32(4 * i, 2 ** 14, false);
    viewAt(entries).setUint32(4 * (blockCount - 9), 2 ** 14, false);
    const source = new HoleySource(2 ** 24, [{ offset: DYNAMIC_TABLE, bytes: entries }]);
    const { sectors, findings } = await checked(source, blockCount);
    assertEquals(sectors, undefined);
    // All but the first are told: that was there before the others.
    assertEquals(findings.list.length + findings.leftOut, used);
    // The places come from the first part of the table; all of it is read once, for what is told.
    assertLessOrEqual(source.bytesRead, 1.5 * entries.length);
  },
);

pureTest(
  "checkVhdBlocks() gives the places of thousands of blocks in the order of the file",
  async () => {
    const blockCount = 5000;
    const entries = new Uint8Array(4 * blockCount);
    const expected: number[] = [];
    // The last block of the disk comes first in the file.
    for (let index = blockCount - 1; index >= 0; index--) {
      const sector = 1000 + expected.length * FOOTPRINT / 512;
      viewAt(entries).setUint32(4 * index, sector, false);
      expected.push(sector);
    }
    const size = 1000 * 512 + blockCount * FOOTPRINT;
    const source = new HoleySource(size, [{ offset: DYNAMIC_TABLE, bytes: entries }]);
    const { sectors, findings } = await checked(source, blockCount);
    assertEquals(findings.list, []);
    assertEquals(sectors?.length, blockCount);
    assertEquals(sectors!.findIndex((sector, i) => sector !== expected[i]), -1);
  },
);

pureTest(
  "checkVhdBlocks() tells which sector it is that holds something without a bit",
  async () => {
    // The second block is in a part of the table of its own.
    const blockCount = 2000;
    const entries = new Uint8Array(4 * blockCount).fill(0xff);
    const places = [[0, 100], [1999, 200]] as const;
    const pieces = [{ offset: DYNAMIC_TABLE, bytes: entries }];
    for (const [index, sector] of places) {
      viewAt(entries).setUint32(4 * index, sector, false);
      const block = new Uint8Array(FOOTPRINT);
      // Sectors 0 and 7 were written, says the bitmap; sector 5 ends in a byte that is not zero.
      block[0] = 0b1000_0001;
      block[512 + 6 * 512 - 1] = 1;
      pieces.push({ offset: sector * 512, bytes: block });
    }
    const { sectors, findings } = await checked(new HoleySource(2 ** 18, pieces), blockCount);
    assertEquals(sectors, Uint32Array.of(100, 200));
    assertEquals(
      findings.list.map(({ structure, offset, found }) => ({ structure, offset, found })),
      places.map(([index, sector]) => ({
        structure: "sector bitmap",
        offset: sector * 512,
        found: `no bit for sector 5 of block ${index}, which is not zero`,
      })),
    );
  },
);

pureTest(
  "checkVhdBlocks() tells of the first entry in use behind those of the disk's blocks",
  async () => {
    for (const first of [3, 4]) {
      const entries = new Uint8Array(4 * 6).fill(0xff);
      viewAt(entries).setUint32(4 * 2, 20, false);
      for (let i = first; i < 6; i++) viewAt(entries).setUint32(4 * i, 40 + i, false);
      const source = new HoleySource(2 ** 20, [{ offset: DYNAMIC_TABLE, bytes: entries }]);
      // Three blocks, of which the last is in the file.
      const { sectors, findings } = await checked(source, 3, 6);
      assertEquals(sectors, Uint32Array.of(20));
      assertEquals(
        findings.list.map(({ severity, offset, found }) => ({ severity, offset, found })),
        [{ severity: "info", offset: DYNAMIC_TABLE + 4 * first, found: 40 + first }] as unknown,
      );
    }
  },
);
