/** One row for each rule of the block allocation table: they are checked where a block is used. */
import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { UNSHARED_PLACE } from "../../../src/portable/vhdx/block_table.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { pattern } from "../../support.ts";
import { HoleySource } from "../file/memory_source.ts";
import { assertRefused, type DamageRow, extraRegion } from "./damage.ts";
import { BAT, FIRST_BLOCK, MIB, VhdxBuilder } from "./vhdx_builder.ts";
import { pureTest } from "../../pure.ts";

const ROWS: readonly DamageRow[] = [
  ...[4, 5].map((state): DamageRow => ({
    rule: `a defined state, not ${state}`,
    damage: (f) => f.bat(0, state, 4),
    structure: "payload block entry",
    offset: BAT,
  })),
  {
    rule: "state 7 with a parent only",
    damage: (f) => f.bat(0, 7, 4),
    structure: "payload block entry",
    offset: BAT,
  },
  ...[3, 19].map((bit): DamageRow => ({
    rule: `clear reserved bits, not ${bit}`,
    damage: (f) => f.u64(BAT, (4n << 20n) | (1n << BigInt(bit)) | 6n),
    structure: "payload block entry",
    offset: BAT,
  })),
  ...[1, 3, 6].flatMap((state): DamageRow[] =>
    ([
      ["the header area", 0],
      ["the log", 1],
      ["the metadata", 2],
      ["the block table", 3],
      ["the end of the file", 5],
      ["what a file can hold", 2 ** 43],
    ] as const).filter(([, mib]) => mib !== 0 || state === 6).map(([place, mib]) => ({
      rule: `a block of state ${state} outside ${place}`,
      damage: (f) => f.bat(0, state, mib),
      structure: "payload block entry",
      offset: BAT,
    }))
  ),
  {
    rule: "a block outside an unknown region, in a file without log",
    damage: (f) => {
      extraRegion(f, { offset: 5 * MIB, length: 2 * MIB });
      f.headers((header) => f.u32(header + 68, 0).u64(header + 72, 5 * MIB)).bat(0, 6, 6);
    },
    structure: "payload block entry",
    offset: BAT,
  },
  {
    rule: "a sector bitmap for a partially present block",
    damage: (f) => f.bat(0, 7, 4),
    structure: "sector bitmap block entry",
    offset: BAT + 8 * 4096,
    differencing: true,
  },
  ...[1, 7].map((state): DamageRow => ({
    rule: `a sector bitmap of state 0 or 6, not ${state}`,
    damage: (f) => f.bat(0, 7, 4).bat(4096, state, 4),
    structure: "sector bitmap block entry",
    offset: BAT + 8 * 4096,
    differencing: true,
  })),
  ...[0, 1, 5, 2 ** 43].map((mib): DamageRow => ({
    rule: `a sector bitmap in free space of the file, not at ${mib} MiB`,
    damage: (f) => f.bat(0, 7, 4).bat(4096, 6, mib),
    structure: "sector bitmap block entry",
    offset: BAT + 8 * 4096,
    differencing: true,
  })),
];

pureTest("openVhdx() refuses a block table that breaks a rule", async (t) => {
  for (const row of ROWS) {
    await t.step(row.rule, () => {
      assertRefused(row, (file) => assertEquals(file.append(MIB), FIRST_BLOCK));
    });
  }
});

pureTest("a damaged entry does not keep the other blocks from being read", () => {
  const file = new VhdxBuilder();
  file.bat(7, 5, 0);
  const image = openVhdx(file.source());
  assertEquals(image.extent(0, 7 * MIB), { kind: "zero", offset: 0, length: 7 * MIB });
  assertThrows(() => image.extent(7 * MIB, 8 * MIB), ImageError);
});

/** Blocks 0, 1 and 2 of the disk lie at 4, 5 and 6 MiB, or as the test says. */
function threeBlocks(differencing = false): VhdxBuilder {
  const file = new VhdxBuilder(differencing ? { subtype: "differencing" } : {});
  file.append(pattern(4 * MIB));
  return file.bat(0, 6, 4).bat(1, 6, 5).bat(2, 6, 6);
}

function assertUnreadable(file: VhdxBuilder, block: number, entry = block): void {
  const error = assertThrows(
    () => openVhdx(file.source()).extent(block * MIB, block * MIB + 512),
    ImageError,
  );
  assertEquals([error.symbol, error.options.detail?.offset], [
    "ERROR_FILE_CORRUPT",
    BAT + 8 * entry,
  ]);
}

pureTest("two blocks in one place are refused, both; other blocks are read", () => {
  const file = threeBlocks().bat(1, 6, 4);
  for (const block of [0, 1]) assertUnreadable(file, block);
  assertEquals(openVhdx(file.source()).extent(2 * MIB, 3 * MIB).kind, "file");
  // A bitmap where a block is, too.
  const child = threeBlocks(true).bat(0, 7, 4).bat(4096, 6, 6);
  assertUnreadable(child, 0, 4096);
  assertUnreadable(child, 2);
  assertEquals(openVhdx(child.source()).extent(MIB, 2 * MIB).kind, "file");
});

pureTest(
  "payloadToRead(): two blocks in one place are refused, whichever chunks they are in",
  () => {
    // With blocks of 1 MiB, the entry of a bitmap lies behind those of 4096 blocks.
    const file = new VhdxBuilder({ virtualSize: 4097 * MIB });
    file.append(pattern(MIB));
    file.bat(0, 6, 4).bat(4097, 6, 4);
    assertUnreadable(file, 0);
    assertUnreadable(file, 4096, 4097);
  },
);

pureTest(
  "payloadToRead(): a last block is refused that lies over another, in a file that ends with the disk",
  () => {
    const blockSize = 2 * MIB;
    const file = new VhdxBuilder({ virtualSize: 2048 * blockSize - MIB, blockSize });
    file.append(pattern(2 * MIB));
    file.bat(0, 6, 4).bat(2047, 6, 5);
    const image = openVhdx(file.source());
    for (const offset of [0, 2047 * blockSize]) {
      assertEquals(expectation(() => image.extent(offset, offset + 512)), UNSHARED_PLACE);
    }
  },
);

pureTest(
  "payloadToRead(): an entry with reserved bits keeps no other block from being read",
  () => {
    const file = threeBlocks().u64(BAT + 8, (4 << 20) | 0x86);
    assertUnreadable(file, 1);
    assertEquals(openVhdx(file.source()).extent(0, MIB).kind, "file");
  },
);

/** What the error that `work` throws says that was expected. */
function expectation(work: () => void): string | undefined {
  return assertThrows(work, ImageError).options.detail?.expected;
}

pureTest("a glimpse compares with fewer entries, and is all that is believed of it", () => {
  const wide = (second: number) => {
    const builder = new VhdxBuilder({ virtualSize: 600 * MIB });
    builder.append(pattern(MIB));
    return openVhdx(builder.bat(0, 6, 4).bat(second, 6, 4).source());
  };
  const far = wide(599);
  for (const offset of [0, 599 * MIB]) {
    assertEquals(far.glimpse!().extent(offset, offset + 512).kind, "file");
    // What was only looked at is not believed afterwards.
    assertEquals(expectation(() => far.extent(offset, offset + 512)), UNSHARED_PLACE);
  }
  const near = wide(511);
  assertEquals(expectation(() => near.glimpse!().extent(0, 512)), UNSHARED_PLACE);
  // A place that an absent block names is another's, wherever the entry of that is.
  const named = new VhdxBuilder({ virtualSize: 600 * MIB });
  named.append(pattern(MIB));
  const absent = openVhdx(named.bat(0, 2, 4).bat(599, 6, 4).source());
  assertEquals(absent.glimpse!().extent(0, 512).kind, "zero");
});

pureTest(
  "a block that is said to be absent is refused if its data are where no other block is",
  () => {
    for (const state of [0, 2]) {
      const file = threeBlocks().bat(1, state, 5);
      assertUnreadable(file, 1);
      // What is there may be nothing, or another block's: then the place means nothing.
      file.bytes.fill(0, 5 * MIB, 6 * MIB);
      assertEquals(openVhdx(file.source()).extent(MIB, 2 * MIB).kind, "zero");
      const shared = threeBlocks().bat(1, state, 4);
      assertEquals(openVhdx(shared.source()).extent(MIB, 2 * MIB).kind, "zero");
      assertEquals(openVhdx(shared.source()).extent(0, MIB).kind, "file");
    }
  },
);

pureTest(
  "payloadToRead(): a block that is said to be absent is refused wherever its data are",
  () => {
    const far = 2 ** 32;
    const { bytes } = new VhdxBuilder().bat(1, 0, far / MIB);
    const kindOf = (data: Uint8Array) => {
      const pieces = [{ offset: 0, bytes }, { offset: far, bytes: data }];
      return openVhdx(new HoleySource(far + MIB, pieces)).extent(MIB, 2 * MIB).kind;
    };
    assertEquals(kindOf(new Uint8Array(512)), "zero");
    assertThrows(() => kindOf(pattern(512)), ImageError);
  },
);

pureTest("payloadToTell(): the place that an absent block names is looked at once", () => {
  const file = threeBlocks().bat(1, 0, 5);
  file.bytes.fill(0, 5 * MIB, 6 * MIB);
  const source = file.source();
  const image = openVhdx(source).glimpse!();
  const bytesOf = () => {
    const before = source.bytesRead;
    assertEquals(image.extent(MIB, 2 * MIB).kind, "zero");
    return source.bytesRead - before;
  };
  assertGreater(bytesOf(), MIB - 1);
  assertGreater(MIB, bytesOf());
});
