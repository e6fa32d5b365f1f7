/** What a VHD should not hold though no reader minds: a check tells of it, and takes the image for sound. */
import { assertEquals } from "@std/assert";
import { Findings } from "../../../src/portable/image/findings.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { checkVhd } from "../../../src/portable/vhd/check.ts";
import { MemorySource } from "../file/memory_source.ts";
import { changed, DIFFERENCING_TABLE, DYNAMIC_TABLE, HEADER, withBlock } from "./vhd_builder.ts";
import { assertFound, checkBytes, type PlantedFault } from "../operations/planted.ts";
import {
  type Bytes,
  child,
  dynamic,
  fixed,
  footers,
  header,
  inserted,
  uint32,
  uint64,
} from "./planted_vhd.ts";
import { pureTest } from "../../pure.ts";

const FOOTER_ROWS = [
  ["unknown features", dynamic, 8, uint32(6), 8],
  ["the reserved feature bit clear", dynamic, 8, uint32(0), 8],
  ["minor version 1", dynamic, 12, uint32(0x10001), 12],
  ["a data offset of 32 ones", fixed, 16, uint64(0xffff_ffff), 16],
  ["a saved state", dynamic, 84, [1], 84],
  ["a reserved byte of the footers", fixed, 200, [7], 200],
] as const;

/** Offset of the field in the sparse header, and of what is unusual. */
const HEADER_ROWS = [
  ["a data offset in the sparse header", dynamic, 8, uint64(512), 8],
  ["minor version 1 in the sparse header", dynamic, 24, uint32(0x10001), 24],
  ["two table entries more than there are blocks", dynamic, 28, uint32(12), 28],
  ["a reserved byte of the sparse header", dynamic, 800, [5], 800],
  ["a parent of a dynamic disk", dynamic, 40, [0, 0, 9], 42],
  ["a parent's time stamp in a dynamic disk", dynamic, 56, [1], 56],
  ["a parent's name in a dynamic disk", dynamic, 64, [0, 65], 65],
  ["a parent locator in a dynamic disk", dynamic, 576, [0x57, 0x32, 0x6b, 0x75], 576],
  ["something behind the parent's name", child, 64 + 500, [0, 65], 64 + 501],
] as const;

/**
 * The locators of `child`: a path at 0x1000 with room up to the table at 0x2000, and one at 0x3000 with room up
 * to 0x13000, before the first block at 0x13e00. Offset of the field, and of what is unusual.
 */
const LOCATORS = [576, 576 + 24] as const;
const LOCATOR_ROWS = [
  ["a reserved byte of a parent locator", LOCATORS[0] + 12, [0, 0, 0, 1], LOCATORS[0] + 15],
  ["no room for a parent's path", LOCATORS[0] + 4, uint32(0), LOCATORS[0] + 4],
  ["room for a path that goes on in the table", LOCATORS[0] + 4, uint32(0x1200), LOCATORS[0] + 4],
  ["the same in sectors", LOCATORS[0] + 4, uint32(9), LOCATORS[0] + 4],
  ["room for a path that goes on in a block", LOCATORS[1] + 4, uint32(0x11000), LOCATORS[1] + 4],
] as const;

const ROWS: readonly (PlantedFault & { readonly image: Bytes })[] = [
  ...FOOTER_ROWS.map(([name, image, field, bytes, at]) => ({
    name,
    image: footers(image, field, [...bytes]),
    structure: "footer",
    offset: image.length - 512 + at,
  })),
  ...HEADER_ROWS.map(([name, image, field, bytes, at]) => ({
    name,
    image: header(image, field, [...bytes]),
    structure: "sparse header",
    offset: HEADER + at,
  })),
  ...LOCATOR_ROWS.map(([name, field, bytes, at]) => ({
    name,
    image: header(child, field, [...bytes]),
    structure: "parent locator",
    offset: HEADER + at,
  })),
  {
    name: "zeros behind the last entry of the table",
    image: changed(dynamic, DYNAMIC_TABLE + 40, [0xff, 0, 0, 0]),
    structure: "block allocation table",
    offset: DYNAMIC_TABLE + 41,
  },
];

pureTest("checkVhd() finds what is unusual, and takes it for sound", async (t) => {
  for (const { image, ...fault } of ROWS) {
    await t.step(fault.name, async () => {
      await assertFound({ ...fault, severity: "info" }, image, "vhd");
    });
  }
});

pureTest("check() of a VHD finds an entry for a block that the disk does not have", async () => {
  const image = header(changed(dynamic, DYNAMIC_TABLE + 44, uint32(1)), 28, uint32(12));
  const { sound, findings } = await checkBytes(image, "vhd");
  assertEquals(sound, true);
  assertEquals(findings.map(({ structure, offset, found }) => [structure, offset, found]), [
    ["sparse header", HEADER + 28, 12],
    ["block allocation table", DYNAMIC_TABLE + 44, 1],
  ]);
});

pureTest("check() of a VHD finds room for a path that holds another", async () => {
  const { sound, findings } = await checkBytes(
    header(child, LOCATORS[0] + 16, uint64(0x8000)),
    "vhd",
  );
  assertEquals(sound, true);
  assertEquals(
    findings.filter(({ structure }) => structure !== "unused space").map(({ offset }) => offset),
    [HEADER + LOCATORS[1] + 4],
  );
});

pureTest(
  "checkLocatorRoom(): a block that ends where the room begins does not hide the next",
  async () => {
    const gap = child.length - 512;
    const two = withBlock(
      inserted(child, gap, 512),
      DIFFERENCING_TABLE,
      1,
      [0x80],
      new Uint8Array(4096).fill(2, 0, 512),
    );
    // The second path, between the blocks, with room up to the first sector of the next.
    const [, locator] = LOCATORS;
    two.copyWithin(gap, 0x3000, 0x3000 + 512);
    const moved = header(two, locator + 16, uint64(gap));
    const placesOf = async (room: number) => {
      const { sound, findings } = await checkBytes(header(moved, locator + 4, uint32(room)), "vhd");
      assertEquals(sound, true);
      return findings.filter(({ structure }) => structure === "parent locator")
        .map(({ offset }) => offset);
    };
    assertEquals(await placesOf(512), []);
    assertEquals(await placesOf(1024), [HEADER + locator + 4]);
  },
);

/** Notes how far an operation is each time that it tells. */
class NotingPace extends Pace {
  readonly steps: (readonly [completed: number, total: number])[] = [];

  override reach(completed: number, total: number): Promise<void> {
    this.steps.push([completed, total]);
    return Promise.resolve();
  }
}

pureTest("checkVhdBlocks() tells how far it is with entries, and with bitmaps", async () => {
  const pace = new NotingPace({});
  await checkVhd(new MemorySource(dynamic), new Findings("a.vhd"), pace);
  // Blocks 0 and 3 of ten.
  const steps = pace.steps.filter(([, total]) => total === 20);
  assertEquals(steps, [[0, 20], [3, 20], [10, 20], [13, 20]]);
});
