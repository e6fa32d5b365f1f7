/** How much of a block allocation table a check looks at. */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import { Findings } from "../../../src/portable/image/findings.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { BlockAllocationTable } from "../../../src/portable/vhd/block_table.ts";
import { checkVhdBlocks } from "../../../src/portable/vhd/check_blocks.ts";
import { SectorBitmaps } from "../../../src/portable/vhd/sector_bitmaps.ts";
import { pureTest } from "../../pure.ts";
import { HoleySource } from "../file/memory_source.ts";
import { DYNAMIC_TABLE, viewAt } from "./vhd_builder.ts";

pureTest(
  "checkVhdBlocks() keeps as many places as the file has room for, and one that is too many",
  async () => {
    const blockCount = 2 ** 20;
    const blockSize = 4096;
    const entries = new Uint8Array(4 * blockCount).fill(0xff);
    // More blocks than the file has room for, all in one sector, and one near the end of the table.
    const used = 5000;
    for (let i = 0; i < used; i++) viewAt(entries).setUint32(4 * i, 2 ** 14, false);
    viewAt(entries).setUint32(4 * (blockCount - 9), 2 ** 14, false);
    const source = new HoleySource(2 ** 24, [{ offset: DYNAMIC_TABLE, bytes: entries }]);
    const footprint = 512 + blockSize;
    const findings = new Findings(source.path);
    const sectors = await checkVhdBlocks(
      source,
      {
        table: new BlockAllocationTable(source, DYNAMIC_TABLE, footprint, []),
        blockCount,
        entryCount: blockCount,
        footprint,
        bitmaps: {
          blockSize,
          virtualSize: blockCount * blockSize,
          isDifferencing: false,
          bitmaps: new SectorBitmaps(source),
        },
      },
      findings,
      new Pace({}),
    );
    assertEquals(sectors, undefined);
    // All but the first are told: that was there before the others.
    assertEquals(findings.list.length + findings.leftOut, used);
    // The places come from the first part of the table; all of it is read once, for what is told.
    assertLessOrEqual(source.bytesRead, 1.5 * entries.length);
  },
);
