/** What new VHD images are like. */
import { assertEquals } from "@std/assert";
import { vhdOrigin } from "../../../src/portable/vhd/open.ts";
import { VHD } from "../../../src/portable/vhd/format.ts";
import { pureTest } from "../../pure.ts";
import { MemorySource } from "../file/memory_source.ts";
import { newVhd, sealFooter, viewAt } from "./vhd_builder.ts";

pureTest("VHD: blocks of a new dynamic disk are of half a MiB or of two", () => {
  assertEquals(VHD.newImages?.blockSizes, [524_288, 2_097_152]);
});

pureTest("vhdOrigin(): programs by what they write, others by the characters themselves", () => {
  const programs: [code: string, version: number, expected: string][] = [
    ["win ", 0x000a0000, "Windows 10.0"],
    ["vpc ", 0x00050003, "Virtual PC 5.3"],
    ["tap\0", 0x00010003, "Xen 1.3"],
    ["abcd", 0x00020001, "abcd 2.1"],
    ["x\x01\xffy", 0, "xy 0.0"],
  ];
  for (const [code, version, creator] of programs) {
    const image = newVhd({ subtype: "fixed" });
    const footer = image.length - 512;
    for (let i = 0; i < 4; i++) image[footer + 28 + i] = code.charCodeAt(i);
    viewAt(image).setUint32(footer + 32, version, false);
    sealFooter(image, footer);
    assertEquals(vhdOrigin(new MemorySource(image)).creator, creator);
  }
});
