/** The bytes of a region table, and what an open file makes of both tables. */
import { assertEquals } from "@std/assert";
import { encodeRegionTable, regionTablesAgree } from "../../../src/portable/vhdx/region_table.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { readStructures } from "../../../src/portable/vhdx/structures.ts";
import { VhdxFile } from "../../../src/portable/vhdx/vhdx_file.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pureTest } from "../../pure.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import {
  BAT,
  FIRST_BLOCK,
  ITEMS,
  METADATA,
  MIB,
  REGION_TABLES,
  UNKNOWN_GUID,
  VhdxBuilder,
} from "./vhdx_builder.ts";

pureTest("encodeRegionTable() says of each region whether a reader must know it", () => {
  const regions = [true, false].map((required, i) => ({
    guid: UNKNOWN_GUID.replace(/^1/, String(i + 1)),
    offset: (i + 1) * 2 ** 20,
    length: 2 ** 20,
    required,
  }));
  const { view } = new VhdxBuilder(encodeRegionTable(regions));
  // Signature, checksum, count; an entry of 32 bytes each: GUID, place, length, flags.
  assertEquals(view.getUint32(8, true), 2);
  assertEquals([0, 1].map((i) => view.getUint32(16 + 32 * i + 28, true)), [1, 0]);
});

pureTest("VhdxFile.open() makes both region tables equal at once", () => {
  for (const damaged of REGION_TABLES) {
    const { bytes } = new VhdxBuilder();
    bytes.fill(0, damaged, damaged + 0x10000);
    const file = SparseFile.of(bytes);
    VhdxFile.open(file);
    assertEquals(regionTablesAgree(file), true);
  }
});

pureTest(
  "VhdxFile.enlargeRegion(): both region tables name the new place, durably, and what waits is there",
  () => {
    const file = new RecordingSource<never>(SparseFile.of(new VhdxBuilder().bytes));
    const opened = VhdxFile.open(file);
    opened.beforeWrite();
    const waiting = pattern(16);
    opened.pages.writeAt(waiting, ITEMS.diskId);
    opened.pages.writeAt(waiting, BAT + MIB - 16);
    const { metadata } = opened.structures.regions;
    const moved = opened.enlargeRegion(metadata, "metadata region", 2 * MIB);
    assertEquals([moved.offset, moved.length], [FIRST_BLOCK, 2 * MIB]);
    const flushed = file.changes.findLastIndex(({ kind }) => kind === "flush");
    const durable = new RecordingSource<never>(file.base, file.changes.slice(0, flushed));
    const { source, regions } = readStructures(durable);
    const { offset, length } = regions.metadata;
    assertEquals([offset, length], [FIRST_BLOCK, 2 * MIB]);
    assertEquals(openVhdx(durable).virtualSize, 8 * MIB);
    for (const at of [ITEMS.diskId - METADATA + FIRST_BLOCK, BAT + MIB - 16]) {
      const bytes = new Uint8Array(16);
      source.readAt(bytes, at);
      assertBytesEqual(bytes, waiting);
    }
  },
);

pureTest(
  "VhdxFile.enlargeRegion(): where something else was before, the region is the old one and zeros",
  () => {
    const builder = new VhdxBuilder();
    // Nothing names these any more; behind them there is a block.
    builder.append(pattern(2 * MIB));
    builder.bat(0, 6, builder.append(pattern(MIB)) / MIB);
    const expected = new Uint8Array(2 * MIB);
    expected.set(builder.bytes.subarray(BAT, BAT + MIB));
    const file = SparseFile.of(builder.bytes);
    const opened = VhdxFile.open(file);
    opened.beforeWrite();
    const { bat } = opened.structures.regions;
    const moved = opened.enlargeRegion(bat, "block allocation table", 2 * MIB);
    assertEquals(moved.offset, FIRST_BLOCK);
    assertBytesEqual(file.bytes().subarray(FIRST_BLOCK, FIRST_BLOCK + 2 * MIB), expected);
  },
);
