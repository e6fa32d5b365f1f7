import { assertEquals } from "@std/assert";
import {
  decodeMultiString,
  decodeUtf16,
  decodeUtf16Z,
  encodeUtf16,
} from "../../src/bytes/utf16.ts";
import { pureTest } from "../pure.ts";

pureTest("encodeUtf16() writes 16-bit units in the byte order asked for", () => {
  assertEquals([...encodeUtf16("A日")], [0x41, 0x00, 0xe5, 0x65]);
  assertEquals([...encodeUtf16("A日", false)], [0x00, 0x41, 0x65, 0xe5]);
  assertEquals(encodeUtf16("").length, 0);
});

pureTest(
  "text survives encoding in either byte order, unpaired surrogates and NULs included",
  () => {
    for (
      const text of [
        "",
        "a",
        "C:\\日本\\💿.vhd",
        "\ud800x\udc00",
        "a\0b",
        "\ufeffx",
        "x".repeat(10_001),
      ]
    ) {
      assertEquals(decodeUtf16(encodeUtf16(text)), text);
      assertEquals(decodeUtf16(encodeUtf16(text, false), false), text);
    }
  },
);

pureTest("decodeUtf16() reads a view into a larger buffer, and no half unit", () => {
  const bytes = Uint8Array.of(0xff, 0x41, 0x00, 0x42, 0x00, 0x43);
  assertEquals(decodeUtf16(bytes.subarray(1)), "AB");
  assertEquals(decodeUtf16(bytes.subarray(5)), "");
});

pureTest("decodeUtf16Z() stops at the first NUL, or at the end", () => {
  assertEquals(decodeUtf16Z(encodeUtf16("abc\0def")), "abc");
  assertEquals(decodeUtf16Z(encodeUtf16("abc", false), false), "abc");
  assertEquals(decodeUtf16Z(encodeUtf16("\0abc")), "");
});

pureTest("decodeMultiString() ends at the empty string", () => {
  assertEquals(decodeMultiString(encodeUtf16("a\0bc\0\0rest\0")), ["a", "bc"]);
  assertEquals(decodeMultiString(encodeUtf16("\0\0")), []);
  assertEquals(decodeMultiString(encodeUtf16("")), []);
  // A list that its writer cut short.
  assertEquals(decodeMultiString(encodeUtf16("a\0b")), ["a", "b"]);
});
