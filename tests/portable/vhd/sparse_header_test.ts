import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import {
  encodeSparseHeader,
  parseSparseHeader,
  readSparseHeader,
  type SparseHeader,
  sparseHeaderFault,
} from "../../../src/portable/vhd/sparse_header.ts";
import { pureTest } from "../../pure.ts";
import { MemorySource } from "../file/memory_source.ts";
import { DYNAMIC_TABLE, HEADER, newVhd } from "./vhd_builder.ts";

/** Eight locators, no field like another. */
const header: SparseHeader = {
  tableOffset: 0x0000_1234_5678_9a00,
  headerVersion: 0x00010000,
  maxTableEntries: 0x01020304,
  blockSize: 0x00200000,
  parentUniqueId: "00112233-4455-6677-8899-aabbccddeeff",
  parentTimeStamp: 0x27198e1b,
  parentUnicodeName: "日本.vhd",
  locators: Array.from({ length: 8 }, (_, slot) => ({
    platformCode: 0x57326b75 + slot,
    dataSpace: 0x1000 + slot,
    dataLength: 0x54 + slot,
    dataOffset: 0x0001_0000_0000 + slot,
  })),
};

pureTest("a sparse header survives encoding", () => {
  const bytes = encodeSparseHeader(header);
  assertEquals(sparseHeaderFault(bytes), undefined);
  assertEquals(parseSparseHeader(bytes), header);
});

pureTest("a sparse header has its fields where VHD 1.0 says, big-endian", () => {
  const bytes = encodeSparseHeader(header);
  const hex = (offset: number, length: number) =>
    Array.from(bytes.subarray(offset, offset + length), (b) => b.toString(16).padStart(2, "0"))
      .join("");
  assertEquals(bytes.length, 1024);
  assertEquals(hex(0, 8), "6378737061727365");
  assertEquals(hex(8, 8), "ffffffffffffffff");
  assertEquals(hex(16, 8), "0000123456789a00");
  assertEquals(hex(24, 4), "00010000");
  assertEquals(hex(28, 4), "01020304");
  assertEquals(hex(32, 4), "00200000");
  assertEquals(hex(40, 16), "33221100554477668899aabbccddeeff");
  assertEquals(hex(56, 4), "27198e1b");
  assertEquals(hex(64, 6), "65e5672c002e");
  assertEquals(
    hex(576 + 24, 24),
    "57326b76" + "00001001" + "00000055" + "00000000" + "0000000100000001",
  );
});

pureTest("sparseHeaderFault() notices a change of any byte", () => {
  for (let i = 0; i < 1024; i++) {
    const bytes = encodeSparseHeader(header);
    bytes[i]! ^= 0x10;
    assertEquals(sparseHeaderFault(bytes), i < 8 ? "cookie" : "checksum", `byte ${i}`);
  }
});

pureTest(
  "readSparseHeader() believes in a table that ends with the file, but in no longer one",
  () => {
    const virtualSize = 128 * 4096;
    const image = newVhd({ virtualSize });
    const read = (length: number) =>
      readSparseHeader(new MemorySource(image.slice(0, length)), HEADER, virtualSize);
    const end = DYNAMIC_TABLE + 128 * 4;
    assertEquals(read(end).maxTableEntries, 128);
    const { options: { detail } } = assertThrows(() => read(end - 1), ImageError);
    assertEquals(detail?.expected, `room for 128 entries in a file of ${end - 1} bytes`);
  },
);
