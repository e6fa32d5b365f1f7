import { assertEquals } from "@std/assert";
import { encodeUtf16 } from "../../../src/bytes/utf16.ts";
import type { ParentLocator } from "../../../src/portable/image/image.ts";
import { LOCATOR, locatorOffset, PLATFORM_CODE } from "../../../src/portable/vhd/sparse_header.ts";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { MemorySource } from "../file/memory_source.ts";
import { HEADER, newVhd, PARENT_IDENTIFIER, sealHeader, viewAt } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A child with the given locators, one a slot, and the given parent name. */
function childWith(locators: readonly [number, Uint8Array][], name = ""): MemorySource {
  const image = newVhd({
    subtype: "differencing",
    parent: { identifier: PARENT_IDENTIFIER, relativePath: undefined, absolutePath: undefined },
  });
  locators.forEach(([platformCode, data], slot) => {
    const dataOffset = 0x3000 + slot * 512;
    image.set(data, dataOffset);
    const entry = { platformCode, dataSpace: 512, dataLength: data.length, dataOffset };
    LOCATOR.patch(image, entry, HEADER + locatorOffset(slot));
  });
  image.set(encodeUtf16(name, false), HEADER + 64);
  sealHeader(image);
  return new MemorySource(image);
}

function locatorsOf(source: MemorySource): [ParentLocator["kind"], string][] {
  return openVhd(source).parent!.locators.map(({ kind, path }) => [kind, path]);
}

pureTest(
  "openVhd(): locators are tried by platform, whatever their slots, then the parent name",
  () => {
    const source = childWith([
      [PLATFORM_CODE.mac, utf8("file:///mac.vhd")],
      [PLATFORM_CODE.macX, utf8("file:///macx.vhd")],
      [PLATFORM_CODE.wi2k, utf8("C:\\wi2k.vhd")],
      [PLATFORM_CODE.wi2r, utf8(".\\wi2r.vhd")],
      [PLATFORM_CODE.w2ku, encodeUtf16("C:\\w2ku.vhd")],
      [PLATFORM_CODE.w2ru, encodeUtf16(".\\w2ru.vhd")],
    ], "D:\\name.vhd");
    assertEquals(locatorsOf(source), [
      ["relative", ".\\w2ru.vhd"],
      ["absolute", "C:\\w2ku.vhd"],
      ["relative", ".\\wi2r.vhd"],
      ["absolute", "C:\\wi2k.vhd"],
      ["absolute", "/macx.vhd"],
      ["absolute", "/mac.vhd"],
      ["absolute", "D:\\name.vhd"],
      ["name", "name.vhd"],
    ]);
  },
);

pureTest("openVhd(): a path that is named twice is tried once", () => {
  const path = "C:\\images\\parent.vhd";
  const source = childWith([
    [PLATFORM_CODE.w2ku, encodeUtf16(path)],
    [PLATFORM_CODE.wi2k, utf8(path)],
  ], path);
  assertEquals(locatorsOf(source), [["absolute", path], ["name", "parent.vhd"]]);
});

pureTest("openVhd(): a bare parent name is looked for beside the child only", () => {
  assertEquals(locatorsOf(childWith([], "parent.vhd")), [["name", "parent.vhd"]]);
});

pureTest("openVhd(): locators without a path are passed over", () => {
  const source = childWith([
    [PLATFORM_CODE.w2ru, new Uint8Array(0)],
    [PLATFORM_CODE.w2ku, new Uint8Array(4)],
    [PLATFORM_CODE.mac, Uint8Array.of(0, 1, 2, 3)],
    [0x58585858, utf8("something else")],
  ]);
  assertEquals(locatorsOf(source), []);
});

pureTest("openVhd(): a terminator that was counted in is no part of the path", () => {
  const source = childWith([[PLATFORM_CODE.w2ru, encodeUtf16(".\\parent.vhd\0")]]);
  assertEquals(locatorsOf(source), [["relative", ".\\parent.vhd"]]);
});

pureTest("openVhd(): a parent name of 256 units has no terminator", () => {
  const name = "x".repeat(252) + ".vhd";
  assertEquals(locatorsOf(childWith([], name)), [["name", name]]);
});

pureTest("openVhd(): the parent's id and time stamp are those of the sparse header", () => {
  const { bytes } = childWith([]);
  viewAt(bytes).setUint32(HEADER + 56, 0x27198e1b, false);
  sealHeader(bytes);
  const link = openVhd(new MemorySource(bytes)).parent!;
  assertEquals(link.identifiers, [PARENT_IDENTIFIER]);
  assertEquals(link.timestamp, 0x27198e1b);
});
