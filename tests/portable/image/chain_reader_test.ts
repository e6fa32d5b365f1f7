import { assert, assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { ChainReader } from "../../../src/portable/image/chain_reader.ts";
import type { ImageExtent } from "../../../src/portable/image/image.ts";
import { Random } from "../../fuzz/random.ts";
import { sampledRounds } from "../../sampling.ts";
import { assertBytesEqual } from "../../support.ts";
import { pureTest } from "../../pure.ts";
import { CellImage, oracleByte } from "./cell_image.ts";

const SECTOR = 512;
const MIB = 2 ** 20;
const SEEDS = sampledRounds(12, 4);

/** Cells of whole sectors; in every second image they lie in the file in the order of the disk. */
function randomImage(random: Random, length: number, isLast: boolean): CellImage {
  const cellSize = SECTOR * random.pick([1, 3, 8, 100, 3000]);
  const count = Math.ceil(length / cellSize);
  const kinds = ["file", "zero", isLast ? "zero" : "parent"] as const;
  const cells = Array.from({ length: count }, () => random.pick(kinds));
  const places = Array.from({ length: count }, (_, i) => i);
  if (random.chance(50)) {
    for (let i = count - 1; i > 0; i--) {
      const other = random.below(i + 1);
      [places[i], places[other]] = [places[other]!, places[i]!];
    }
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = 1 + random.below(255);
  return new CellImage(bytes, cells, cellSize, places);
}

pureTest("a ChainReader agrees with a plain byte array, however often it has read", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new Random(seed);
    // The end of a raw disk may be anywhere.
    const size = MIB + random.below(MIB);
    const depth = 1 + random.below(4);
    const images = Array.from({ length: depth }, (_, level) => {
      const length = level === 0 ? size : 1 + random.below(3 * MIB);
      return randomImage(random, length, level === depth - 1);
    });
    const oracle = new Uint8Array(size);
    for (let i = 0; i < size; i++) oracle[i] = oracleByte(images, i);
    for (const asked of [0, 1, depth]) {
      const reader = new ChainReader(images, asked);
      for (let round = 0; round < 300; round++) {
        const offset = random.below(size);
        const length = Math.min(size - offset, 1 + random.below(random.pick([10, 9000, 100_000])));
        const buffer = new Uint8Array(length).fill(7);
        reader.read(buffer, offset);
        const expected = oracle.subarray(offset, offset + length);
        assertBytesEqual(buffer, expected, `seed ${seed}, ${asked} asked, ${length} at ${offset}`);
      }
    }
  }
});

/** A child with every second page of a base that has all, in an order of its own. */
function pages(count: number): [CellImage, CellImage] {
  const size = count * 4096;
  const bytes = Uint8Array.from({ length: size }, (_, i) => 1 + i % 255);
  const base = new CellImage(bytes, new Array(1).fill("file"), size);
  const kinds = Array.from({ length: count }, (_, i) => i % 2 === 0 ? "file" : "parent");
  return [
    new CellImage(bytes, kinds as ImageExtent["kind"][] as ("file" | "parent")[], 4096),
    base,
  ];
}

/** Reads pages here and there; gives how often the images were asked for them. */
function askedFor(reader: ChainReader, images: readonly CellImage[], reads: number): number {
  const before = images.reduce((sum, { asked }) => sum + asked, 0);
  const buffer = new Uint8Array(4096);
  for (let i = 0; i < reads; i++) {
    const offset = (i * 37 % (images[0]!.virtualSize / 4096)) * 4096;
    reader.read(buffer, offset);
    assertBytesEqual(buffer, images[1]!.bytes.subarray(offset, offset + 4096));
  }
  return images.reduce((sum, { asked }) => sum + asked, 0) - before;
}

pureTest("a ChainReader asks no file for what it has found out", () => {
  const images = pages(256);
  const reader = new ChainReader(images, 0);
  assert(askedFor(reader, images, 500) > 0);
  assertEquals(askedFor(reader, images, 500), 0);
});

pureTest("a ChainReader asks a child that is written every time, and nobody else", () => {
  const images = pages(256);
  const reader = new ChainReader(images, 1);
  askedFor(reader, images, 500);
  const [child, base] = images;
  const before = base.asked;
  assertEquals(askedFor(reader, images, 500), 500);
  assertEquals(base.asked, before);
  // As if page 1 had been written, which was the parent's.
  const written = new CellImage(child.bytes.map((byte) => byte ^ 1), ["file"], child.virtualSize);
  child.extent = (offset, end) => written.extent(offset, end);
  Object.assign(child, { source: written.source });
  const buffer = new Uint8Array(4096);
  reader.read(buffer, 4096);
  assertBytesEqual(buffer, written.bytes.subarray(4096, 8192));
});

pureTest("a ChainReader has no more pieces of a window in mind than it may", () => {
  const images = pages(256);
  const fine = new CellImage(
    images[0].bytes,
    Array.from({ length: 2048 }, (_, i) => i % 2 === 0 ? "file" : "parent"),
    SECTOR,
  );
  const reader = new ChainReader([fine, images[1]], 0);
  askedFor(reader, [fine, images[1]], 100);
  // The first quarter of the window is known, the others are asked for.
  const buffer = new Uint8Array(SECTOR);
  const before = fine.asked;
  reader.read(buffer, 511 * SECTOR);
  assertEquals(fine.asked, before);
  reader.read(buffer, 512 * SECTOR);
  assertEquals(fine.asked, before + 1);
});

pureTest("windows displace each other, and each is read as what it is", () => {
  // Two windows whose numbers have the same last bits, of a disk of 4 GiB that is mostly zeros.
  const [first, second] = [5 * MIB, 5 * MIB + 2 ** 31];
  const image: CellImage = Object.assign(Object.create(new CellImage(new Uint8Array(1), [], 1)), {
    virtualSize: 2 ** 32,
    extent: (offset: number, end: number) => (
      { kind: "file", offset, length: end - offset, fileOffset: offset }
    ),
    source: {
      path: "numbers",
      size: 2 ** 32,
      readAt: (buffer: Uint8Array, offset: number) => buffer.fill(offset / 2 ** 31).length,
    },
  });
  const reader = new ChainReader([image], 0);
  const byte = new Uint8Array(1);
  for (let round = 0; round < 40; round++) {
    reader.read(byte, first);
    assertEquals(byte[0], 0);
    if (round % 20 > 17) continue;
    reader.read(byte, second);
    assertEquals(byte[0], 1);
  }
});

pureTest(
  "what is damaged beside what is read concerns nobody, whoever reads it is told each time",
  () => {
    const [child, base] = pages(256);
    const extent = child.extent.bind(child);
    // In the middle of the window.
    child.extent = (offset, end) => {
      if (offset <= 100 * 4096 && end > 100 * 4096) throw new ImageError("ERROR_FILE_CORRUPT", {});
      return extent(offset, end);
    };
    const reader = new ChainReader([child, base], 0);
    const buffer = new Uint8Array(4096);
    for (let round = 0; round < 100; round++) {
      const page = round % 2 === 0 ? round : 255 - round;
      if (page === 100) continue;
      reader.read(buffer, page * 4096);
      assertBytesEqual(buffer, base.bytes.subarray(page * 4096, (page + 1) * 4096));
      const error = assertThrows(() => reader.read(buffer, 100 * 4096), ImageError);
      assertEquals(error.symbol, "ERROR_FILE_CORRUPT");
    }
  },
);

pureTest(
  "a ChainReader refuses bytes of a parent that is not open, and notices a shorter file",
  () => {
    const child = new CellImage(new Uint8Array(8192), ["parent", "file"], 4096);
    const shorter = { ...child.source, readAt: () => 3 };
    const reader = new ChainReader([Object.assign(Object.create(child), { source: shorter })], 0);
    for (let round = 0; round < 40; round++) {
      const absent = assertThrows(() => reader.read(new Uint8Array(1), 3), ImageError);
      assertEquals(absent.symbol, "ERROR_VHD_INVALID_STATE");
      const cut = assertThrows(() => reader.read(new Uint8Array(8), 5000), ImageError);
      assertEquals(cut.symbol, "ERROR_HANDLE_EOF");
    }
  },
);

pureTest(
  "a ChainReader: what the file of a smaller parent has behind the end of its disk is nobody's",
  () => {
    const size = 2 * MIB;
    const end = MIB + 4096;
    const parent = new CellImage(new Uint8Array(size).fill(7), ["file"], size);
    const smaller = Object.assign(Object.create(parent), { virtualSize: end });
    const child = new CellImage(new Uint8Array(size), ["parent"], size);
    const reader = new ChainReader([child, smaller], 1);
    const buffer = new Uint8Array(8);
    // Often enough that it is found out where all of the window is.
    for (let round = 0; round < 40; round++) {
      for (const [offset, own] of [[end - 8, 8], [end - 4, 4], [end, 0], [end + 512, 0]] as const) {
        reader.read(buffer.fill(1), offset);
        assertEquals([...buffer], Array.from(buffer, (_, i) => i < own ? 7 : 0), `at ${offset}`);
      }
    }
  },
);
