import { assertEquals } from "@std/assert";
import { geometryOf } from "../../../src/portable/vhd/layout.ts";
import { pureTest } from "../../pure.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Sizes with the geometry that VHD 1.0's algorithm gives; the odd ones lie at its boundaries. */
const rows: [string, number, string][] = [
  ["one sector", 512, "0/4/17"],
  ["3 MiB", 3 * MIB, "90/4/17"],
  ["4 MiB, as Windows 10 wrote it", 4 * MIB, "120/4/17"],
  ["100 MiB", 100 * MIB, "1003/12/17"],
  ["the last of 16 heads and 17 sectors", (16 * 1024 * 17 - 1) * 512, "1023/16/17"],
  ["the first of 31 sectors", 16 * 1024 * 17 * 512, "561/16/31"],
  ["the last of 31 sectors", (16 * 1024 * 31 - 1) * 512, "1023/16/31"],
  ["the first of 63 sectors", 16 * 1024 * 31 * 512, "503/16/63"],
  ["504 MiB", 504 * MIB, "1024/16/63"],
  ["1 GiB", GIB, "2080/16/63"],
  ["the last of 63 sectors", (65535 * 16 * 63 - 1) * 512, "65534/16/63"],
  ["the first of 255 sectors", 65535 * 16 * 63 * 512, "16191/16/255"],
  ["32 GiB", 32 * GIB, "16448/16/255"],
  ["127 GiB", 127 * GIB, "65278/16/255"],
  ["the largest geometry", 136_899_993_600, "65535/16/255"],
  ["2040 GiB", 2040 * GIB, "65535/16/255"],
];

pureTest("geometryOf() gives the geometry of VHD 1.0's algorithm", async (t) => {
  for (const [name, size, expected] of rows) {
    await t.step(`${name}: ${expected}`, () => {
      const { cylinders, heads, sectorsPerTrack } = geometryOf(size);
      assertEquals(`${cylinders}/${heads}/${sectorsPerTrack}`, expected);
    });
  }
});
