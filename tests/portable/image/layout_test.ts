import { assertEquals, assertGreater } from "@std/assert";
import { newImagesOf } from "../../../src/portable/formats.ts";
import type { ImageSpec } from "../../../src/portable/image/image.ts";
import {
  allBlocks,
  BlockBitmap,
  layoutBlockCount,
  NO_BLOCKS,
} from "../../../src/portable/image/layout.ts";
import { pureTest } from "../../pure.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const TIB = 1024 * GIB;

type Case = [
  format: "vhd" | "vhdx" | "raw",
  subtype: "fixed" | "dynamic",
  size: number,
  blockSize: number,
];

const CASES: Case[] = [
  ["raw", "fixed", 5 * MIB, 0],
  ["vhd", "fixed", 5 * MIB, 0],
  ["vhd", "dynamic", 5 * MIB, 2 * MIB],
  ["vhd", "dynamic", 2040 * GIB, 2 * MIB],
  ["vhd", "dynamic", 2040 * GIB, 512 * KIB],
  ["vhdx", "fixed", 5 * MIB, MIB],
  ["vhdx", "dynamic", 100 * MIB, 32 * MIB],
  ["vhdx", "dynamic", 64 * TIB, 256 * MIB],
];

function spec([, subtype, virtualSize, blockSize]: Case): ImageSpec {
  return {
    subtype,
    virtualSize,
    blockSize,
    logicalSectorSize: 512,
    physicalSectorSize: 512,
    identifier: crypto.randomUUID(),
    parent: undefined,
  };
}

pureTest("layout() lets no part of a file overlap another", async (t) => {
  for (const each of CASES) {
    const [format, subtype, size, blockSize] = each;
    await t.step(`${subtype} ${format} of ${size} bytes, blocks of ${blockSize}`, async () => {
      const layout = await newImagesOf(format).layout(spec(each), "disk");
      const count = layoutBlockCount(layout);
      const some = new BlockBitmap(count);
      for (let block = 0; block < count; block += 3) some.add(block);
      for (const blocks of layout.isFull ? [allBlocks(count)] : [some, allBlocks(count)]) {
        let end = 0;
        let blocksAreDue = true;
        for (const part of layout.parts(blocks)) {
          if (part.offset >= layout.blocksOffset && blocksAreDue) {
            blocksAreDue = false;
            assertEquals(end <= layout.blocksOffset, true);
            // The last block may be cut where nothing follows the disk but a footer.
            const data = layout.isFull ? size : blocks.count * layout.blockStride;
            end = Math.max(end, layout.blocksOffset + data);
          }
          assertEquals(part.offset >= end, true, `the part at ${part.offset} begins before ${end}`);
          end = part.offset + part.length;
        }
        assertEquals(end <= layout.byteLength(blocks.count), true);
        assertGreater(layout.stages, 0);
      }
    });
  }
});

pureTest(
  "the data of every block of a dynamic VHD are aligned, but where sectors could not be counted",
  async () => {
    for (const [blockSize, aligned] of [[2 * MIB, true], [512 * KIB, false]] as const) {
      const layout = await newImagesOf("vhd").layout(
        spec(["vhd", "dynamic", 2040 * GIB, blockSize]),
        "disk",
      );
      assertEquals((layout.blocksOffset + layout.blockPrefix.length) % 4096, 0);
      assertEquals(layout.blockStride % 4096 === 0, aligned);
      const lastSector = (layout.byteLength(layoutBlockCount(layout)) - layout.blockStride) / 512;
      assertGreater(0xffff_ffff, lastSector);
    }
  },
);

pureTest("BlockBitmap has those that were added, and counts them", () => {
  const blocks = new BlockBitmap(70);
  const added = [0, 7, 8, 31, 32, 63, 64, 69];
  for (const block of added) blocks.add(block);
  assertEquals(blocks.count, added.length);
  const found = Array.from({ length: 70 }, (_, block) => block).filter((block) =>
    blocks.has(block)
  );
  assertEquals(found, added);
});

pureTest("allBlocks() are those of the disk, and NO_BLOCKS none", () => {
  const blocks = allBlocks(3);
  assertEquals([blocks.count, blocks.has(0), blocks.has(2), blocks.has(3)], [3, true, true, false]);
  assertEquals([NO_BLOCKS.count, NO_BLOCKS.has(0)], [0, false]);
});
