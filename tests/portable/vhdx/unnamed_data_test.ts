/** Blocks of a damaged VHDX that hold data and that no entry of the table names. */
import { assertEquals } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { Damages } from "../../../src/portable/image/tolerant_image.ts";
import { pureTest } from "../../pure.ts";
import { pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "../file/memory_source.ts";
import { openDamaged } from "../salvaging.ts";
import { extraRegion } from "./damage.ts";
import { BITMAP_ENTRY, blockOf, dynamicBuilder, PRESENT } from "./damaged_vhdx.ts";
import { FIRST_BLOCK, MIB, VhdxBuilder } from "./vhdx_builder.ts";

pureTest("UnnamedData: the bitmap of a child explains no block without a name", () => {
  const builder = new VhdxBuilder({ subtype: "differencing" });
  builder.bat(BITMAP_ENTRY, PRESENT, builder.append(MIB) / MIB);
  builder.bat(3, PRESENT, builder.append(pattern(MIB, 4)) / MIB);
  assertEquals(blockOf(builder.bytes, 5), "parent");
  // The entry of this one has been lost.
  builder.append(pattern(MIB, 6));
  assertEquals(blockOf(builder.bytes, 5), "lost: table");
});

pureTest("UnnamedData: a part of a block is one at the end of the file alone", () => {
  const builder = new VhdxBuilder({ blockSize: 2 * MIB });
  builder.bat(0, PRESENT, builder.append(pattern(2 * MIB, 1)) / MIB);
  builder.append(pattern(MIB, 2));
  const kindOf = (bytes: Uint8Array<ArrayBuffer>) =>
    openDamaged(VHDX, new MemorySource(bytes)).extent(4 * MIB, 6 * MIB).kind;
  assertEquals(kindOf(builder.bytes), "lost");
  builder.bat(1, PRESENT, builder.append(pattern(2 * MIB, 3)) / MIB);
  assertEquals(kindOf(builder.bytes), "zero");
});

pureTest("UnnamedData: a whole block is one wherever there is room for it", () => {
  const builder = new VhdxBuilder({ blockSize: 2 * MIB });
  builder.append(pattern(2 * MIB, 1));
  builder.bat(0, PRESENT, builder.append(pattern(2 * MIB, 2)) / MIB);
  const image = openDamaged(VHDX, builder.source());
  assertEquals(image.extent(2 * MIB, 4 * MIB).kind, "lost");
});

pureTest(
  "UnnamedData: where a disk has no parent, the entry of a bitmap may be that of a block",
  () => {
    const blockSize = 2 * MIB;
    const builder = new VhdxBuilder({ virtualSize: 2049 * blockSize, blockSize });
    builder.append(pattern(blockSize, 1));
    const kind = () => openDamaged(VHDX, builder.source()).extent(blockSize, 2 * blockSize).kind;
    assertEquals(kind(), "lost");
    // As if an entry had been overwritten with that of another block.
    builder.bat(2048, PRESENT, builder.append(blockSize) / MIB);
    assertEquals(kind(), "zero");
  },
);

pureTest("UnnamedData: it is looked for in the longest file that an image can have", () => {
  const { bytes } = new VhdxBuilder();
  const kindIn = (size: number) => {
    const data = { offset: FIRST_BLOCK, bytes: pattern(MIB) };
    const source = new HoleySource(size, [{ offset: 0, bytes }, data]);
    return openDamaged(VHDX, source).extent(0, MIB).kind;
  };
  // Twice the largest disk, of 64 TiB.
  assertEquals(kindIn(2 ** 47), "lost");
  assertEquals(kindIn(2 ** 47 + MIB), "zero");
});

pureTest(
  "UnnamedData: what may have had a damaged entry, or one that is missing, proves nothing",
  () => {
    const builder = dynamicBuilder();
    builder.append(pattern(MIB, 9));
    assertEquals(blockOf(builder.bytes, 3), "lost: table");
    const assumed = new Damages({ size: 2 ** 40 });
    const larger = openDamaged(VHDX, builder.source(), assumed);
    assertEquals(larger.extent(3 * MIB, 4 * MIB).kind, "zero");
    builder.bat(5, PRESENT, 99);
    assertEquals(blockOf(builder.bytes, 3), "zero");
  },
);

pureTest(
  "UnnamedData: a region behind the end of the file explains no block without a name",
  () => {
    const builder = new VhdxBuilder();
    extraRegion(builder, { offset: 99 * MIB });
    assertEquals(blockOf(builder.bytes, 3), "zero");
    builder.append(pattern(MIB, 9));
    assertEquals(blockOf(builder.bytes, 3), "lost: table");
  },
);
