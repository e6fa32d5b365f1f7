import { assertEquals } from "@std/assert";
import { isEqual } from "../../src/bytes/equal.ts";
import { pureTest } from "../pure.ts";

pureTest("isEqual() sees each byte and the length, before and after much has been compared", () => {
  const MIB = 1 << 20;
  for (const round of ["first", "later"]) {
    for (const length of [0, 1, 7, 64, 4096]) {
      const [one, other] = [0, 3].map((start) =>
        new Uint8Array(length + 8).fill(5).subarray(start, start + length)
      ) as [Uint8Array, Uint8Array];
      assertEquals(isEqual(one, other), true, `${round}, ${length}`);
      for (const i of [0, length >> 1, length - 1]) {
        if (length === 0) break;
        other[i] = 6;
        assertEquals(isEqual(one, other), false, `${round}, ${length}, byte ${i}`);
        other[i] = 5;
      }
      assertEquals(isEqual(one, new Uint8Array(length + 1).fill(5)), false);
      assertEquals(isEqual(new Uint8Array(length + 1).fill(5), one), false);
    }
    assertEquals(isEqual(new Uint8Array(MIB), new Uint8Array(MIB)), true);
  }
});
