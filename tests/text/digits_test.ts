import { assertEquals } from "@std/assert";
import { groupedDigits, roundBytes } from "../../src/text/digits.ts";
import { pureTest } from "../pure.ts";

pureTest("groupedDigits() agrees with toLocaleString()", () => {
  for (let power = 1; power <= 2 ** 53; power *= 10) {
    for (const count of [power - 1, power, -power]) {
      assertEquals(groupedDigits(count), count.toLocaleString("en-US"));
    }
  }
  assertEquals(groupedDigits(Number.MAX_SAFE_INTEGER), "9,007,199,254,740,991");
});

pureTest("roundBytes() has one decimal at most, none that is 0, and no 1024 of a unit", () => {
  const MIB = 2 ** 20;
  const rows: [bytes: number, text: string][] = [
    [0, "0 bytes"],
    [1023, "1023 bytes"],
    [1024, "1 KiB"],
    [5 * MIB, "5 MiB"],
    [5 * MIB - 4096, "5 MiB"],
    [5 * MIB + 4096, "5 MiB"],
    [5.05 * MIB, "5.1 MiB"],
    [1024 * MIB - 1, "1 GiB"],
    [1024 * MIB - MIB / 10, "1023.9 MiB"],
    [2 ** 53, "8192 TiB"],
  ];
  for (const [bytes, text] of rows) assertEquals(roundBytes(bytes), text);
});
