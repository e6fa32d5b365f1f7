/** What is read of the metadata of a damaged VHDX. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { Damages } from "../../../src/portable/image/tolerant_image.ts";
import { pureTest } from "../../pure.ts";
import { MemorySource } from "../file/memory_source.ts";
import { openDamaged } from "../salvaging.ts";
import { extraItem } from "./damage.ts";
import { ASSUMED, dynamicBuilder, withoutTables } from "./damaged_vhdx.ts";
import { ITEMS, METADATA, MIB, VhdxBuilder } from "./vhdx_builder.ts";

pureTest("salvageMetadata(): the size of a disk is known without that of its sectors", () => {
  const damages = new Damages();
  const builder = dynamicBuilder().u32(ITEMS.logicalSectorSize, 0);
  assertThrows(
    () => openDamaged(VHDX, builder.source(), damages),
    ImageError,
    "does not say any more: the size of its sectors",
  );
  assertEquals(damages.findings.map(({ offset }) => offset), [ITEMS.logicalSectorSize]);
});

pureTest("salvageMetadata(): where there is no region, nothing of it is read", () => {
  const damages = new Damages(ASSUMED);
  const builder = dynamicBuilder();
  builder.bytes.fill(0, METADATA, METADATA + MIB);
  const image = openDamaged(VHDX, new MemorySource(withoutTables(builder)), damages);
  assertEquals(image.extent(0, MIB).kind, "file");
  assertEquals(image.metadata, undefined);
  const parameters = damages.findings.filter(({ structure }) => structure === "file parameters");
  assertEquals(parameters.map(({ offset, consequence }) => [offset, consequence]), [
    [0, "The disk is taken for one without a parent."],
  ]);
});

pureTest("salvageMetadata(): users' items are read only of a table that is sound", () => {
  const builder = dynamicBuilder();
  assert(openDamaged(VHDX, builder.source()).metadata !== undefined);
  extraItem(builder, { offset: 100 });
  const image = openDamaged(VHDX, builder.source());
  assertEquals(image.metadata, undefined);
  assertEquals(image.extent(0, MIB).kind, "file");
});

pureTest(
  "salvageMetadata(): what was said of the size of a block is taken for a size that is damaged",
  () => {
    const { bytes } = dynamicBuilder();
    const consequenceOf = (blockSize?: number) => {
      const damages = new Damages(blockSize === undefined ? {} : { blockSize });
      const builder = new VhdxBuilder(bytes.slice()).u32(ITEMS.fileParameters, 3);
      const open = () => openDamaged(VHDX, builder.source(), damages);
      if (blockSize === undefined) assertThrows(open, ImageError, "the size of its blocks");
      else assertEquals(open().blockSize, blockSize);
      const [finding] = damages.findings;
      assertEquals(finding?.offset, ITEMS.fileParameters);
      return finding?.consequence;
    };
    assertEquals(consequenceOf(), "The other items are read.");
    assertEquals(consequenceOf(MIB), "What was said of the block size is taken.");
  },
);

pureTest(
  "salvageMetadata(): the size that is said is one of whole sectors, whoever says these",
  () => {
    const open = (assumed: { size: number; sectorSize?: number }, sectorSize = 4096) => {
      const builder = new VhdxBuilder({
        logicalSectorSize: sectorSize,
        physicalSectorSize: sectorSize,
      });
      return openDamaged(VHDX, builder.source(), new Damages(assumed)).virtualSize;
    };
    const size = 4 * MIB + 512;
    assertEquals(open({ size }, 512), size);
    assertEquals(open({ size, sectorSize: 512 }), size);
    for (const assumed of [{ size }, { size, sectorSize: 4096 }]) {
      const error = assertThrows(() => open(assumed), ImageError, "with sectors of 4096 bytes");
      assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
    }
  },
);
