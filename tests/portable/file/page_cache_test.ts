import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { PageCache } from "../../../src/portable/file/page_cache.ts";
import { pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "./memory_source.ts";
import { pureTest } from "../../pure.ts";

const PAGE = 4096;

function cacheOf(source: MemorySource | HoleySource): PageCache {
  return new PageCache(source, "table", "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT");
}

function byteAt(cache: PageCache, offset: number): number | undefined {
  return cache.piece(offset)[offset % PAGE];
}

pureTest("PageCache gives the bytes of the source", () => {
  const bytes = pattern(3 * PAGE);
  const cache = cacheOf(new MemorySource(bytes));
  for (const offset of [0, 1, PAGE - 1, PAGE, 2 * PAGE + 5, 3 * PAGE - 1, 0]) {
    assertEquals(byteAt(cache, offset), bytes[offset]);
  }
});

pureTest("PageCache gives numbers in either byte order", () => {
  const bytes = new Uint8Array(2 * PAGE);
  bytes.set([0x01, 0x02, 0x03, 0xf4], PAGE - 4);
  bytes.set([0xff, 0x02, 0x03, 0x04], PAGE);
  const cache = cacheOf(new MemorySource(bytes));
  assertEquals(cache.uint32(PAGE - 4, false), 0x010203f4);
  assertEquals(cache.uint32(PAGE - 4, true), 0xf4030201);
  assertEquals(cache.uint32(PAGE, false), 0xff020304);
});

pureTest("PageCache reads a page once, and nothing before it is asked", () => {
  const source = new MemorySource(pattern(4 * PAGE));
  const cache = cacheOf(source);
  assertEquals(source.reads, 0);
  for (let round = 0; round < 3; round++) {
    for (const offset of [0, PAGE, 5, PAGE + 5]) byteAt(cache, offset);
  }
  assertEquals(source.reads, 2);
});

pureTest("PageCache reads several pages at once, if it is to, where many follow each other", () => {
  const bytes = pattern(20 * PAGE + 8);
  const source = new MemorySource(bytes);
  const cache = new PageCache(source, "table", "ERROR_FILE_CORRUPT", {
    readAhead: { pages: 4, end: source.size },
  });
  const readsFor = (page: number) => {
    const before = source.reads;
    assertEquals(byteAt(cache, page * PAGE + 7), bytes[page * PAGE + 7]);
    return source.reads - before;
  };
  const pages = Array.from({ length: 21 }, (_, page) => page);
  // One by one up to 7; then 8 to 11, 12 to 15 and 16 to 19; the last one, which is not whole, by itself.
  const expected = pages.map((page) => page < 8 || page % 4 === 0 ? 1 : 0);
  assertEquals(pages.map(readsFor), expected);
  assertEquals(pages.map(readsFor), pages.map(() => 0));
  source.bytes[14 * PAGE + 7] = 0;
  cache.forget(14 * PAGE, 1);
  assertEquals(byteAt(cache, 14 * PAGE + 7), 0);
  assertThrows(() => cache.uint32(20 * PAGE + 8, false), ImageError);
});

pureTest("PageCache forgets what it was told to forget", () => {
  const source = new MemorySource(pattern(PAGE));
  const cache = cacheOf(source);
  byteAt(cache, 7);
  source.bytes[7] = 0xee;
  assertEquals(byteAt(cache, 7) === 0xee, false);
  cache.clear();
  assertEquals(byteAt(cache, 7), 0xee);
});

pureTest("PageCache holds 1024 pages and gives up the one not used for longest", () => {
  const source = new HoleySource(2000 * PAGE, []);
  const cache = cacheOf(source);
  const readsPage = (number: number) => {
    const before = source.bytesRead;
    byteAt(cache, number * PAGE);
    return source.bytesRead > before;
  };
  for (let page = 0; page < 1024; page++) assertEquals(readsPage(page), true);
  assertEquals(readsPage(0), false); // Used again: page 1 is the oldest now.
  assertEquals(readsPage(1024), true);
  assertEquals(readsPage(0), false);
  assertEquals(readsPage(2), false);
  assertEquals(readsPage(1), true);
});

pureTest("PageCache reads the part of a page that the file has", () => {
  const cache = cacheOf(new MemorySource(pattern(PAGE + 8)));
  assertEquals(byteAt(cache, PAGE + 7), pattern(PAGE + 8)[PAGE + 7]);
});

pureTest("PageCache refuses what lies beyond the file, and goes on working", () => {
  const bytes = pattern(2 * PAGE);
  const cache = cacheOf(new MemorySource(bytes));
  for (const offset of [2 * PAGE, 100 * PAGE]) {
    const error = assertThrows(() => cache.uint32(offset, false), ImageError);
    assertEquals(error.symbol, "ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT");
    const { structure, offset: place } = error.options.detail!;
    assertEquals([structure, place], ["table", offset]);
  }
  assertEquals(byteAt(cache, 2 * PAGE - 1), bytes[2 * PAGE - 1]);
});

pureTest("PageCache does not make up the bytes of a page that the file has in part", () => {
  const cache = cacheOf(new MemorySource(pattern(PAGE + 8)));
  for (const read of [() => byteAt(cache, PAGE + 8), () => cache.uint32(PAGE + 8, false)]) {
    cache.clear();
    assertThrows(read, ImageError);
    // The page being in the cache already must not matter.
    byteAt(cache, PAGE);
    assertThrows(read, ImageError);
  }
});

pureTest("PageCache counts the words that are equal as far as the page goes", () => {
  const bytes = new Uint8Array(2 * PAGE + 8);
  bytes.set([0, 0, 1], PAGE - 20);
  const cache = cacheOf(new MemorySource(bytes));
  const counted = [0, PAGE - 20, PAGE - 16, PAGE, 2 * PAGE].map((at) => cache.equalWords(at));
  assertEquals(counted, [(PAGE - 20) / 4, 1, 4, PAGE / 4, 2]);
  bytes.fill(0xff, PAGE + 100, 2 * PAGE + 4);
  cache.clear();
  const ofOnes = [PAGE, PAGE + 100, 2 * PAGE - 4, 2 * PAGE, 2 * PAGE + 4];
  assertEquals(ofOnes.map((at) => cache.equalWords(at)), [25, (PAGE - 100) / 4, 1, 1, 1]);
});
