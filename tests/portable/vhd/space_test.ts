import { assertEquals, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { BlockAllocator } from "../../../src/portable/vhd/space.ts";
import { ImageFooters } from "../../../src/portable/vhd/footers.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { newVhd } from "./vhd_builder.ts";

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

Deno.test("allocate() does not give out the sector whose number means none", () => {
  const { file, allocator: blocks } = allocator((NO_SECTOR - 16) * 512, []);
  assertEquals(blocks.allocate(ZEROS), (NO_SECTOR - 16) * 512);
  const { size } = file;
  const error = assertThrows(() => blocks.allocate(ZEROS), ImageError);
  assertEquals(error.symbol, "ERROR_VHD_BLOCK_ALLOCATION_FAILURE");
  assertEquals(file.size, size);
});

Deno.test("allocate() takes gaps from the lowest on, aligned where there is room for that", () => {
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

Deno.test("allocate() clears what a gap holds, unless the caller writes all of it", () => {
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
