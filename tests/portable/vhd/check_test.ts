/** Faults planted in VHD images, one by one: a check finds each, at its place, and nothing beside it. */
import {
  changed,
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  HEADER,
  newVhd,
  sealFooter,
} from "./vhd_builder.ts";
import { assertFound, checkBytes, type PlantedFault } from "../operations/planted.ts";
import {
  type Bytes,
  child,
  CHILD_BITMAP,
  dynamic,
  DYNAMIC_FOOTER,
  FIRST_SECTOR,
  fixed,
  FIXED_FOOTER,
  footers,
  header,
  inserted,
  SECOND_SECTOR,
  uint32,
  uint64,
} from "./planted_vhd.ts";
import { assertEquals } from "@std/assert";
import { pureTest } from "../../pure.ts";

const FOOTER = "ERROR_VHD_DRIVE_FOOTER_CORRUPT";
const FOOTER_MISSING = "ERROR_VHD_DRIVE_FOOTER_MISSING";
const FOOTER_CHECKSUM = "ERROR_VHD_DRIVE_FOOTER_CHECKSUM_MISMATCH";
const HEADER_CORRUPT = "ERROR_VHD_SPARSE_HEADER_CORRUPT";
const TABLE = "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT";
const BITMAP = "ERROR_VHD_BITMAP_MISMATCH";

const ROWS: readonly (PlantedFault & { readonly image: Bytes })[] = [
  // Footers.
  ...([
    ["a footer copy with another cookie", changed(dynamic, 0, [0x43]), 0, FOOTER_MISSING],
    ["a footer copy full of zeros", changed(dynamic, 0, Array(512).fill(0)), 0, FOOTER_MISSING],
    ["a footer copy with a wrong checksum", changed(dynamic, 24, [1, 2, 3]), 64, FOOTER_CHECKSUM],
    [
      "a footer copy that is older than the footer",
      (() => {
        const bad = changed(dynamic, 27, [dynamic[27]! ^ 1]);
        sealFooter(bad, 0);
        return bad;
      })(),
      27,
      FOOTER,
    ],
    ["the footer copy of a child, damaged", changed(child, 100, [1]), 64, FOOTER_CHECKSUM],
  ] as const).map(([name, image, offset, symbol]) => ({
    name,
    image,
    structure: "footer copy",
    offset,
    symbol,
    severity: "warning" as const,
    repairable: true as const,
  })),
  ...([
    ["a footer with another cookie", changed(dynamic, DYNAMIC_FOOTER, [0x43]), 0, FOOTER_MISSING],
    [
      "a footer with a wrong checksum",
      changed(dynamic, DYNAMIC_FOOTER + 90, [1]),
      64,
      FOOTER_CHECKSUM,
    ],
    [
      "a footer full of zeros",
      changed(dynamic, DYNAMIC_FOOTER, Array(512).fill(0)),
      0,
      FOOTER_MISSING,
    ],
  ] as const).map(([name, image, field, symbol]) => ({
    name,
    image,
    structure: "footer",
    offset: DYNAMIC_FOOTER + field,
    symbol,
    severity: "warning" as const,
    repairable: true as const,
  })),
  {
    name: "both footers damaged",
    image: changed(changed(dynamic, 90, [1]), DYNAMIC_FOOTER + 90, [1]),
    structure: "footer",
    offset: DYNAMIC_FOOTER + 64,
    symbol: FOOTER_CHECKSUM,
  },
  {
    name: "a fixed disk whose footer is damaged",
    image: changed(fixed, FIXED_FOOTER + 30, [1]),
    structure: "footer",
    offset: FIXED_FOOTER + 64,
    symbol: FOOTER_CHECKSUM,
  },
  {
    name: "a fixed disk that ends with zeros behind its footer",
    image: (() => {
      const longer = new Uint8Array(fixed.length + 512);
      longer.set(fixed);
      return longer;
    })(),
    structure: "footer",
    offset: fixed.length,
    severity: "warning",
    symbol: FOOTER_MISSING,
    repairable: true,
  },
  {
    name: "a fixed disk with zeros between its end and its footer",
    image: inserted(fixed, FIXED_FOOTER, 512),
    structure: "footer",
    offset: fixed.length + 48,
    severity: "warning",
    symbol: "ERROR_VHD_INVALID_FILE_SIZE",
    repairable: true,
  },
  {
    name: "a fixed disk with bytes between its end and its footer",
    image: (() => {
      const longer = inserted(fixed, FIXED_FOOTER, 512);
      longer[FIXED_FOOTER] = 1;
      return longer;
    })(),
    structure: "footer",
    offset: fixed.length + 48,
    severity: "warning",
    symbol: "ERROR_VHD_INVALID_FILE_SIZE",
  },
  ...([
    [
      "version 2.0 in the footers",
      dynamic,
      12,
      uint32(0x20000),
      "ERROR_VHD_FORMAT_UNSUPPORTED_VERSION",
    ],
    ["a disk type that nobody knows", dynamic, 60, uint32(9), FOOTER],
    ["a fixed disk with a data offset", fixed, 16, uint64(512), FOOTER],
    ["a sparse header at an odd offset", dynamic, 16, uint64(513), FOOTER],
    ["a sparse header beyond the file", dynamic, 16, uint64(2 ** 40), FOOTER],
    ["a disk without bytes", dynamic, 48, uint64(0), "ERROR_VHD_INVALID_SIZE"],
    ["a disk of broken sectors", dynamic, 48, uint64(1000), "ERROR_VHD_INVALID_SIZE"],
    ["a disk over 2040 GiB", dynamic, 48, uint64(2041 * 2 ** 30), "ERROR_VHD_INVALID_SIZE"],
    ["a fixed disk longer than its file", fixed, 48, uint64(41472), "ERROR_VHD_INVALID_FILE_SIZE"],
  ] as const).map(([name, image, field, bytes, symbol]) => ({
    name,
    image: footers(image, field, [...bytes]),
    structure: "footer",
    offset: image.length - 512 + field,
    symbol,
  })),
  // The sparse header.
  {
    name: "a sparse header with a wrong checksum",
    image: changed(dynamic, HEADER + 700, [1]),
    structure: "sparse header",
    offset: HEADER + 36,
    symbol: "ERROR_VHD_SPARSE_HEADER_CHECKSUM_MISMATCH",
  },
  ...([
    ["a sparse header with another cookie", 0, [0x43], HEADER_CORRUPT],
    [
      "sparse header version 2.0",
      24,
      uint32(0x20000),
      "ERROR_VHD_SPARSE_HEADER_UNSUPPORTED_VERSION",
    ],
    ["blocks of 5000 bytes", 32, uint32(5000), "ERROR_VHD_INVALID_BLOCK_SIZE"],
    ["blocks of 512 MiB", 32, uint32(2 ** 29), "ERROR_VHD_INVALID_BLOCK_SIZE"],
    ["a table entry too few", 28, uint32(9), HEADER_CORRUPT],
    ["more table entries than any creator's", 28, uint32(2 ** 24 + 1), HEADER_CORRUPT],
    ["a table at an odd offset", 16, uint64(1537), HEADER_CORRUPT],
    ["a table in the sparse header", 16, uint64(1024), HEADER_CORRUPT],
    ["a table beyond the file", 16, uint64(2 ** 40), HEADER_CORRUPT],
  ] as const).map(([name, field, bytes, symbol]) => ({
    name,
    image: header(dynamic, field, [...bytes]),
    structure: "sparse header",
    offset: HEADER + field,
    symbol,
  })),
  // The parent's paths.
  ...([
    ["a parent path over 64 KiB", 576 + 8, uint32(65538)],
    ["a parent path of odd length", 576 + 8, uint32(41)],
    ["a parent path beyond the file", 576 + 16, uint64(child.length)],
    ["a parent path in the sparse header", 576 + 16, uint64(HEADER + 64)],
    ["a parent path in the table", 576 + 16, uint64(DIFFERENCING_TABLE)],
  ] as const).map(([name, field, bytes]) => ({
    name,
    image: header(child, field, [...bytes]),
    structure: "parent locator",
    offset: HEADER + field,
    symbol: HEADER_CORRUPT,
  })),
  {
    name: "a parent path with a NUL",
    image: changed(child, 0x1000 + 4, [0, 0]),
    structure: "parent locator data",
    offset: 0x1000,
    symbol: HEADER_CORRUPT,
  },
  {
    name: "a parent path in the footer",
    image: header(
      header(child, 576 + 8, uint32(8)),
      576 + 16,
      uint64(child.length - 512),
    ),
    structure: "parent locator data",
    offset: child.length - 512,
    symbol: HEADER_CORRUPT,
  },
  {
    name: "a parent's name that is a device",
    image: header(
      child,
      64,
      [..."\\\\.\\C:".padEnd(256, "\0")].flatMap((char) => [0, char.charCodeAt(0)]),
    ),
    structure: "sparse header",
    offset: HEADER + 64,
    symbol: HEADER_CORRUPT,
  },
  {
    name: "a table that runs into the footer",
    image: header(newVhd(), 16, uint64(newVhd().length - 512)),
    structure: "block allocation table",
    offset: newVhd().length - 512,
    symbol: HEADER_CORRUPT,
  },
  {
    name: "a child that names no parent",
    image: header(child, 40, Array(16).fill(0)),
    structure: "sparse header",
    offset: HEADER + 40,
    symbol: HEADER_CORRUPT,
  },
  // The block allocation table.
  ...([
    ["a block on the footer copy", dynamic, DYNAMIC_TABLE + 12, 0],
    ["a block on the sparse header", dynamic, DYNAMIC_TABLE + 12, 2],
    ["a block on the table", dynamic, DYNAMIC_TABLE + 12, 3],
    ["a block beyond the file", dynamic, DYNAMIC_TABLE + 12, 0xfffffffe],
    ["a block that runs into the footer", dynamic, DYNAMIC_TABLE + 12, SECOND_SECTOR + 1],
    ["a block on the parent's path", child, DIFFERENCING_TABLE, 0x3000 / 512],
    ["two blocks in one place", dynamic, DYNAMIC_TABLE + 12, FIRST_SECTOR],
    ["a third block in the place of the first", dynamic, DYNAMIC_TABLE + 16, FIRST_SECTOR],
    ["a block that begins inside another", dynamic, DYNAMIC_TABLE + 12, FIRST_SECTOR + 8],
  ] as const).map(([name, image, at, entry]) => ({
    name,
    image: changed(image, at, uint32(entry)),
    structure: "block allocation table",
    offset: at,
    symbol: TABLE,
  })),
  // Blocks.
  ...([
    ["no bit for the first sector, which is not zero", SECOND_SECTOR * 512, [0x7f], 0],
    ["no bits at all for a block full of data", FIRST_SECTOR * 512, [0], 0],
    ["no bit for the last sector, which is not zero", SECOND_SECTOR * 512, [0xfe], 0],
  ] as const).map(([name, at, bytes, byte]) => ({
    name,
    image: changed(dynamic, at, [...bytes]),
    structure: "sector bitmap",
    offset: at + byte,
    severity: "warning" as const,
    symbol: BITMAP,
  })),
  {
    name: "a bit behind the last sector of a child's block",
    image: changed(child, CHILD_BITMAP + 1, [0x80]),
    structure: "sector bitmap",
    offset: CHILD_BITMAP + 1,
    severity: "info",
  },
  {
    name: "no bit for a sector of a child's block, which is not zero",
    image: changed(child, CHILD_BITMAP, [0]),
    structure: "sector bitmap",
    offset: CHILD_BITMAP,
    severity: "info",
  },
  {
    name: "a bit farther behind the last sector of a child's block",
    image: changed(child, CHILD_BITMAP + 2, [0x08]),
    structure: "sector bitmap",
    offset: CHILD_BITMAP + 2,
    severity: "info",
  },
  {
    name: "a leaked block before another",
    image: changed(dynamic, DYNAMIC_TABLE, uint32(0xffffffff)),
    structure: "unused space",
    offset: 2048,
    severity: "info",
  },
  {
    name: "a leaked block at the end",
    image: changed(dynamic, DYNAMIC_TABLE + 12, uint32(0xffffffff)),
    structure: "unused space",
    offset: SECOND_SECTOR * 512,
    severity: "info",
    repairable: true,
  },
];

pureTest("checkVhd() finds each fault of a VHD", async (t) => {
  for (const { image, ...fault } of ROWS) {
    await t.step(fault.name, () => assertFound(fault, image, "vhd"));
  }
});

pureTest("check() finds nothing in the images that the faults are planted in", async () => {
  for (const image of [fixed, newVhd(), dynamic, child, newVhd({ subtype: "differencing" })]) {
    assertEquals((await checkBytes(image, "vhd")).findings, []);
  }
});
