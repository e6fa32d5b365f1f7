/** Where a VHDX ends by its block table. */
import { assertEquals } from "@std/assert";
import { promisedVhdxEnd } from "../../../src/portable/vhdx/promised_end.ts";
import { pureTest } from "../../pure.ts";
import { MIB, VhdxBuilder } from "./vhdx_builder.ts";

const GIB = 1024 * MIB;
const PRESENT = 6;

/** Of a disk in blocks of 2 MiB, whose table has a bitmap's entry behind each 2048 entries. */
function promised(virtualSize: number, index: number, mib: number) {
  const image = new VhdxBuilder({ virtualSize, blockSize: 2 * MIB }).bat(index, PRESENT, mib);
  return promisedVhdxEnd(image.source());
}

pureTest("promisedVhdxEnd(): a block ends where it is whole, also in the second chunk", () => {
  const whole = { end: 7 * MIB, isExact: true };
  assertEquals(promised(4 * GIB, 2047, 5), whole);
  assertEquals(promised(4 * GIB + 4 * MIB, 2049, 5), whole);
  assertEquals(promised(4 * GIB + 4 * MIB, 2050, 5), whole);
});

pureTest("promisedVhdxEnd(): nobody knows how much of the disk's last block was there", () => {
  assertEquals(promised(4 * GIB + 3 * MIB, 2050, 5), { end: 6 * MIB, isExact: false });
  assertEquals(promised(4 * GIB + 3 * MIB, 2049, 5), { end: 7 * MIB, isExact: true });
});

pureTest(
  "promisedVhdxEnd(): entries behind the last block, and of bitmaps that a disk has none of, tell nothing",
  () => {
    const { end } = promised(4 * GIB + 4 * MIB, 2049, 4)!;
    assertEquals(end, 6 * MIB);
    assertEquals(promised(4 * GIB + 4 * MIB, 2051, 50), { end: 4 * MIB, isExact: true });
    assertEquals(promised(4 * GIB + 4 * MIB, 2048, 50), { end: 4 * MIB, isExact: true });
  },
);
