import { assertEquals } from "@std/assert";
import {
  fileNameOf,
  NOTATIONS,
  parentLocator,
  pathFault,
  withoutTerminator,
} from "../../../src/portable/vhd/parent_link.ts";
import { PLATFORM_CODE } from "../../../src/portable/vhd/sparse_header.ts";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { pureTest } from "../../pure.ts";
import { MemorySource } from "../file/memory_source.ts";
import { HEADER, newVhd, sealHeader, viewAt } from "./vhd_builder.ts";

function decode(code: number, bytes: Uint8Array): string | undefined {
  return NOTATIONS.find((each) => each.code === code)?.decode(bytes);
}

const utf8 = (text: string) => new TextEncoder().encode(text);

pureTest("NOTATIONS: Windows paths are little-endian UTF-16, unpaired surrogates included", () => {
  const bytes = Uint8Array.of(0x2e, 0x00, 0x5c, 0x00, 0xe5, 0x65, 0x00, 0xd8);
  assertEquals(decode(PLATFORM_CODE.w2ru, bytes), ".\\日\ud800");
  assertEquals(decode(PLATFORM_CODE.w2ku, bytes), ".\\日\ud800");
});

pureTest("NOTATIONS: the superseded Windows paths are a byte a character", () => {
  const bytes = Uint8Array.of(0x43, 0x3a, 0x5c, 0xe9);
  assertEquals(decode(PLATFORM_CODE.wi2k, bytes), "C:\\é");
  assertEquals(decode(PLATFORM_CODE.wi2r, bytes), "C:\\é");
});

const urls: [string, string | undefined][] = [
  ["file:///Users/me/base%20disk.vhd", "/Users/me/base disk.vhd"],
  ["FILE://localhost/Users/me/base.vhd", "/Users/me/base.vhd"],
  ["file://./base.vhd", "./base.vhd"],
  ["file://../images/base.vhd", "../images/base.vhd"],
  ["file:///100%/base.vhd", "/100%/base.vhd"],
  ["file://server/share/base.vhd", undefined],
  ["http://host/base.vhd", undefined],
  ["\u0001alias record", undefined],
];

pureTest("NOTATIONS take file URLs of this machine from Mac locators", async (t) => {
  for (const [url, expected] of urls) {
    await t.step(JSON.stringify(url), () => {
      assertEquals(decode(PLATFORM_CODE.macX, utf8(url)), expected);
      assertEquals(decode(PLATFORM_CODE.mac, utf8(url)), expected);
    });
  }
});

pureTest("NOTATIONS try relative paths before absolute ones, UTF-16 before bytes", () => {
  const order = NOTATIONS.map(({ code }) => code);
  const { w2ru, w2ku, wi2r, wi2k, macX, mac } = PLATFORM_CODE;
  assertEquals<number[]>(order, [w2ru, w2ku, wi2r, wi2k, macX, mac]);
});

const kinds: [string, ReturnType<typeof parentLocator>["kind"]][] = [
  [".\\base.vhd", "relative"],
  ["base.vhd", "relative"],
  ["..\\..\\base.vhd", "relative"],
  ["./base.vhd", "relative"],
  ["C:\\base.vhd", "absolute"],
  ["c:base.vhd", "absolute"],
  ["\\base.vhd", "absolute"],
  ["\\\\server\\share\\base.vhd", "absolute"],
  ["/home/me/base.vhd", "absolute"],
  ["\\\\?\\C:\\base.vhd", "absolute"],
  ["\\\\?\\Volume{0b5c0f43-0000-0000-0000-100000000000}\\base.vhd", "volume"],
];

pureTest("parentLocator() tells relative paths from absolute ones", async (t) => {
  for (const [path, kind] of kinds) {
    await t.step(`${path}: ${kind}`, () => {
      assertEquals(parentLocator(path), { kind, path });
    });
  }
});

const faults: [string, boolean][] = [
  ["C:\\base.vhd", false],
  ["\\\\server\\share\\base.vhd", false],
  [".\\.\\base.vhd", false],
  ["\\\\.hidden\\base.vhd", false],
  ["", false],
  ["a\0b", true],
  ["\\\\.\\PhysicalDrive0", true],
  ["//./PhysicalDrive0", true],
  ["\\\\.", true],
  ["\\\\?\\GLOBALROOT\\Device\\Harddisk0", true],
  ["\\\\?\\GlobalRoot", true],
];

pureTest("pathFault() refuses devices and what cannot be a path", async (t) => {
  for (const [path, isFault] of faults) {
    await t.step(`${JSON.stringify(path)}: ${isFault}`, () => {
      assertEquals(pathFault(path) !== undefined, isFault);
    });
  }
});

const names: [string, string | undefined][] = [
  ["C:\\images\\base.vhd", "base.vhd"],
  ["C:base.vhd", "base.vhd"],
  ["base.vhd", "base.vhd"],
  ["/images/base.vhd", "base.vhd"],
  ["C:\\images\\", undefined],
  ["C:\\images\\..", undefined],
  [".", undefined],
  ["", undefined],
];

pureTest("fileNameOf() gives what follows the last separator", async (t) => {
  for (const [path, expected] of names) {
    await t.step(`${JSON.stringify(path)}: ${JSON.stringify(expected)}`, () => {
      assertEquals(fileNameOf(path), expected);
    });
  }
});

pureTest("withoutTerminator() takes NULs from the end only", () => {
  assertEquals(withoutTerminator("a\0b\0\0"), "a\0b");
  assertEquals(withoutTerminator("\0\0"), "");
  assertEquals(withoutTerminator("a"), "a");
});

pureTest("openVhd() takes a locator of any number of bytes whose text is not UTF-16", () => {
  for (const code of ["MacX", "Mac ", "Wi2k"]) {
    for (const path of ["/images/base.vhd", "/images/base2.vhd"]) {
      const image = newVhd({ subtype: "differencing" });
      const view = viewAt(image);
      const locator = HEADER + 576;
      const text = utf8(code === "Wi2k" ? path : `file://${path}`);
      image.set(utf8(code), locator);
      view.setUint32(locator + 8, text.length, false);
      image.set(text, Number(view.getBigUint64(locator + 16, false)));
      sealHeader(image);
      const { locators } = openVhd(new MemorySource(image)).parent!;
      assertEquals(locators.filter((each) => each.path === path).length, 1, `${code} ${path}`);
    }
  }
});
