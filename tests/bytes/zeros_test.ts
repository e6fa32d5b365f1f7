import { assertEquals } from "@std/assert";
import { firstNonZero, isAllZero } from "../../src/bytes/zeros.ts";
import { pureTest } from "../pure.ts";

pureTest("isAllZero() sees each byte, wherever the bytes lie in their buffer", () => {
  for (let start = 0; start < 5; start++) {
    for (let length = 0; length < 14; length++) {
      // What surrounds the bytes is no zero.
      const buffer = new Uint8Array(32).fill(1);
      const bytes = buffer.subarray(start, start + length).fill(0);
      assertEquals(isAllZero(bytes), true, `${start}+${length}`);
      assertEquals(firstNonZero(bytes), undefined, `${start}+${length}`);
      for (let i = 0; i < length; i++) {
        bytes[i] = 0x80;
        assertEquals(isAllZero(bytes), false, `${start}+${length}, byte ${i}`);
        assertEquals(firstNonZero(bytes), i, `${start}+${length}, byte ${i}`);
        bytes[i] = 0;
      }
    }
  }
});

pureTest("isAllZero() sees a byte of any piece of what is long", () => {
  const unit = 2 ** 16;
  for (const length of [unit - 1, unit, unit + 1, 2 * unit, 2 ** 20 + 3]) {
    const bytes = new Uint8Array(length);
    assertEquals(isAllZero(bytes), true, `${length}`);
    for (const place of [0, 1, unit - 1, unit, unit + 1, 2 * unit - 1, length - 1]) {
      if (place >= length) continue;
      bytes[place] = 1;
      assertEquals(isAllZero(bytes), false, `${length}, byte ${place}`);
      bytes[place] = 0;
    }
    // What repeats itself is not zero.
    assertEquals(isAllZero(bytes.fill(7)), false, `${length}`);
    assertEquals(isAllZero(bytes.fill(7).fill(0, 0, 1)), false, `${length}`);
  }
});
