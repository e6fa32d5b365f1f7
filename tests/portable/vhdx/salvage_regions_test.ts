/** Where the regions of a VHDX are whose region tables are damaged. */
import { assertEquals, assertThrows } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { Damages } from "../../../src/portable/image/tolerant_image.ts";
import { pureTest } from "../../pure.ts";
import { pattern } from "../../support.ts";
import { MemorySource } from "../file/memory_source.ts";
import { openDamaged } from "../salvaging.ts";
import {
  blockOf,
  childSubject,
  dynamicBuilder,
  eraseHeaders,
  PRESENT,
  UNMAPPED,
  withoutTables,
  ZERO,
} from "./damaged_vhdx.ts";
import {
  BAT,
  FIRST_BLOCK,
  LOG,
  METADATA,
  MIB,
  REGION_TABLES,
  VhdxBuilder,
} from "./vhdx_builder.ts";

pureTest(
  "salvageRegions(): a table is known by blocks in the file, and by no entry that none has",
  async (t) => {
    const { bytes } = dynamicBuilder();
    const sound = () => new VhdxBuilder(bytes.slice());
    const open = (builder: VhdxBuilder) =>
      openDamaged(VHDX, new MemorySource(withoutTables(builder)));
    const assertUnknown = (builder: VhdxBuilder) =>
      assertThrows(() => open(builder), ImageError, "no block allocation table is left");
    await t.step("one block, at the end of the file", () => {
      const cut = new VhdxBuilder().bat(0, PRESENT, FIRST_BLOCK / MIB);
      assertUnknown(cut);
      cut.append(1);
      assertEquals(open(cut).extent(0, MIB).kind, "file");
    });
    await t.step("a block that was given back", () => {
      assertEquals(open(sound().bat(7, UNMAPPED, 0)).extent(0, MIB).kind, "file");
      assertUnknown(sound().bat(7, UNMAPPED + 1, 0));
    });
    await t.step("a place that no file has", () => {
      const place = 2 ** 47 / MIB;
      assertEquals(open(sound().bat(7, UNMAPPED, place - 1)).virtualSize, 8 * MIB);
      assertUnknown(sound().bat(7, UNMAPPED, place));
    });
    await t.step("a table that is cut off", () => {
      const whole = new VhdxBuilder({ virtualSize: 200_000 * MIB });
      eraseHeaders(whole.bytes);
      // Where a log was.
      whole.bat(0, PRESENT, 1);
      assertEquals(open(whole).virtualSize, 200_000 * MIB);
      assertUnknown(new VhdxBuilder(whole.bytes.slice(0, BAT + MIB + 1000)));
    });
  },
);

pureTest(
  "salvageRegions(): both regions are found by what is in them, wherever they are",
  async (t) => {
    const { bytes } = dynamicBuilder();
    const sound = () => new VhdxBuilder(bytes.slice());
    const open = (file: Uint8Array<ArrayBuffer>, damages?: Damages) =>
      openDamaged(VHDX, new MemorySource(file), damages);
    await t.step("the findings say where", () => {
      const damages = new Damages();
      open(withoutTables(sound()), damages);
      assertEquals(damages.findings.map(({ consequence }) => consequence), [
        `The block allocation table has been found at ${BAT} by its contents.`,
        `The metadata has been found at ${METADATA} by its contents.`,
      ]);
    });
    await t.step("metadata in the first place", () => {
      const builder = sound();
      eraseHeaders(builder.bytes);
      builder.bytes.copyWithin(LOG, METADATA, METADATA + MIB);
      builder.bytes.fill(0, METADATA, METADATA + MIB);
      assertEquals(open(withoutTables(builder)).virtualSize, 8 * MIB);
    });
    await t.step("metadata beside something that begins alike", () => {
      const builder = sound();
      const place = builder.append(MIB);
      builder.bytes.copyWithin(place, METADATA, METADATA + 32);
      assertEquals(open(withoutTables(builder)).virtualSize, 8 * MIB);
    });
    await t.step("a block that would lie in the log is none", () => {
      const damaged = withoutTables(sound().bat(7, PRESENT, LOG / MIB));
      assertThrows(() => open(damaged), ImageError, "no block allocation table is left");
    });
    await t.step("what a log holds is no table", () => {
      const builder = sound();
      // What is left of a table where the log was put.
      builder.bytes.copyWithin(LOG, BAT, BAT + MIB);
      const damages = new Damages();
      assertEquals(open(withoutTables(builder), damages).extent(0, MIB).kind, "file");
      assertEquals(
        damages.findings[0]?.consequence,
        `The block allocation table has been found at ${BAT} by its contents.`,
      );
    });
    await t.step("a block of zeros in a child", () => {
      const builder = new VhdxBuilder(childSubject().file).bat(0, ZERO, 0);
      assertEquals(blockOf(withoutTables(builder), 0), "zero");
    });
    await t.step("the bitmap of a child, which is shorter than a block", () => {
      const blockSize = 32 * MIB;
      // A bitmap is for 2^23 sectors: that of the second chunk is behind twice 128 blocks and the first one.
      const virtualSize = 129 * blockSize;
      const builder = new VhdxBuilder({ subtype: "differencing", virtualSize, blockSize });
      builder.bat(257, PRESENT, builder.append(MIB) / MIB);
      builder.bat(0, PRESENT, builder.append(pattern(MIB)) / MIB);
      assertEquals(blockOf(withoutTables(builder), 0), "file");
    });
    await t.step("two tables, of which one cannot be read", () => {
      for (const [damaged, other] of [REGION_TABLES, REGION_TABLES.toReversed()]) {
        const builder = sound();
        builder.bytes.fill(0, damaged, damaged! + 0x10000);
        builder.u32(other! + 4, 1);
        assertEquals(open(builder.bytes).virtualSize, 8 * MIB);
      }
    });
  },
);
