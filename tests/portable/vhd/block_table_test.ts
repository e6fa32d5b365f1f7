import { assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import {
  BlockAllocationTable,
  PendingTable,
  scanBlocks,
  usedEntries,
} from "../../../src/portable/vhd/block_table.ts";
import { openWritableVhd } from "../../../src/portable/vhd/open.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pattern } from "../../support.ts";
import { HoleySource } from "../file/memory_source.ts";
import { assertFault, newVhd, sealFooter, sealHeader, viewAt } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const TABLE = 1536;
const FOOTPRINT = 512 + 4096;

pureTest(
  "scanBlocks() gives the blocks in the order of the file, through tables of many pieces",
  () => {
    const blockCount = 300_000;
    const entries = new Uint8Array(blockCount * 4).fill(0xff);
    const expected: number[] = [];
    // Every second block, the last of the disk first in the file.
    for (let index = blockCount - 1; index > 0; index -= 2) {
      const sector = 4096 + 9 * expected.length;
      viewAt(entries).setUint32(4 * index, sector, false);
      expected.push(sector);
    }
    const source = new HoleySource(2 ** 40, [{ offset: TABLE, bytes: entries }]);
    const table = new BlockAllocationTable(source, TABLE, FOOTPRINT, []);
    const blocks = scanBlocks(source, { table, blockCount, footprint: FOOTPRINT });
    assertEquals(blocks.length, expected.length);
    assertEquals(blocks.findIndex((sector, i) => sector !== expected[i]), -1);
    assertLessOrEqual(source.bytesRead, entries.length);
  },
);

pureTest(
  "usedEntries() says which block an entry is of, wherever the entries before are blank",
  () => {
    const blockCount = 2 ** 20;
    const entries = new Uint8Array(blockCount * 4).fill(0xff);
    const expected: [index: number, entry: number][] = [
      [0, 40],
      [1023, 50],
      [1024, 60],
      [3000, 70],
      [500_000, 80],
      [blockCount - 1, 90],
    ];
    for (const [index, entry] of expected) viewAt(entries).setUint32(4 * index, entry, false);
    const source = new HoleySource(2 ** 24, [{ offset: TABLE, bytes: entries }]);
    const table = new BlockAllocationTable(source, TABLE, FOOTPRINT, []);
    assertEquals([...usedEntries(source, { table, blockCount })], expected);
  },
);

pureTest("offsetToRead() refuses two blocks in one place, and says which sector that is", () => {
  const entries = new Uint8Array(4 * 4).fill(0xff);
  for (const index of [1, 3]) viewAt(entries).setUint32(4 * index, 40, false);
  const source = new HoleySource(2 ** 20, [{ offset: TABLE, bytes: entries }]);
  const table = new BlockAllocationTable(source, TABLE, FOOTPRINT, [], 4);
  assertEquals(table.offsetToRead(0), undefined);
  for (const index of [1, 3]) {
    const error = assertThrows(() => table.offsetToRead(index), ImageError);
    const { offset, found } = error.options.detail ?? {};
    assertEquals([offset, found], [TABLE + 4 * index, 40]);
  }
});

pureTest("PendingTable.areAll() asks of the places that blocks will have, too", () => {
  const entries = new Uint8Array(4 * 4).fill(0xff);
  viewAt(entries).setUint32(4 * 2, 40, false);
  const file = new SparseFile();
  file.writeAt(entries, TABLE);
  file.truncate(2 ** 20);
  const table = new PendingTable(file, new BlockAllocationTable(file, TABLE, FOOTPRINT, [], 4));
  const areEven = () => table.areAll(4, (offset) => offset / 512 % 2 === 0);
  assertEquals(areEven(), true);
  table.place(1, 61 * 512);
  assertEquals(areEven(), false);
  table.place(1, 62 * 512);
  assertEquals(areEven(), true);
  // The place that a block leaves does not matter any more.
  table.place(2, 71 * 512);
  assertEquals(areEven(), false);
  table.remove(2);
  assertEquals(areEven(), true);
});

pureTest("two blocks that share bytes are found where the file has room for both", () => {
  const entries = new Uint8Array(4 * 4).fill(0xff);
  // The blocks begin in the sectors 40 and 48, nine sectors each.
  viewAt(entries).setUint32(4 * 3, 40, false);
  viewAt(entries).setUint32(4 * 1, 48, false);
  viewAt(entries).setUint32(4 * 0, 60, false);
  const source = new HoleySource(2 ** 20, [{ offset: TABLE, bytes: entries }]);
  const table = new BlockAllocationTable(source, TABLE, FOOTPRINT, []);
  const error = assertThrows(
    () => scanBlocks(source, { table, blockCount: 4, footprint: FOOTPRINT }),
    ImageError,
  );
  assertEquals(error.symbol, "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT");
  const { offset, found } = error.options.detail ?? {};
  assertEquals([offset, found], [TABLE + 4 * 1, 48]);
});

pureTest("a hole of gigabytes in the place of the table is refused at its first entry", () => {
  const virtualSize = 2040 * 2 ** 30;
  const small = newVhd();
  for (const footer of [0, small.length - 512]) {
    viewAt(small).setBigUint64(footer + 48, BigInt(virtualSize), false); // CurrentSize
    sealFooter(small, footer);
  }
  const view = viewAt(small);
  const tableOffset = 2 ** 20;
  view.setUint32(512 + 28, virtualSize / 4096, false); // MaxTableEntries
  view.setBigUint64(512 + 16, BigInt(tableOffset), false); // TableOffset
  sealHeader(small);
  const file = SparseFile.of(small.subarray(0, TABLE));
  file.writeAt(small.subarray(-512), 2 ** 44);
  assertFault(
    small,
    {
      code: "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT",
      structure: "block allocation table",
      offset: tableOffset,
    },
    () => openWritableVhd(file),
  );
});

pureTest("disks of a thousand blocks and more open again with all of them", () => {
  const virtualSize = 1500 * 4096;
  const file = SparseFile.of(newVhd({ virtualSize }));
  const first = openWritableVhd(file);
  first.write(pattern(virtualSize), 0);
  first.finish();
  const size = file.size;
  const second = openWritableVhd(file);
  second.write(pattern(virtualSize, 1), 0);
  second.finish();
  assertEquals(file.size, size);
});
