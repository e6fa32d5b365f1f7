import { assertEquals } from "@std/assert";
import { allBlocks, BlockBitmap, NO_BLOCKS } from "../../../src/portable/image/layout.ts";

Deno.test("a bitmap of blocks has those that were added, and counts them", () => {
  const blocks = new BlockBitmap(70);
  const added = [0, 7, 8, 31, 32, 63, 64, 69];
  for (const block of added) blocks.add(block);
  assertEquals(blocks.count, added.length);
  const found = Array.from({ length: 70 }, (_, block) => block).filter((block) =>
    blocks.has(block)
  );
  assertEquals(found, added);
});

Deno.test("all blocks are those of the disk, and none are none", () => {
  const blocks = allBlocks(3);
  assertEquals([blocks.count, blocks.has(0), blocks.has(2), blocks.has(3)], [3, true, true, false]);
  assertEquals([NO_BLOCKS.count, NO_BLOCKS.has(0)], [0, false]);
});
