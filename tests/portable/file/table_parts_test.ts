import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { PageCache } from "../../../src/portable/file/page_cache.ts";
import { type LargeTable, usedParts } from "../../../src/portable/file/table_parts.ts";
import { pureTest } from "../../pure.ts";
import { HoleySource, MemorySource } from "./memory_source.ts";

const PART = 4096;
const TABLE: Omit<LargeTable, "offset" | "length"> = {
  blank: "zeros",
  structure: "table",
  code: "ERROR_FILE_CORRUPT",
};

/** Where the parts begin, and their first words. */
function partsOf(parts: Iterable<{ at: number; view: DataView }>): [number, number, number][] {
  return Array.from(parts, ({ at, view }) => [at, view.byteLength, view.getUint32(0)]);
}

pureTest("usedParts() gives the parts in which anything is set, however long the table is", () => {
  const length = 3 * 2 ** 20 + 40;
  const set = [0, 5 * PART, 2 ** 18 - PART, 2 ** 18, 2 * 2 ** 20 + PART, length - 40];
  const source = new HoleySource(
    1000 + length,
    set.map((at, i) => ({ offset: 1000 + at, bytes: Uint8Array.of(0, 0, 0, i + 1) })),
  );
  assertEquals(
    partsOf(usedParts(source, { ...TABLE, offset: 1000, length })),
    set.map((at, i) => [at, Math.min(PART, length - at), i + 1]),
  );
});

pureTest("usedParts() takes ones for blank, if that is what blank entries are", () => {
  const bytes = new Uint8Array(4 * PART).fill(0xff);
  bytes[2 * PART + 3] = 0xfe;
  const table = { ...TABLE, blank: "ones", offset: 0, length: bytes.length } as const;
  assertEquals(partsOf(usedParts(new MemorySource(bytes), table)), [[2 * PART, PART, 0xfffffffe]]);
});

pureTest("usedParts() of two tables at a time gives each its own", () => {
  const table = { ...TABLE, offset: 0, length: 2 * PART };
  const [first, second] = [1, 2].map((value) =>
    usedParts(new MemorySource(new Uint8Array(2 * PART).fill(value)), table)
  );
  const one = first!.next().value!;
  const other = second!.next().value!;
  assertEquals([one.view.getUint8(0), other.view.getUint8(0)], [1, 2]);
  assertEquals([first!.next().value!.view.getUint8(0), second!.next().value!.view.getUint8(0)], [
    1,
    2,
  ]);
});

pureTest("usedParts() refuses a table that the file is too short for", () => {
  const table = { ...TABLE, offset: PART, length: 2 * PART };
  const parts = usedParts(new MemorySource(new Uint8Array(2 * PART)), table);
  const error = assertThrows(() => parts.next(), ImageError);
  assertEquals(error.options.detail?.structure, "table");
});

pureTest("PageCache.usedParts() reads a small table as a page, and a large one by itself", () => {
  const source = new MemorySource(new Uint8Array(4 * PART).fill(1));
  const cache = new PageCache(source, "table", "ERROR_FILE_CORRUPT");
  assertEquals(partsOf(cache.usedParts(512, 1024, "zeros")), [[0, 1024, 0x01010101]]);
  cache.piece(600);
  assertEquals([source.reads, source.bytesRead], [1, PART]);
  assertEquals(partsOf(cache.usedParts(512, 2 * PART, "zeros")).map(([at]) => at), [0, PART]);
  assertEquals([source.reads, source.bytesRead], [2, 3 * PART]);
  assertEquals(partsOf(cache.usedParts(512, 0, "zeros")), []);
});
