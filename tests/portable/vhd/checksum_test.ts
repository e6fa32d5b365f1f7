import { assertEquals } from "@std/assert";
import { vhdChecksum } from "../../../src/portable/vhd/footer.ts";

const rows: [string, number[], number][] = [
  ["zeros", [0, 0, 0, 0, 0, 0], 0xffffffff],
  ["bytes before and after the checksum", [1, 0, 0, 0, 0, 2], 0xfffffffc],
  ["a checksum already there, which does not count", [1, 9, 8, 7, 6, 2], 0xfffffffc],
  ["bytes above 127, which are unsigned", [0xff, 0, 0, 0, 0, 0xff], 0xfffffe01],
];

for (const [name, bytes, expected] of rows) {
  Deno.test(`vhdChecksum() of ${name} is 0x${expected.toString(16)}`, () => {
    assertEquals(vhdChecksum(Uint8Array.from(bytes), 1), expected);
  });
}
