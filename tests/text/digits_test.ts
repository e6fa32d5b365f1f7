import { assertEquals } from "@std/assert";
import { groupedDigits } from "../../src/text/digits.ts";
import { pureTest } from "../pure.ts";

pureTest("groupedDigits() agrees with toLocaleString()", () => {
  for (let power = 1; power <= 2 ** 53; power *= 10) {
    for (const count of [power - 1, power, -power]) {
      assertEquals(groupedDigits(count), count.toLocaleString("en-US"));
    }
  }
  assertEquals(groupedDigits(Number.MAX_SAFE_INTEGER), "9,007,199,254,740,991");
});
