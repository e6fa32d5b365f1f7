import { assertEquals } from "@std/assert";
import {
  batEntryCount,
  BlockAllocationTable,
  chunkRatio,
  payloadEntryIndex,
} from "../../../src/portable/vhdx/block_table.ts";
import { OccupiedRanges } from "../../../src/portable/vhdx/space.ts";
import { pureTest } from "../../pure.ts";
import { MemorySource } from "../file/memory_source.ts";

const MIB = 2 ** 20;
const TIB = 2 ** 40;

const geometry = (
  virtualSize: number,
  blockSize: number,
  logicalSectorSize = 512,
  hasParent = false,
) => ({ virtualSize, blockSize, logicalSectorSize, hasParent });

pureTest("chunkRatio() gives those of the specification's table", () => {
  const rows = [[1, 4096, 32768], [2, 2048, 16384], [32, 128, 1024], [256, 16, 128]] as const;
  for (const [mib, of512, of4096] of rows) {
    assertEquals(chunkRatio(geometry(TIB, mib * MIB)), of512);
    assertEquals(chunkRatio(geometry(TIB, mib * MIB, 4096)), of4096);
  }
});

pureTest("batEntryCount(): tables of disks without parent end with the last payload block", () => {
  assertEquals(batEntryCount(geometry(512, MIB)), 1);
  assertEquals(batEntryCount(geometry(MIB + 512, MIB)), 2);
  assertEquals(batEntryCount(geometry(4096 * MIB, MIB)), 4096);
  assertEquals(batEntryCount(geometry(4097 * MIB, MIB)), 4098);
  assertEquals(batEntryCount(geometry(64 * TIB, MIB)), 2 ** 26 + 2 ** 14 - 1);
});

pureTest("batEntryCount(): tables of disks with a parent end with the last sector bitmap", () => {
  assertEquals(batEntryCount(geometry(512, MIB, 512, true)), 4097);
  assertEquals(batEntryCount(geometry(4097 * MIB, MIB, 512, true)), 2 * 4097);
  assertEquals(batEntryCount(geometry(64 * TIB, MIB, 512, true)), 2 ** 26 + 2 ** 14);
  assertEquals(batEntryCount(geometry(64 * TIB, 256 * MIB, 4096, true)), 2 ** 18 + 2 ** 11);
});

pureTest(
  "payloadEntryIndex(): sector bitmap entries are left out in the count of payload entries",
  () => {
    assertEquals([0, 127, 128, 255, 256].map((block) => payloadEntryIndex(block, 128)), [
      0,
      127,
      129,
      256,
      258,
    ]);
  },
);

pureTest("absentUntil(): blocks are counted without the entries of sector bitmaps", () => {
  // An entry of a bitmap stands behind every 16 blocks.
  for (const [used, index] of [[15, 15], [16, 17], [31, 32], [32, 34], [50, 53], [99, 105]]) {
    const bytes = new Uint8Array(MIB);
    bytes[8 * index!] = 2;
    const table = new BlockAllocationTable(
      new MemorySource(bytes),
      { guid: "", offset: 0, length: MIB, required: true },
      geometry(100 * 256 * MIB, 256 * MIB),
      new OccupiedRanges(),
    );
    for (const block of [0, 14, used! - 1]) assertEquals(table.absentUntil(block, 100), used);
  }
});
