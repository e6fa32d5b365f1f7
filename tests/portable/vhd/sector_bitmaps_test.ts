/** Bitmaps of blocks that wait to be written. */
import { assertEquals } from "@std/assert";
import { PendingBitmaps, SectorBitmaps } from "../../../src/portable/vhd/sector_bitmaps.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pureTest } from "../../pure.ts";

pureTest("PendingBitmaps.set() sets bits of all sectors of a bitmap, and no others", () => {
  const offset = 3 * 512;
  /** Of a block of 6 MiB: three sectors of 4096 bits each. */
  const sectors = 3 * 4096;
  for (
    const [first, end] of [
      [0, 1],
      [4095, 4096],
      [4096, 4097],
      [4090, 4700],
      [4607, 4609],
      [5000, 8193],
      [8191, sectors],
      [0, sectors],
    ] as const
  ) {
    const file = new SparseFile();
    file.truncate(2 ** 16);
    const bitmaps = new PendingBitmaps(file);
    bitmaps.set(offset, first, end);
    bitmaps.write();
    bitmaps.settle();
    // The most significant bit of a byte is that of the first sector.
    const bytes = file.bytes();
    const set: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      if ((bytes[bit >> 3]! >> (7 - bit % 8)) & 1) set.push(bit - offset * 8);
    }
    assertEquals([set.length, set[0], set.at(-1)], [end - first, first, end - 1]);
    for (const reader of [bitmaps, new SectorBitmaps(file)]) {
      assertEquals(reader.run(offset, first, end), { value: true, length: end - first });
    }
  }
});
