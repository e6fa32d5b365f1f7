/** What is believed of blocks and bitmaps of a damaged VHDX. */
import { assertEquals } from "@std/assert";
import { imageExtents } from "../../../src/portable/image/image.ts";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { pureTest } from "../../pure.ts";
import { pattern } from "../../support.ts";
import { HoleySource } from "../file/memory_source.ts";
import { openDamaged, zeroed } from "../salvaging.ts";
import { PAGE, putEntries } from "./log_builder.ts";
import {
  BITMAP_ENTRY,
  blockOf,
  childSubject,
  eraseHeaders,
  PARTIAL,
  PRESENT,
  UNDEFINED,
} from "./damaged_vhdx.ts";
import { BAT, FIRST_BLOCK, MIB, VhdxBuilder } from "./vhdx_builder.ts";

pureTest("CautiousImage: sectors that a bitmap has lost are not taken from the parent", () => {
  const { file } = childSubject();
  assertEquals(blockOf(file, 5), "parent");
  const damaged = zeroed(file, { offset: FIRST_BLOCK, length: MIB });
  for (const block of [1, 5]) assertEquals(blockOf(damaged, block), "lost: bitmap");
});

pureTest(
  "CautiousImage: of a bitmap that a log has in another version, nothing is believed",
  () => {
    const builder = new VhdxBuilder(childSubject().file);
    const page = new Uint8Array(PAGE).fill(0xff);
    putEntries(builder, 0, { sequence: 7n, changes: [{ offset: FIRST_BLOCK, page }] });
    const damaged = eraseHeaders(builder.bytes);
    // The first sectors of block 1 have their bits in both.
    const kinds = [1, 3, 5].map((block) => blockOf(damaged, block));
    assertEquals(kinds, ["file", "file", "lost: log"]);
  },
);

pureTest(
  "CautiousImage: of a bitmap in several pages, each is compared with the version in the log",
  () => {
    const blockSize = 32 * MIB;
    // A bit for each sector of 512 bytes: two pages for a block.
    const builder = new VhdxBuilder({ subtype: "differencing", virtualSize: blockSize, blockSize });
    const bitmap = builder.append(new Uint8Array(MIB).fill(0xff));
    const place = builder.bytes.length;
    // The entry of the bitmap lies behind those of the 128 blocks of a chunk.
    builder.bat(128, PRESENT, bitmap / MIB).bat(0, PARTIAL, place / MIB);
    const page = new Uint8Array(PAGE).fill(0xff, 1);
    putEntries(builder, 0, { sequence: 7n, changes: [{ offset: bitmap + PAGE, page }] });
    eraseHeaders(builder.bytes);
    const source = new HoleySource(place + blockSize, [{ offset: 0, bytes: builder.bytes }]);
    const image = openDamaged(VHDX, source);
    const kindOf = (offset: number, end: number) => image.extent(offset, end).kind;
    const middle = blockSize / 2;
    assertEquals(kindOf(middle / 2, middle), "file");
    assertEquals(kindOf(middle / 2, middle + 512), "lost");
    assertEquals(kindOf(middle + 4096, blockSize), "file");
  },
);

pureTest(
  "CautiousImage: what may be believed ends where the entry of the next block is in doubt",
  () => {
    const builder = new VhdxBuilder();
    for (const block of [0, 1]) {
      builder.bat(block, PRESENT, builder.append(pattern(MIB, block)) / MIB);
    }
    const page = builder.bytes.slice(BAT, BAT + PAGE);
    page.fill(0, 8, 16);
    putEntries(builder, 0, { sequence: 7n, changes: [{ offset: BAT, page }] });
    eraseHeaders(builder.bytes);
    const image = openDamaged(VHDX, builder.source());
    const { kind, length } = image.extent(0, 2 * MIB);
    assertEquals([kind, length], ["file", MIB]);
    assertEquals(blockOf(builder.bytes, 1), "lost: log");
  },
);

pureTest(
  "CautiousImage: blocks in the file one behind the other are told together, as of a sound image",
  () => {
    const builder = new VhdxBuilder();
    const place = builder.append(pattern(3 * MIB));
    for (const block of [0, 1, 2]) builder.bat(block, PRESENT, place / MIB + block);
    const image = openDamaged(VHDX, builder.source());
    assertEquals(image.extent(512, 8 * MIB), {
      kind: "file",
      offset: 512,
      length: 3 * MIB - 512,
      fileOffset: place + 512,
    });
  },
);

pureTest(
  "CautiousImage: a block that may have been written is lost, whatever block is told before it",
  async (t) => {
    const extents = (builder: VhdxBuilder) => {
      // The entry of this one has been lost: that of block 1 may have been it.
      builder.append(pattern(MIB, 9));
      const image = openDamaged(VHDX, builder.source());
      return [...imageExtents(image, 0, 3 * MIB)].map(({ kind, offset }) => [kind, offset]);
    };
    await t.step("the parent's sectors of a block that has others", () => {
      const builder = new VhdxBuilder({ subtype: "differencing" });
      const bitmap = builder.append(MIB);
      builder.bytes[bitmap] = 0xff;
      builder.bat(BITMAP_ENTRY, PRESENT, bitmap / MIB);
      builder.bat(0, PARTIAL, builder.append(pattern(MIB)) / MIB);
      builder.bat(2, PRESENT, builder.append(pattern(MIB)) / MIB);
      assertEquals(extents(builder), [
        ["file", 0],
        ["parent", 8 * 512],
        ["lost", MIB],
        ["file", 2 * MIB],
      ]);
    });
    await t.step("a block without contents", () => {
      const builder = new VhdxBuilder().bat(0, UNDEFINED, 4).bat(2, UNDEFINED, 5);
      builder.append(2 * MIB);
      assertEquals(extents(builder), [["zero", 0], ["lost", MIB], ["zero", 2 * MIB]]);
    });
  },
);
