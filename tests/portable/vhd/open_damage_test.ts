/**
 * Each rule that reading relies on, broken on its own: the code, the structure and the offset of the
 * field that breaks it are part of the contract.
 */
import { assertEquals } from "@std/assert";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { MemorySource } from "../file/memory_source.ts";
import { readImage } from "../image/read_image.ts";
import {
  assertFault,
  changed,
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  type Fault,
  HEADER,
  newVhd,
  sealFooter,
  sealHeader,
  viewAt,
  withBlock,
} from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const MISSING = "ERROR_VHD_DRIVE_FOOTER_MISSING";
const FOOTER_CHECKSUM = "ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH";
const FOOTER = "ERROR_VHD_DRIVE_FOOTER_CORRUPT";
const VERSION = "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION";
const SIZE = "ERROR_VHD_INVALID_SIZE";
const FILE_SIZE = "ERROR_VHD_INVALID_FILE_SIZE";
const HEADER_CORRUPT = "ERROR_VHD_SPARSE_HEADER_CORRUPT";
const HEADER_CHECKSUM = "ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH";
const HEADER_VERSION = "ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION";
const BLOCK_SIZE = "ERROR_VHD_INVALID_BLOCK_SIZE";
const TABLE = "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT";

const fixed = newVhd({ subtype: "fixed" });
const dynamic = withBlock(newVhd(), DYNAMIC_TABLE, 0, [0xff], new Uint8Array(4096).fill(1));
const child = withBlock(
  newVhd({ subtype: "differencing" }),
  DIFFERENCING_TABLE,
  0,
  [0x80],
  new Uint8Array(4096).fill(2),
);

type Bytes = readonly number[];

function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff];
}

function uint64(value: number): number[] {
  return [...uint32(Math.floor(value / 2 ** 32)), ...uint32(value % 2 ** 32)];
}

const ALL_ONES = new Array<number>(8).fill(0xff);

/** A change of the trailing footer, or of the sparse header, with the checksum made right again. */
function assertFooterFault(
  image: Uint8Array<ArrayBuffer>,
  field: number,
  bytes: Bytes,
  code: Fault["code"],
) {
  const footer = image.length - 512;
  const bad = changed(image, footer + field, bytes);
  sealFooter(bad, footer);
  assertFault(bad, { code, structure: "footer", offset: footer + field });
}

function assertHeaderFault(
  image: Uint8Array<ArrayBuffer>,
  field: number,
  bytes: Bytes,
  code: Fault["code"],
  structure = "sparse header",
  offset = HEADER + field,
) {
  const bad = changed(image, HEADER + field, bytes);
  sealHeader(bad);
  assertFault(bad, { code, structure, offset });
}

const footerRows: [string, Uint8Array<ArrayBuffer>, number, Bytes, Fault["code"]][] = [
  ["version 0.9", dynamic, 12, uint32(0x0000_0009), VERSION],
  ["version 2.0", fixed, 12, uint32(0x0002_0000), VERSION],
  ["disk type 0 (none)", dynamic, 60, uint32(0), FOOTER],
  ["disk type 1 (deprecated)", dynamic, 60, uint32(1), FOOTER],
  ["disk type 5 (deprecated)", dynamic, 60, uint32(5), FOOTER],
  ["disk type 0x100", dynamic, 60, uint32(0x100), FOOTER],
  ["a sparse header in a fixed image", fixed, 16, uint64(512), FOOTER],
  ["all ones but a bit in a fixed image", fixed, 16, [...ALL_ONES.slice(1), 0xfe], FOOTER],
  ["no sparse header in a dynamic image", dynamic, 16, ALL_ONES, FOOTER],
  ["a sparse header at 0", dynamic, 16, uint64(0), FOOTER],
  ["a sparse header at an odd offset", dynamic, 16, uint64(513), FOOTER],
  ["a sparse header beyond the file", dynamic, 16, uint64(dynamic.length - 512), FOOTER],
  ["a sparse header where sums wrap", dynamic, 16, [...ALL_ONES.slice(2), 0xfe, 0x00], FOOTER],
  ["size 0", dynamic, 48, uint64(0), SIZE],
  ["a size that is no multiple of 512", dynamic, 48, uint64(40961), SIZE],
  ["a size over 2040 GiB", dynamic, 48, uint64(2040 * 2 ** 30 + 512), SIZE],
  ["a size of 2^64 - 512", dynamic, 48, [...ALL_ONES.slice(2), 0xfe, 0x00], SIZE],
  ["a fixed disk larger than its file", fixed, 48, uint64(40960 + 512), FILE_SIZE],
];

pureTest("openVhd() refuses a damaged footer, at its field", async (t) => {
  for (const [name, image, field, bytes, code] of footerRows) {
    await t.step(`${name}: ${code}`, () => {
      assertFooterFault(image, field, bytes, code);
    });
  }
});

const headerRows: [string, number, Bytes, Fault["code"]][] = [
  ["another cookie", 0, [0x43], HEADER_CORRUPT],
  ["header version 0", 24, uint32(0), HEADER_VERSION],
  ["header version 2.0", 24, uint32(0x0002_0000), HEADER_VERSION],
  ["block size 0", 32, uint32(0), BLOCK_SIZE],
  ["a block size that is no power of two", 32, uint32(4096 + 512), BLOCK_SIZE],
  ["blocks of 2 KiB", 32, uint32(2048), BLOCK_SIZE],
  ["blocks of 512 MiB", 32, uint32(2 ** 29), BLOCK_SIZE],
  ["blocks of 2 GiB", 32, uint32(2 ** 31), BLOCK_SIZE],
  ["no table entries", 28, uint32(0), HEADER_CORRUPT],
  ["a table entry too few", 28, uint32(9), HEADER_CORRUPT],
  ["more table entries than anybody needs", 28, uint32(16 * 2 ** 20 + 1), HEADER_CORRUPT],
  ["a table offset of all ones", 16, ALL_ONES, HEADER_CORRUPT],
  ["a table at an odd offset", 16, uint64(1537), HEADER_CORRUPT],
  ["a table beyond the file", 16, uint64(dynamic.length + 511 & ~511), HEADER_CORRUPT],
  ["a table in the footer copy", 16, uint64(0), HEADER_CORRUPT],
  ["a table in the sparse header", 16, uint64(1024), HEADER_CORRUPT],
];

pureTest("openVhd() refuses a damaged sparse header, at its field", async (t) => {
  for (const [name, field, bytes, code] of headerRows) {
    await t.step(`${name}: ${code}`, () => {
      assertHeaderFault(dynamic, field, bytes, code);
    });
  }
});

pureTest("openVhd() refuses a table larger than the file, before it reads any of it", () => {
  assertHeaderFault(dynamic, 28, uint32(2 ** 20), HEADER_CORRUPT, "sparse header", HEADER + 16);
});

pureTest("openVhd() refuses a sparse header with a wrong checksum", () => {
  assertFault(changed(dynamic, HEADER + 900, [1]), {
    code: HEADER_CHECKSUM,
    structure: "sparse header",
    offset: HEADER + 36,
  });
});

pureTest("openVhd() does not follow the data offset of the sparse header", () => {
  const image = changed(dynamic, HEADER + 8, uint64(HEADER));
  sealHeader(image);
  assertReads(image, 1);
});

const SLOT_0 = 576;
const locatorRows: [string, number, Bytes][] = [
  ["a path over 64 KiB", SLOT_0 + 8, uint32(64 * 1024 + 2)],
  ["UTF-16 of odd length", SLOT_0 + 8, uint32(41)],
  ["a path beyond the file", SLOT_0 + 16, uint64(child.length - 2)],
  ["a path offset of all ones", SLOT_0 + 16, ALL_ONES],
  ["a path in the footer copy", SLOT_0 + 16, uint64(0)],
  ["a path in the sparse header", SLOT_0 + 16, uint64(HEADER + 64)],
  ["a path in the block allocation table", SLOT_0 + 16, uint64(DIFFERENCING_TABLE)],
];

pureTest("openVhd() refuses a damaged parent locator, at its field", async (t) => {
  for (const [name, field, bytes] of locatorRows) {
    await t.step(`${name}`, () => {
      assertHeaderFault(child, field, bytes, HEADER_CORRUPT, "parent locator");
    });
  }
});

pureTest("openVhd() checks the locator of a platform that it cannot read", () => {
  const image = changed(child, HEADER + SLOT_0, [0x58, 0x58, 0x58, 0x58]);
  image.set(uint32(2 ** 31), HEADER + SLOT_0 + 8);
  sealHeader(image);
  assertFault(image, {
    code: HEADER_CORRUPT,
    structure: "parent locator",
    offset: HEADER + SLOT_0 + 8,
  });
});

const pathRows: [string, string][] = [
  ["a NUL", "C:\\a\0b.vhd"],
  ["a device", "\\\\.\\PhysicalDrive0"],
  ["a global root", "\\\\?\\globalroot\\Device\\x"],
];

pureTest("openVhd() refuses parent paths that are none", async (t) => {
  for (const [name, path] of pathRows) {
    await t.step(`${name}`, () => {
      const image = changed(child, HEADER + SLOT_0 + 8, uint32(path.length * 2));
      for (let i = 0; i < path.length; i++) {
        image.set([path.charCodeAt(i), 0], 0x1000 + 2 * i);
      }
      sealHeader(image);
      assertFault(image, {
        code: HEADER_CORRUPT,
        structure: "parent locator data",
        offset: 0x1000,
      });
    });
  }
});

pureTest("openVhd() refuses a device as parent name", () => {
  const name = [..."\\\\.\\C:"].flatMap((each) => [0, each.charCodeAt(0)]);
  assertHeaderFault(child, 64, [...name, 0, 0], HEADER_CORRUPT);
});

pureTest("openVhd() refuses a differencing image that names no parent", () => {
  assertHeaderFault(child, 40, new Array(16).fill(0), HEADER_CORRUPT);
});

pureTest(
  "openVhd() takes a dynamic image with a parent id and bad locators: they mean nothing",
  () => {
    const image = changed(dynamic, HEADER + 40, new Array(16).fill(7));
    image.set(ALL_ONES, HEADER + SLOT_0);
    sealHeader(image);
    assertReads(image, 1);
  },
);

/** The entry of block 0, and what is there. */
const tableRows: [string, Uint8Array<ArrayBuffer>, number, number][] = [
  ["on the footer copy", dynamic, DYNAMIC_TABLE, 0],
  ["on the sparse header", dynamic, DYNAMIC_TABLE, 2],
  ["on the block allocation table", dynamic, DYNAMIC_TABLE, 3],
  ["that runs into the block allocation table", child, DIFFERENCING_TABLE, 0x1e00 / 512],
  ["on the parent's path", child, DIFFERENCING_TABLE, 0x3000 / 512],
  ["beyond the file", dynamic, DYNAMIC_TABLE, 0xfffffffe],
  ["that runs beyond the file", dynamic, DYNAMIC_TABLE, (dynamic.length - 4096) / 512],
];

pureTest("extent() refuses a block that cannot be there, at its table entry", async (t) => {
  for (const [name, image, table, entry] of tableRows) {
    await t.step(`${name}`, () => {
      const bad = changed(image, table, uint32(entry));
      const fault = { code: TABLE, structure: "block allocation table", offset: table } as const;
      assertFault(bad, fault, (source) => openVhd(source).extent(0, 512));
      assertFault(bad, fault, (source) => openVhd(source).is4kAligned());
    });
  }
});

pureTest("a bad table entry does not keep the other blocks from being read", () => {
  const bad = changed(dynamic, DYNAMIC_TABLE + 4 * 5, uint32(0));
  const fault = { code: TABLE, structure: "block allocation table", offset: DYNAMIC_TABLE + 20 };
  assertFault(bad, fault as Fault, (source) => {
    const image = openVhd(source);
    assertEquals(image.extent(0, 4096).kind, "file");
    assertEquals(image.extent(4096, image.virtualSize).length, 4 * 4096);
    return image.extent(5 * 4096, image.virtualSize);
  });
});

pureTest("entries beyond the end of the disk are never used", () => {
  const image = changed(dynamic, HEADER + 28, uint32(12));
  image.set([...uint32(0), ...uint32(0)], DYNAMIC_TABLE + 40);
  sealHeader(image);
  assertReads(image, 1);
});

pureTest("a block over the footer is refused, at its table entry; other blocks are read", () => {
  const image = dynamic.slice(0, -512);
  image.set(dynamic.subarray(dynamic.length - 512), image.length - 512);
  const fault = {
    code: TABLE,
    structure: "block allocation table",
    offset: DYNAMIC_TABLE,
  } as const;
  assertFault(image, fault, (source) => openVhd(source).extent(0, 512));
  assertEquals(openVhd(new MemorySource(image)).extent(4096, 8192).kind, "zero");
});

pureTest("two blocks in one place are refused, both; other blocks are read", () => {
  let image = dynamic;
  for (const block of [3, 5]) {
    image = withBlock(image, DYNAMIC_TABLE, block, [0xff], new Uint8Array(4096).fill(block));
  }
  const place = viewAt(image).getUint32(DYNAMIC_TABLE + 12);
  // The same place, and one that shares a sector with it.
  for (const entry of [place, place - 8]) {
    const bad = changed(image, DYNAMIC_TABLE, uint32(entry));
    for (const block of [0, 3]) {
      const fault = {
        code: TABLE,
        structure: "block allocation table",
        offset: DYNAMIC_TABLE + 4 * block,
      } as const;
      assertFault(bad, fault, (source) => openVhd(source).extent(block * 4096, block * 4096 + 1));
    }
    assertEquals(openVhd(new MemorySource(bad)).extent(5 * 4096, 6 * 4096).kind, "file");
  }
});

pureTest("a damaged cookie of a fixed image is a missing footer", () => {
  const offset = fixed.length - 512;
  assertFault(changed(fixed, offset, [0x43]), { code: MISSING, structure: "footer", offset });
});

pureTest("a damaged byte of a fixed image's footer is a checksum mismatch", () => {
  const offset = fixed.length - 512;
  assertFault(changed(fixed, offset + 24, [1, 2, 3, 4]), {
    code: FOOTER_CHECKSUM,
    structure: "footer",
    offset: offset + 64,
  });
});

/** The image opens, its blocks can be asked for, and the first byte of the disk is `first`. */
function assertReads(bytes: Uint8Array<ArrayBuffer>, first: number) {
  const image = openVhd(new MemorySource(bytes));
  assertEquals(readImage([image], 0, image.virtualSize)[0], first);
}
