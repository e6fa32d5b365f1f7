import { assertEquals } from "@std/assert";
import { findFooter, hasFooterCookie } from "../../../src/portable/vhd/footer_search.ts";
import { MemorySource } from "../file/memory_source.ts";
import { assertFault, changed, newVhd, sealFooter, viewAt } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const dynamic = newVhd();
const fixed = newVhd({ subtype: "fixed" });
const end = dynamic.length - 512;
const MISSING = "ERROR_VHD_DRIVE_FOOTER_MISSING";
const CHECKSUM = "ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH";

function foundAt(image: Uint8Array<ArrayBuffer>): [string, number] {
  const { structure, offset } = findFooter(new MemorySource(image));
  return [structure, offset];
}

pureTest("findFooter() takes the trailing footer where it is good", () => {
  assertEquals(foundAt(dynamic), ["footer", end]);
  assertEquals(foundAt(fixed), ["footer", 40960]);
});

pureTest("findFooter() takes the trailing footer where the copy differs", () => {
  const image = dynamic.slice();
  viewAt(image).setUint32(24, 1, false); // TimeStamp
  sealFooter(image, 0);
  assertEquals(foundAt(image), ["footer", end]);
});

pureTest("findFooter() takes the trailing footer where the copy is damaged or gone", () => {
  assertEquals(foundAt(changed(dynamic, 100, [1])), ["footer", end]);
  assertEquals(foundAt(changed(dynamic, 0, new Array(512).fill(0))), ["footer", end]);
});

pureTest("findFooter() takes the copy where the trailing footer is damaged or gone", () => {
  assertEquals(foundAt(changed(dynamic, end + 100, [1])), ["footer copy", 0]);
  assertEquals(foundAt(dynamic.slice(0, end)), ["footer copy", 0]);
  assertEquals(foundAt(dynamic.slice(0, end + 7)), ["footer copy", 0]);
});

pureTest(
  "findFooter() does not take a footer that a guest wrote to the start of a fixed disk",
  () => {
    const image = fixed.slice(0, 40960);
    image.set(fixed.subarray(40960));
    assertFault(image, { code: MISSING, structure: "footer", offset: 40960 - 512 });
    assertEquals(hasFooterCookie(new MemorySource(image)), false);
  },
);

pureTest("findFooter() tells a damaged footer from none", () => {
  const offset = 40960;
  assertFault(changed(fixed, offset + 100, [1]), {
    code: CHECKSUM,
    structure: "footer",
    offset: offset + 64,
  });
  assertFault(fixed.slice(0, offset), { code: MISSING, structure: "footer", offset: offset - 512 });
});

pureTest("findFooter() names the trailing footer where both are damaged", () => {
  const image = changed(changed(dynamic, 100, [1]), end + 100, [1]);
  assertFault(image, { code: CHECKSUM, structure: "footer", offset: end + 64 });
});

pureTest("findFooter() names the copy where it is damaged and there is no other", () => {
  const image = changed(dynamic, 100, [1]).slice(0, end);
  assertFault(image, { code: CHECKSUM, structure: "footer copy", offset: 64 });
});

pureTest("findFooter() reads the footers of 511 bytes that Virtual PC wrote before 2004", () => {
  assertEquals(foundAt(fixed.slice(0, -1)), ["footer", 40960]);
  assertEquals(foundAt(dynamic.slice(0, -1)), ["footer", end]);
});

pureTest("findFooter() finds none in files that are too short", async (t) => {
  for (const size of [0, 1, 8, 510]) {
    await t.step(`${size} bytes`, () => {
      assertFault(fixed.slice(40960, 40960 + size), {
        code: MISSING,
        structure: "footer",
        offset: 0,
      });
    });
  }
});

pureTest(
  "hasFooterCookie() sees a cookie at the end, a byte later, or of a copy, damaged or not",
  () => {
    const rows: [Uint8Array<ArrayBuffer>, boolean][] = [
      [dynamic, true],
      [fixed, true],
      [fixed.slice(0, -1), true],
      [fixed.slice(0, -2), false],
      [dynamic.slice(0, end), true],
      [changed(dynamic, end + 100, [1]), true],
      [changed(dynamic, 100, [1]).slice(0, end), true],
      [new Uint8Array(4096), false],
      [new Uint8Array(3), false],
      [new Uint8Array(0), false],
    ];
    for (const [i, [image, expected]] of rows.entries()) {
      assertEquals(hasFooterCookie(new MemorySource(image)), expected, `row ${i}`);
    }
  },
);
