/** Tables of which most may be blank: what is read of them, how often, and that no entry is lost. */
import { assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import {
  type LargeTable,
  SparseTable,
  usedParts,
} from "../../../src/portable/file/sparse_table.ts";
import { Random } from "../../fuzz/random.ts";
import { pureTest } from "../../pure.ts";
import { HoleySource, MemorySource } from "./memory_source.ts";

const PART = 4096;
const START = 1536;
const TABLE: Omit<LargeTable, "offset" | "length"> = {
  blank: "zeros",
  structure: "table",
  code: "ERROR_FILE_CORRUPT",
};

function tableOf(
  source: MemorySource | HoleySource,
  length: number,
  blank: LargeTable["blank"] = "zeros",
): SparseTable {
  return new SparseTable(source, { ...TABLE, offset: START, length, blank });
}

/** Where blank runs begin and end, counted from the start of the table, for somebody who walks through it. */
function blankRuns(table: SparseTable, length: number, limit = length): [number, number][] {
  const runs: [number, number][] = [];
  let start: number | undefined;
  for (let at = 0; at < length;) {
    const next = Math.min(length, table.blankUntil(START + at, START + limit) - START);
    if (next > at) start ??= at;
    if (next === at && start !== undefined) {
      runs.push([start, at]);
      start = undefined;
    }
    at = next > at ? next : at + 4;
  }
  if (start !== undefined) runs.push([start, length]);
  return runs;
}

function runsOf(bytes: Uint8Array, length: number, blank: number): [number, number][] {
  const view = new DataView(bytes.buffer, START, length);
  const runs: [number, number][] = [];
  for (let at = 0; at < length; at += 4) {
    if (view.getUint32(at) !== blank) continue;
    if (runs.at(-1)?.[1] === at) runs.at(-1)![1] = at + 4;
    else runs.push([at, at + 4]);
  }
  return runs;
}

pureTest("SparseTable finds all blank runs, whatever has been looked at before", () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(seed);
    const blank = seed % 2 === 0 ? 0 : 0xffff_ffff;
    const length = 4 * (1 + random.below(40 * 1024));
    const bytes = new Uint8Array(START + length + 100).fill(blank & 0xff, START, START + length);
    const view = new DataView(bytes.buffer);
    const used = Array.from({ length: random.below(12) }, () => 4 * random.below(length / 4));
    for (const at of used) view.setUint32(START + at, 1 + random.below(1000));
    const source = new MemorySource(bytes);
    const table = tableOf(source, length, blank === 0 ? "zeros" : "ones");
    const look = random.below(3);
    if (look === 1) { for (const _ of table.usedParts(START, length)); }
    if (look === 2) { for (const at of used) table.uint32(START + at, false); }
    const expected = runsOf(bytes, length, blank);
    assertEquals(blankRuns(table, length), expected, `seed ${seed}`);
    assertEquals(blankRuns(table, length), expected, `seed ${seed}, once more`);
    for (let at = 0; at < length; at += 4) {
      if (table.uint32(START + at, false) !== view.getUint32(START + at)) {
        throw new Error(`seed ${seed}: another entry at ${at}`);
      }
    }
  }
});

pureTest("SparseTable goes no further than it is asked to, and reads each part once", () => {
  const length = 512 * PART;
  const source = new HoleySource(START + length, []);
  const table = tableOf(source, length);
  // A look at one place reads its page, and so does one at another.
  assertEquals(table.blankUntil(START + 100 * PART, START + length), START + 100 * PART + 2560);
  assertEquals(table.blankUntil(START + 200 * PART, START + length), START + 200 * PART + 2560);
  assertEquals(source.bytesRead, 2 * PART);
  // Whoever goes on where blank entries ended reads more and more.
  const before = source.bytesRead;
  const ends: number[] = [];
  for (let at = START; at < START + length; ends.push((at - START) / PART)) {
    at = table.blankUntil(at, START + length);
  }
  // The pages of the file do not begin where the parts of the table do.
  assertEquals(ends.slice(0, 7), [0.625, 1, 3, 7, 15, 31, 63]);
  assertEquals(ends.at(-1), 512);
  assertLessOrEqual(source.bytesRead - before, length + PART);
  const all = source.bytesRead;
  assertEquals(table.blankUntil(START, START + 10 * PART), START + 10 * PART);
  assertEquals(table.uint32(START + 300 * PART, true), 0);
  assertEquals(source.bytesRead, all);
});

pureTest("SparseTable knows after a scan where nothing is, until it is told to forget", () => {
  const length = 100 * PART - 8;
  const source = new MemorySource(new Uint8Array(START + length));
  source.bytes[START + 70 * PART] = 1;
  const table = tableOf(source, length);
  assertEquals(Array.from(table.usedParts(START, length), ({ at }) => at), [70 * PART]);
  const { bytesRead } = source;
  assertEquals(table.blankUntil(START, START + length), START + 70 * PART);
  assertEquals(table.blankUntil(START + 71 * PART, START + length), START + length);
  assertEquals(source.bytesRead, bytesRead);
  for (const at of [40 * PART + 4, 71 * PART - 4, length - 4]) {
    source.bytes[START + at] = 7;
    table.forget(START + at, 4);
    assertEquals(table.uint32(START + at, true), 7);
  }
  assertEquals(table.blankUntil(START, START + length), START + 40 * PART);
  source.bytes[START] = 9;
  table.clear();
  assertEquals(table.uint32(START, true), 9);
});

pureTest("SparseTable keeps what a scan of a piece says of the parts that lie whole in it", () => {
  const length = 10 * PART;
  const source = new MemorySource(new Uint8Array(START + length));
  source.bytes[START + 3 * PART + 100] = 1;
  const table = tableOf(source, length);
  // It ends within the part that has an entry, before that.
  assertEquals([...table.usedParts(START, 3 * PART + 64)], []);
  assertEquals(table.uint32(START + 3 * PART + 100, true), 1);
  // It begins within a part.
  assertEquals([...table.usedParts(START + 3 * PART + 512, 2 * PART)], []);
  assertEquals(table.uint32(START + 3 * PART + 100, true), 1);
});

pureTest("SparseTable refuses what the file does not have, and nothing before", () => {
  const source = new MemorySource(new Uint8Array(START + 5 * PART + 100));
  const table = tableOf(source, 50 * PART);
  let at = START;
  const error = assertThrows(() => {
    while (at < START + 50 * PART) at = table.blankUntil(at, START + 50 * PART);
  }, ImageError);
  assertEquals(error.symbol, "ERROR_FILE_CORRUPT");
  // Of a part that is there in part, what is there.
  assertEquals(at, source.size);
});

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

pureTest("SparseTable reads a small table as a page, and a large one by itself", () => {
  const source = new MemorySource(new Uint8Array(4 * PART).fill(1));
  const small = new SparseTable(source, { ...TABLE, offset: 512, length: 1024 });
  assertEquals(partsOf(small.usedParts(512, 1024)), [[0, 1024, 0x01010101]]);
  small.uint32(600, false);
  assertEquals([source.reads, source.bytesRead], [1, PART]);
  const large = new SparseTable(source, { ...TABLE, offset: 512, length: 2 * PART });
  assertEquals(partsOf(large.usedParts(512, 2 * PART)).map(([at]) => at), [0, PART]);
  assertEquals([source.reads, source.bytesRead], [2, 3 * PART]);
  assertEquals(partsOf(large.usedParts(512, 0)), []);
});
