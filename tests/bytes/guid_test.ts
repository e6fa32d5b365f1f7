import { assertEquals, assertThrows } from "@std/assert";
import { isGuid, NIL_GUID, normalizeGuid, readGuid, writeGuid } from "../../src/bytes/guid.ts";
import { pureTest } from "../pure.ts";

/** The vendor GUID of Microsoft: the text of virtdisk.h, and the bytes in memory. */
const TEXT = "ec984aec-a0f9-47e9-901f-71415a66345b";
const BYTES = [
  ...[0xec, 0x4a, 0x98, 0xec, 0xf9, 0xa0, 0xe9, 0x47],
  ...[0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b],
];

pureTest("readGuid() takes the first three groups as little-endian numbers", () => {
  assertEquals(readGuid(Uint8Array.from(BYTES)), TEXT);
  assertEquals(readGuid(Uint8Array.of(9, 9, 9, ...BYTES), 3), TEXT);
  assertEquals(readGuid(new Uint8Array(16)), NIL_GUID);
  assertThrows(() => readGuid(Uint8Array.from(BYTES), 1), RangeError);
});

pureTest("writeGuid() writes what readGuid() reads, and nothing beside it", () => {
  const bytes = new Uint8Array(20).fill(7);
  writeGuid(bytes, 2, TEXT);
  assertEquals([...bytes], [7, 7, ...BYTES, 7, 7]);
  writeGuid(bytes, 2, `{${TEXT.toUpperCase()}}`);
  assertEquals([...bytes], [7, 7, ...BYTES, 7, 7]);
});

const texts: [string, boolean][] = [
  [TEXT, true],
  [TEXT.toUpperCase(), true],
  [`{${TEXT}}`, true],
  [NIL_GUID, true],
  [`{${TEXT}`, false],
  [`${TEXT}}`, false],
  [`{{${TEXT}}}`, false],
  [TEXT.slice(1), false],
  [`${TEXT}0`, false],
  [`${TEXT}\n`, false],
  [TEXT.replaceAll("-", ""), false],
  [TEXT.replace("e", "g"), false],
  ["", false],
];

pureTest("isGuid() takes braces and either case, and nothing else", async (t) => {
  for (const [text, expected] of texts) {
    await t.step(`${JSON.stringify(text)}: ${expected}`, () => {
      assertEquals(isGuid(text), expected);
      if (expected) {
        return assertEquals(normalizeGuid(text), text.replace(/[{}]/g, "").toLowerCase());
      }
      assertThrows(() => normalizeGuid(text), TypeError, "GUID must be a GUID, such as 0f0f3c4e-");
      assertThrows(() => writeGuid(new Uint8Array(16), 0, text), TypeError);
    });
  }
});

pureTest("normalizeGuid() names the argument that is wrong", () => {
  assertThrows(
    () => normalizeGuid("x", "identifier"),
    TypeError,
    'identifier must be a GUID, such as 0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60, not "x"',
  );
});
