/** Where a VHD ends by what is in it: whose footer may be short, where the last block is, what a piece tells. */
import { assertEquals } from "@std/assert";
import { promisedVhdEnd } from "../../../src/portable/vhd/promised_end.ts";
import { pureTest } from "../../pure.ts";
import { MemorySource } from "../file/memory_source.ts";
import { DYNAMIC_TABLE, newVhd, sealFooter, viewAt } from "./vhd_builder.ts";

const promised = (bytes: Uint8Array<ArrayBuffer>) => promisedVhdEnd(new MemorySource(bytes));

pureTest("promisedVhdEnd(): a footer of 511 bytes is whole if its creator is old enough", () => {
  const creators: [application: string, version: number, isWhole: boolean][] = [
    ["vpc ", 0x0004ffff, true],
    ["vpc ", 0x00050000, false],
    ["vpc ", 0x00060000, false],
    ["win ", 0x00040000, false],
  ];
  for (const [application, version, isWhole] of creators) {
    const image = newVhd();
    for (const footer of [0, image.length - 512]) {
      image.set(new TextEncoder().encode(application), footer + 28);
      viewAt(image).setUint32(footer + 32, version, false);
      sealFooter(image, footer);
    }
    const end = { end: image.length, isExact: true, isRepairable: true };
    assertEquals(
      promised(image.slice(0, -1)),
      isWhole ? undefined : end,
      `${application}${version}`,
    );
    assertEquals(promised(image), undefined);
  }
});

pureTest(
  "promisedVhdEnd(): the footer is behind the last block, however far down the table that is",
  () => {
    for (const blocks of [10, 2 ** 16 + 1, 2 ** 17]) {
      const image = newVhd({ virtualSize: blocks * 4096 });
      const start = image.length - 512;
      viewAt(image).setUint32(DYNAMIC_TABLE + 4 * (blocks - 1), start / 512, false);
      // A sector of bitmap and eight of data, and the footer.
      const end = { end: start + 9 * 512 + 512, isExact: true, isRepairable: false };
      assertEquals(promised(image.slice(0, start)), end, `${blocks} blocks`);
    }
  },
);

pureTest("promisedVhdEnd(): a piece of a footer tells for certain only behind something", () => {
  const footer = newVhd({ subtype: "fixed" }).slice(-512);
  const behind = (length: number, piece: number) => {
    const bytes = new Uint8Array(length + piece);
    bytes.set(footer.subarray(0, piece), length);
    return promised(bytes);
  };
  assertEquals(behind(0, 100), { end: 512, isExact: false });
  assertEquals(behind(512, 100), { end: 1024, isExact: true });
  // Shorter than what every footer says first.
  assertEquals(behind(512, 15), undefined);
  assertEquals(behind(512, 16), { end: 1024, isExact: true });
});
