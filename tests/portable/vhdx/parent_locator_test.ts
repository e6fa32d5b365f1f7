import { assertEquals, assertThrows } from "@std/assert";
import { encodeUtf16 } from "../../../src/bytes/utf16.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import {
  decodeParentLocator,
  encodeParentLocator,
  withLinkage,
} from "../../../src/portable/vhdx/parent_locator.ts";
import { MemorySource } from "../file/memory_source.ts";
import { PARENT_ID, UNKNOWN_GUID } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

const FILE = new MemorySource(new Uint8Array());
const AT = 0x210028;
const decode = (bytes: Uint8Array) => decodeParentLocator(FILE, bytes, AT);

/** A locator with these keys and values, one behind the other. */
function locator(...pairs: readonly (readonly [string, string])[]): Uint8Array<ArrayBuffer> {
  const empty = encodeParentLocator("", {
    identifier: PARENT_ID,
    relativePath: undefined,
    absolutePath: undefined,
  });
  const texts = pairs.flat().map((text) => encodeUtf16(text));
  const start = 20 + 12 * pairs.length;
  const bytes = new Uint8Array(start + texts.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  bytes.set(empty.subarray(0, 18));
  view.setUint16(18, pairs.length, true);
  let position = start;
  for (const [i, text] of texts.entries()) {
    const entry = 20 + 12 * (i >> 1);
    view.setUint32(entry + 4 * (i & 1), position, true);
    view.setUint16(entry + 8 + 2 * (i & 1), text.length, true);
    bytes.set(text, position);
    position += text.length;
  }
  return bytes;
}

const LINKAGE = ["parent_linkage", `{${PARENT_ID}}`] as const;

pureTest("a locator is written in the order and packing of Windows 10", () => {
  const bytes = encodeParentLocator("child.vhdx", {
    identifier: PARENT_ID.toUpperCase(),
    relativePath: ".\\base.vhdx",
    absolutePath: "C:\\images\\base.vhdx",
  });
  assertEquals(
    bytes,
    locator(
      LINKAGE,
      ["absolute_win32_path", "C:\\images\\base.vhdx"],
      ["relative_path", ".\\base.vhdx"],
      ["parent_linkage2", "{00000000-0000-0000-0000-000000000000}"],
    ),
  );
});

pureTest("paths are given in the order in which they are to be tried", () => {
  const bytes = locator(
    ["absolute_win32_path", "C:\\b.vhdx"],
    ["volume_path", "\\\\?\\Volume{x}\\b.vhdx"],
    LINKAGE,
    ["relative_path", ".\\b.vhdx"],
    ["something_else", "ignored"],
  );
  assertEquals(decode(bytes), {
    identifiers: [PARENT_ID],
    locators: [
      { kind: "relative", path: ".\\b.vhdx" },
      { kind: "volume", path: "\\\\?\\Volume{x}\\b.vhdx" },
      { kind: "absolute", path: "C:\\b.vhdx" },
    ],
  });
});

pureTest("the second linkage counts unless it is all zeros", () => {
  const second = (guid: string) => decode(locator(LINKAGE, ["parent_linkage2", guid])).identifiers;
  assertEquals(second(`{${UNKNOWN_GUID.toUpperCase()}}`), [PARENT_ID, UNKNOWN_GUID]);
  assertEquals(second("{00000000-0000-0000-0000-000000000000}"), [PARENT_ID]);
});

pureTest("decodeParentLocator() says what a locator without entries lacks", () => {
  const error = assertThrows(() => decode(locator()), ImageError);
  assertEquals(error.options.detail?.found, "no parent_linkage");
});

pureTest("decodeParentLocator() takes 256 entries", () => {
  const others = Array.from({ length: 255 }, (_, i) => [`key ${i}`, "ignored"] as const);
  assertEquals(decode(locator(...others, LINKAGE)).identifiers, [PARENT_ID]);
});

pureTest("withLinkage() adds the second linkage where there is room for it", () => {
  const linked = (count: number) => {
    const others = Array.from({ length: count }, (_, i) => [`key ${i}`, "kept"] as const);
    return withLinkage(FILE, locator(...others, LINKAGE), UNKNOWN_GUID, PARENT_ID);
  };
  assertEquals(decode(linked(254)).identifiers, [UNKNOWN_GUID, PARENT_ID]);
  // It would be a locator that nobody reads.
  const error = assertThrows(() => linked(255), ImageError);
  assertEquals(error.symbol, "ERROR_VHD_METADATA_FULL");
});

pureTest("a path that its length field cannot tell is refused", () => {
  const error = assertThrows(
    () =>
      encodeParentLocator("child.vhdx", {
        identifier: PARENT_ID,
        relativePath: "x".repeat(32768),
        absolutePath: undefined,
      }),
    ImageError,
  );
  assertEquals(error.symbol, "ERROR_FILENAME_EXCED_RANGE");
});

/** Broken locators, and the byte of the item that the error names. */
const ROWS: Record<string, [Uint8Array, number]> = {
  "room for its header": [locator(LINKAGE).slice(0, 19), 0],
  "a known type": [edited((view) => view.setUint8(0, 0)), 0],
  "room for its entries": [edited((view) => view.setUint16(18, 15, true)), 18],
  "at most 256 entries": [locator(...Array.from({ length: 257 }, () => LINKAGE)), 18],
  "keys with a length": [edited((view) => view.setUint16(28, 0, true)), 28],
  "keys of an even length": [edited((view) => view.setUint16(28, 27, true)), 28],
  "values of an even length": [edited((view) => view.setUint16(30, 75, true)), 30],
  "keys at an even offset": [edited((view) => view.setUint32(20, 33, true)), 20],
  "keys behind the entries": [edited((view) => view.setUint32(20, 30, true)), 20],
  "keys within the item": [edited((view) => view.setUint32(20, 0xfffffffe, true)), 20],
  "values within the item": [edited((view) => view.setUint32(24, 64, true)), 24],
  "text without NUL": [locator(LINKAGE, ["relative_path", "a\0b"]), 148 + 26],
  "text without half characters": [locator(LINKAGE, ["relative_path", "\ud800"]), 148 + 26],
  "each key once": [locator(LINKAGE, LINKAGE), 32],
  "a linkage": [locator(["relative_path", "b.vhdx"]), 18],
  "a linkage that is a GUID": [locator(["parent_linkage", "none"]), 60],
  "a second linkage that is a GUID": [locator(LINKAGE, ["parent_linkage2", "x"]), 178],
};

function edited(edit: (view: DataView) => void): Uint8Array {
  const bytes = locator(LINKAGE);
  edit(new DataView(bytes.buffer));
  return bytes;
}

pureTest("decodeParentLocator() refuses a locator that breaks a rule", async (t) => {
  for (const [rule, [bytes, offset]] of Object.entries(ROWS)) {
    await t.step(rule, () => {
      const error = assertThrows(() => decode(bytes), ImageError);
      const { structure, offset: found } = error.options.detail!;
      assertEquals([error.symbol, structure, found], [
        "ERROR_FILE_CORRUPT",
        "parent locator",
        AT + offset,
      ]);
    });
  }
});
