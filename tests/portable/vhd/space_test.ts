import { assertEquals, assertGreater, assertLessOrEqual, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { ImageFooters } from "../../../src/portable/vhd/footers.ts";
import { BlockAllocator, freeGaps, type Occupancy } from "../../../src/portable/vhd/space.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { newVhd } from "./vhd_builder.ts";
import { pureTest } from "../../pure.ts";

const BLOCK_SIZE = 4096;
const NO_SECTOR = 0xffffffff;
const footer = newVhd().slice(-512);
const ZEROS = { bitmapByte: 0xff, dataFollow: false };

function allocator(footerOffset: number, gaps: ConstructorParameters<typeof BlockAllocator>[3]) {
  const file = new SparseFile();
  file.writeAt(footer, footerOffset);
  const footers = new ImageFooters(file, footer, footerOffset);
  return { file, footers, allocator: new BlockAllocator(file, footers, BLOCK_SIZE, gaps) };
}

pureTest("allocate() does not give out the sector whose number means none", () => {
  const { file, allocator: blocks } = allocator((NO_SECTOR - 16) * 512, []);
  assertEquals(blocks.allocate(ZEROS), (NO_SECTOR - 16) * 512);
  const { size } = file;
  const error = assertThrows(() => blocks.allocate(ZEROS), ImageError);
  assertEquals(error.symbol, "ERROR_VHD_BLOCK_ALLOCATION_FAILURE");
  const { offset, found } = error.options.detail!;
  assertEquals(found, `sector ${offset / 512}`);
  assertEquals(file.size, size);
});

pureTest("allocate() takes gaps from the lowest on, aligned where there is room for that", () => {
  const gaps = [{ offset: 1024, end: 1024 + 4608 }, { offset: 16384 + 512, end: 16384 * 3 }];
  const { footers, allocator: blocks } = allocator(2 ** 20, gaps);
  const places = Array.from({ length: 6 }, () => blocks.allocate(ZEROS));
  assertEquals(places, [
    1024, // without room to be aligned
    20480 - 512,
    28672 - 512,
    36864 - 512,
    45056 - 512,
    2 ** 20 + 4096 - 512,
  ]);
  assertEquals(footers.offset > 2 ** 20, true);
});

pureTest("allocate() clears what a gap holds, unless the caller writes all of it", () => {
  const gaps = [{ offset: 3584, end: 8192 }, { offset: 11776, end: 16384 }];
  const { file, allocator: blocks } = allocator(2 ** 20, gaps);
  file.writeAt(new Uint8Array(16384).fill(7), 0);
  const block = new Uint8Array(512 + BLOCK_SIZE);
  file.readAt(block, blocks.allocate(ZEROS));
  assertEquals(block.findIndex((byte) => byte !== 0xff), 512);
  assertEquals(block.subarray(512).some((byte) => byte !== 0), false);
  file.readAt(block, blocks.allocate({ bitmapByte: 0, dataFollow: true }));
  assertEquals(block.findIndex((byte) => byte !== 0), 512);
});

pureTest(
  "allocate() uses the room of a block that was cancelled before the end of the file",
  () => {
    const { allocator: blocks } = allocator(2 ** 20, []);
    const first = blocks.allocate(ZEROS);
    const second = blocks.allocate(ZEROS);
    blocks.cancel(first);
    assertEquals(blocks.allocate(ZEROS), first);
    assertGreater(blocks.allocate(ZEROS), second);
  },
);

pureTest(
  "allocate() keeps as much room ready as the file has, but at least 32 MiB, and at most 256 MiB",
  () => {
    const size = 2 ** 21;
    for (const start of [4096, 100 * 2 ** 20, 2 ** 40]) {
      const file = new SparseFile();
      const footers = new ImageFooters(file, footer, start);
      const blocks = new BlockAllocator(file, footers, size, []);
      let most = 0;
      for (let i = 0; i < 250; i++) {
        const before = footers.offset;
        const place = blocks.allocate(ZEROS);
        if (footers.offset === before) continue;
        const room = footers.offset - place;
        assertLessOrEqual(room, Math.min(256 * 2 ** 20, Math.max(32 * 2 ** 20, place)));
        most = Math.max(most, room);
      }
      // There is one growth at least by nearly as much as may be.
      assertGreater(most, 240 * 2 ** 20);
    }
  },
);

/** A volume that holds files of up to so many bytes. */
class SmallVolume extends SparseFile {
  constructor(readonly room: number) {
    super();
  }

  override writeAt(bytes: Uint8Array, offset: number): void {
    if (offset + bytes.length > this.room) throw new ImageError("ERROR_DISK_FULL", { path: "" });
    super.writeAt(bytes, offset);
  }
}

pureTest(
  "allocate() fills a volume to its last block, though the file grows by many blocks at once",
  () => {
    const blocks = 100;
    const file = new SmallVolume(blocks * (BLOCK_SIZE + 4096) + 1024);
    file.writeAt(footer, 0);
    const footers = new ImageFooters(file, footer, 0);
    const allocator = new BlockAllocator(file, footers, BLOCK_SIZE, []);
    const places = Array.from({ length: blocks }, () => allocator.allocate(ZEROS));
    assertEquals(new Set(places).size, blocks);
    assertThrows(() => {
      for (;;) allocator.allocate(ZEROS);
    }, ImageError);
    const found = new Uint8Array(512);
    file.readAt(found, footers.offset);
    assertEquals(found, footer);
  },
);

const FOOTPRINT = 4096 + 512;

/** In a file of 100 sectors, with the first 4 taken. */
function gaps(changes: Partial<Occupancy>): [number, number][] {
  const found = freeGaps({
    blocks: new Uint32Array(),
    footprint: FOOTPRINT,
    metadata: [{ name: "head", offset: 0, length: 4 * 512 }],
    end: 100 * 512,
    ...changes,
  });
  return found.map(({ offset, end }) => [offset / 512, end / 512]);
}

pureTest("freeGaps() finds the room between blocks, before the first and after the last", () => {
  assertEquals(gaps({ blocks: Uint32Array.of(20, 29, 60) }), [[4, 20], [38, 60], [69, 100]]);
  assertEquals(gaps({}), [[4, 100]]);
});

pureTest("freeGaps() leaves gaps alone that are smaller than a block", () => {
  assertEquals(gaps({ blocks: Uint32Array.of(12, 30, 82) }), [[21, 30], [39, 82], [91, 100]]);
  assertEquals(gaps({ blocks: Uint32Array.of(12, 29, 83) }), [[38, 83]]);
});

pureTest("freeGaps() keeps clear of structures, in whatever order, to whole sectors", () => {
  const metadata = [
    { name: "path", offset: 50 * 512 + 7, length: 30 },
    { name: "path", offset: 49 * 512, length: 20 },
    { name: "head", offset: 0, length: 3 * 512 + 1 },
    { name: "room that nobody has", offset: 90 * 512, length: 2 ** 40 },
  ];
  assertEquals(gaps({ metadata }), [[4, 49], [51, 90]]);
  assertEquals(gaps({ metadata, blocks: Uint32Array.of(40, 60) }), [[4, 40], [51, 60], [69, 90]]);
});

pureTest("freeGaps() ends with the last whole sector before the footer", () => {
  assertEquals(gaps({ end: 100 * 512 + 511 }), [[4, 100]]);
});
