import { assertEquals, assertThrows } from "@std/assert";
import {
  encodeHeader,
  HeaderWriter,
  readCurrentHeader,
} from "../../../src/portable/vhdx/header.ts";
import { readRegions } from "../../../src/portable/vhdx/region_table.ts";
import { OccupiedRanges } from "../../../src/portable/vhdx/space.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { HoleySource } from "../file/memory_source.ts";
import { assertBytesEqual } from "../../support.ts";
import { HEADERS, MIB, REGION_TABLES, UNKNOWN_GUID, VhdxBuilder } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

/** Gives the two headers these numbers; the first byte of their data write GUID tells them apart. */
function numbered(first: bigint, second: bigint): VhdxBuilder {
  const file = new VhdxBuilder();
  return file.headers((header) =>
    file.u64(header + 8, header === HEADERS[0] ? first : second).u32(
      header + 32,
      header === HEADERS[0] ? 1 : 2,
    )
  );
}

/** The slot of the current header. */
function current(file: VhdxBuilder): number {
  return HEADERS.indexOf(readCurrentHeader(file.source()).offset as (typeof HEADERS)[number]) + 1;
}

pureTest(
  "the valid header with the greater number is current, as an unsigned 64-bit number",
  () => {
    const rows: [bigint, bigint, number][] = [
      [1n, 2n, 2],
      [2n, 1n, 1],
      [2n ** 63n, 2n ** 63n - 1n, 1],
      [2n ** 53n, 2n ** 53n + 1n, 2],
      [2n ** 64n - 1n, 0n, 1],
    ];
    for (const [first, second, slot] of rows) {
      assertEquals(current(numbered(first, second)), slot, `${first} and ${second}`);
    }
  },
);

pureTest("readCurrentHeader(): a header that is not valid is never current", () => {
  for (const damaged of HEADERS) {
    for (const field of [0, 4, 500]) {
      const file = numbered(8n, 8n);
      file.bytes[damaged + field]! ^= 0x80;
      assertEquals(current(file), damaged === HEADERS[0] ? 2 : 1, `${damaged} ${field}`);
    }
  }
});

pureTest("readCurrentHeader(): data of the header that is not current are not used", () => {
  const file = numbered(4n, 3n);
  file.u16(HEADERS[1] + 66, 9).seal(HEADERS[1], 4096);
  assertEquals(readCurrentHeader(file.source()).dataWriteGuid.slice(0, 8), "00000001");
});

pureTest("readCurrentHeader(): a log may have 1 GiB", () => {
  const file = new VhdxBuilder();
  file.headers((header) => file.u32(header + 68, 1024 * MIB));
  const source = new HoleySource(1025 * MIB, [{ offset: 0, bytes: file.bytes }]);
  assertEquals(readCurrentHeader(source).logLength, 1024 * MIB);
});

pureTest("encodeHeader() gives a header as it was read", () => {
  const file = numbered(2n ** 64n - 2n, 7n);
  const header = readCurrentHeader(file.source());
  assertBytesEqual(encodeHeader(header), file.bytes.subarray(HEADERS[0], HEADERS[0] + 4096));
});

pureTest("readRegions() takes either region table where the other is damaged", () => {
  for (const damaged of REGION_TABLES) {
    const file = new VhdxBuilder();
    file.bytes[damaged + 16]! ^= 1;
    const { bat, metadata } = readRegions(file.source(), new OccupiedRanges());
    assertEquals([bat.offset, metadata.offset], [0x300000, 0x200000]);
  }
});

pureTest("readRegions() takes the first region table if both are valid", () => {
  const file = new VhdxBuilder();
  file.append(0x100000);
  file.u64(REGION_TABLES[0] + 32, 0x400000).seal(REGION_TABLES[0], 0x10000);
  assertEquals(readRegions(file.source(), new OccupiedRanges()).bat.offset, 0x400000);
});

pureTest(
  "HeaderWriter: after a change of the log that failed there is no other, and no write of the log",
  () => {
    for (const changes of [{ logGuid: UNKNOWN_GUID }, { logOffset: 8 * MIB }]) {
      const file = SparseFile.of(new VhdxBuilder().bytes);
      const headers = new HeaderWriter(file, readCurrentHeader(file));
      headers.assertCertain();
      const failure = new Error("no flush");
      const { flush } = file;
      file.flush = () => {
        throw failure;
      };
      // Of which fields the disk has, a header that fails may say either.
      assertThrows(() => headers.update({ fileWriteGuid: UNKNOWN_GUID }), Error, "no flush");
      headers.assertCertain();
      assertThrows(() => headers.update(changes), Error, "no flush");
      file.flush = flush;
      assertThrows(() => headers.assertCertain(), Error, "no flush");
      assertThrows(() => headers.update({ fileWriteGuid: UNKNOWN_GUID }), Error, "no flush");
    }
  },
);
