import { assertEquals } from "@std/assert";
import { readDstring } from "../../../src/portable/iso/label.ts";
import { pureTest } from "../../pure.ts";

/** A field of 16 bytes with the content at its start and the length at its end. */
function field(content: number[], used = content.length): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(content);
  bytes[15] = used;
  return bytes;
}

const rows: [string, Uint8Array, string][] = [
  ["8-bit characters", field([8, 0x4d, 0xe9]), "Mé"],
  ["C1 controls of Latin-1 are replaced", field([8, 0x41, 0x85]), "A\ufffd"],
  ["big-endian UTF-16", field([16, 0x65, 0xe5, 0x67, 0x2c]), "日本"],
  ["a surrogate pair", field([16, 0xd8, 0x3d, 0xdc, 0xbf]), "💿"],
  ["an unpaired surrogate is replaced", field([16, 0xd8, 0x3d, 0x00, 0x41]), "\ufffdA"],
  ["control characters are replaced", field([8, 0x41, 0x1b, 0x42]), "A\ufffdB"],
  ["trailing spaces and NULs are padding", field([8, 0x41, 0x20, 0x00]), "A"],
  ["the whole field", field([8, ...new Array(14).fill(0x41)]), "A".repeat(14)],
  ["length 0", field([8, 0x41], 0), ""],
  ["length 1 has no characters", field([8, 0x41], 1), ""],
  ["a length beyond the field", field([8, 0x41], 16), ""],
  ["a length far beyond the field", field([8, 0x41], 255), ""],
  ["half a 16-bit character", field([16, 0x00, 0x41, 0x00]), ""],
  ["an unknown compression", field([254, 0x41]), ""],
];

pureTest(
  "readDstring() reads 8-bit and 16-bit text, and nothing from a malformed field",
  async (t) => {
    for (const [name, bytes, expected] of rows) {
      await t.step(`${name}: ${JSON.stringify(expected)}`, () => {
        assertEquals(readDstring(bytes), expected);
      });
    }
  },
);
