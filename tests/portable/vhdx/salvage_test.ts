import { assert, assertEquals, assertThrows } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { chainExtents } from "../../../src/portable/image/extents.ts";
import { Damages } from "../../../src/portable/image/tolerant_image.ts";
import { pureTest } from "../../pure.ts";
import { IS_FULL, sampledBound, sampledRows } from "../../sampling.ts";
import { pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "../file/memory_source.ts";
import { openDamaged, type Place, Subject, zeroed } from "../salvaging.ts";
import { extraItem, extraRegion } from "./damage.ts";
import { batPage, LOG_GUID, PAGE, putEntries } from "./log_builder.ts";
import {
  BAT,
  FIRST_BLOCK,
  HEADERS,
  ITEMS,
  LOG,
  METADATA,
  MIB,
  REGION_TABLES,
  VhdxBuilder,
} from "./vhdx_builder.ts";

/** What an image says that is 8 MiB large. */
const ASSUMED = { size: 8 * MIB, blockSize: MIB, sectorSize: 512 };
const NOT_PRESENT = 0;
const ZERO = 2;
const UNMAPPED = 3;
const PRESENT = 6;
const PARTIAL = 7;
/** The entry of the bitmap of the first chunk: with blocks of 1 MiB, one for 4096. */
const BITMAP_ENTRY = 4096;

function entry(index: number): Place {
  return { offset: BAT + 8 * index, length: 8 };
}

/** Blocks in another order than that of the disk, and blocks without data. */
function dynamicBuilder(): VhdxBuilder {
  const builder = new VhdxBuilder();
  const states = [PRESENT, ZERO, PRESENT, NOT_PRESENT, PRESENT, ZERO, PRESENT, NOT_PRESENT];
  for (const [i, block] of [4, 0, 6, 2].entries()) {
    const offset = builder.append(pattern(MIB, block + 1));
    assertEquals(offset, FIRST_BLOCK + i * MIB);
    builder.bat(block, PRESENT, offset / MIB);
  }
  for (const [block, state] of states.entries()) {
    if (state !== PRESENT) builder.bat(block, state, 0);
  }
  return builder;
}

function dynamicSubject(): Subject {
  return new Subject(VHDX, dynamicBuilder().bytes, (block) => [entry(block)]);
}

/** A child that has all of some blocks, and sectors of others. */
function childSubject(): Subject {
  const builder = new VhdxBuilder({ subtype: "differencing" });
  const bitmap = builder.append(MIB);
  builder.bat(BITMAP_ENTRY, PRESENT, bitmap / MIB);
  for (const block of [5, 1, 3]) {
    const offset = builder.append(pattern(MIB, block + 1));
    builder.bat(block, block === 3 ? PRESENT : PARTIAL, offset / MIB);
    // Every other 4 KiB, and in block 5 its second half.
    const bits = builder.bytes.subarray(bitmap + block * 256, bitmap + (block + 1) * 256);
    if (block === 1) { for (let i = 0; i < 256; i += 2) bits[i] = 0xff; }
    if (block === 5) bits.fill(0xff, 128);
  }
  return new Subject(VHDX, builder.bytes, (block) => [
    entry(block),
    ...(block === 1 || block === 5
      ? [entry(BITMAP_ENTRY), { offset: bitmap + block * 256, length: 256 }]
      : []),
  ]);
}

/** Lengths at which something in the file begins or ends, and around them. */
function cutsOf(subject: Subject, edges: readonly number[]): number[] {
  // Of the pieces of a child there are hundreds.
  const data = subject.dataEdges.filter((_, i, all) => i % Math.ceil(all.length / 20) === 0);
  const around = [...edges, ...data]
    .flatMap((edge) => [-4096, -513, -512, -1, 0, 1, 8, 511, 512, 4097].map((by) => edge + by));
  return [...new Set(around)].filter((cut) => cut >= 0 && cut <= subject.file.length)
    .sort((a, b) => a - b);
}

for (const [name, subject] of [["dynamic", dynamicSubject()], ["child", childSubject()]] as const) {
  pureTest(
    `openDamagedVhdx: a ${name} image cut off anywhere gives all that is left, and nothing else`,
    () => {
      const entries = [0, 1, 4, 7, 8, BITMAP_ENTRY, BITMAP_ENTRY + 1].map((i) => BAT + 8 * i);
      const edges = [...HEADERS, ...REGION_TABLES, LOG, METADATA, ITEMS.diskId, BAT, ...entries];
      let opened = 0;
      for (const cut of sampledRows(cutsOf(subject, edges), 8)) {
        const reading = subject.check(subject.file.subarray(0, cut), `cut at ${cut}`);
        if (reading !== undefined) opened++;
        // The metadata are there.
        assertEquals(reading !== undefined, cut >= ITEMS.physicalSectorSize, `cut at ${cut}`);
        if (cut === subject.file.length && name === "dynamic") assertEquals(reading?.lostBytes, 0);
      }
      assert(opened > sampledBound(50), `${opened}`);
    },
  );

  pureTest(
    `openDamagedVhdx: a ${name} image without one of its structures gives all the others lead to`,
    async (t) => {
      const HEADER = 4096;
      const TABLE = 0x10000;
      const structures: Record<string, readonly Place[]> = {
        "the identifier": [{ offset: 0, length: TABLE }],
        "the first header": [{ offset: HEADERS[0], length: HEADER }],
        "the second header": [{ offset: HEADERS[1], length: HEADER }],
        "both headers": HEADERS.map((offset) => ({ offset, length: HEADER })),
        "the first region table": [{ offset: REGION_TABLES[0], length: TABLE }],
        "the second region table": [{ offset: REGION_TABLES[1], length: TABLE }],
        "both region tables": REGION_TABLES.map((offset) => ({ offset, length: TABLE })),
        "everything before the log": [{ offset: 0, length: MIB }],
        "the log": [{ offset: LOG, length: MIB }],
        "the metadata": [{ offset: METADATA, length: MIB }],
        "the metadata table": [{ offset: METADATA, length: TABLE }],
        "the first sector of the metadata": [{ offset: METADATA, length: 512 }],
        "the items": [{ offset: METADATA + TABLE, length: TABLE }],
        "the headers, and the metadata": [
          ...HEADERS.map((offset) => ({ offset, length: HEADER })),
          { offset: METADATA, length: MIB },
        ],
      };
      for (const [what, places] of Object.entries(structures)) {
        await t.step(`without ${what}`, () => {
          const damaged = places.reduce(zeroed, subject.file);
          // Who the parent was is lost with the metadata, and that there was one.
          const isAskedFor = what.includes("metadata") || what === "the items";
          if (isAskedFor && name === "child") return;
          const reading = subject.check(damaged, what, isAskedFor ? { assumed: ASSUMED } : {});
          assert(reading !== undefined, what);
          if (name === "dynamic") assertEquals(reading.lostBytes, 0);
          assert(what === "the log" || reading.damages.findings.length > 0);
        });
      }
    },
  );

  pureTest(
    `openDamagedVhdx: entries of a ${name} image that were overwritten are lost, and no others`,
    () => {
      for (const block of sampledRows([0, 1, 2, 3, 4, 5, 6, 7], 3)) {
        const values: Record<string, bigint> = {
          "zeros": 0n,
          "ones": ~0n,
          "an undefined state": 4n | 4n << 20n,
          "reserved bits": 6n | 1n << 3n | 4n << 20n,
          "a place in the header area": 6n,
          "a place in the log": 6n | 1n << 20n,
          "a place in the table": 6n | 3n << 20n,
          "a place behind the file": 6n | 99n << 20n,
          "a place far behind the file": 6n | 1n << 63n,
          "the place of another block": 6n | (block === 0 || block === 5 ? 7n : 5n) << 20n,
          "the place of its own data, as absent": 0n | 6n << 20n,
        };
        for (const [what, value] of Object.entries(values)) {
          const builder = new VhdxBuilder(subject.file.slice());
          builder.u64(BAT + 8 * block, BigInt.asUintN(64, value));
          subject.check(builder.bytes, `${what} for block ${block}`, {
            mayLoseZeros: true,
            mayOverlap: true,
          });
        }
      }
      for (const sector of [0, 1, 64]) {
        const place = { offset: BAT + sector * 512, length: 512 };
        subject.check(zeroed(subject.file, place), `sector ${sector} of the table`, {
          mayLoseZeros: true,
        });
      }
      const reading = subject.check(
        zeroed(subject.file, { offset: BAT, length: MIB }),
        "the table",
        {
          mayLoseZeros: true,
        },
      );
      assertEquals(reading?.lostBytes, subject.virtualSize);
    },
  );
}

pureTest(
  "openDamagedVhdx: a bitmap without bits for a block that holds data is not believed",
  () => {
    const subject = childSubject();
    const bitmap = FIRST_BLOCK;
    const whole = zeroed(subject.file, { offset: bitmap, length: MIB });
    subject.check(whole, "the bitmap");
    for (const block of [1, 5]) {
      const place = { offset: bitmap + block * 256, length: 256 };
      subject.check(zeroed(subject.file, place), `the bitmap of block ${block}`);
    }
  },
);

pureTest(
  "openDamagedVhdx: space that was given back says nothing against blocks that were never written",
  () => {
    const builder = dynamicBuilder();
    // Block 6 has been given back: its data are still in the file.
    builder.bat(6, UNMAPPED, 0);
    const subject = new Subject(VHDX, builder.bytes, (block) => [entry(block)]);
    const reading = subject.check(builder.bytes, "a block given back");
    assertEquals(reading?.lostBytes, 0);
    // It is told all the same.
    assertEquals(reading?.damages.findings.map(({ isUncertain }) => isUncertain), [true]);
  },
);

pureTest(
  "openDamagedVhdx: what is said of the disk is believed, and refused if no disk is like that",
  () => {
    const { file } = dynamicSubject();
    const open = (assumed: object) =>
      openDamaged(VHDX, new MemorySource(file), new Damages(assumed));
    assertEquals(open({ size: 4 * MIB }).virtualSize, 4 * MIB);
    // The table has no more entries than a region of 1 MiB holds.
    const larger = open({ size: 2 ** 40 });
    assertEquals(larger.virtualSize, 2 ** 40);
    assertEquals(larger.extent(2 ** 39, 2 ** 40).kind, "lost");
    for (
      const wrong of [{ size: 0 }, { size: 1000 }, { blockSize: 3 * MIB }, { sectorSize: 520 }]
    ) {
      let symbol = "";
      try {
        open(wrong);
      } catch (error) {
        symbol = error instanceof ImageError ? error.symbol : String(error);
      }
      assertEquals(symbol, "ERROR_INVALID_PARAMETER", JSON.stringify(wrong));
    }
  },
);

/** Eight blocks of data and a log that moves the entry of block 3 into its place. */
function loggedBuilder(flushed: number, last: number): VhdxBuilder {
  const builder = dynamicBuilder();
  const offset = builder.append(pattern(MIB, 99));
  const page = builder.bytes.slice(BAT, BAT + 4096);
  new DataView(page.buffer).setBigUint64(3 * 8, BigInt(offset) | BigInt(PRESENT), true);
  putEntries(
    builder,
    0,
    { sequence: 7n, flushed, last },
    { sequence: 8n, tail: 4096, flushed, last, changes: [{ offset: BAT, page }] },
  );
  builder.headers((at) => builder.guid(at + 48, LOG_GUID));
  return builder;
}

pureTest("openDamagedVhdx: a log is replayed, and what was cut off behind it is lost", () => {
  const size = loggedBuilder(0, 0).bytes.length;
  const { bytes } = loggedBuilder(size, size);
  const subject = new Subject(VHDX, bytes, () => []);
  assertEquals(subject.check(bytes, "whole")?.lostBytes, 0);
  for (const cut of [size - 1, size - MIB + 1, size - MIB, size - MIB - 1, FIRST_BLOCK + 5]) {
    const reading = subject.check(bytes.slice(0, cut), `cut at ${cut}`);
    assertEquals(reading?.lostBytes, size - cut);
  }
});

pureTest("openDamagedVhdx: what a log would have changed is lost if it cannot be replayed", () => {
  const size = loggedBuilder(0, 0).bytes.length;
  const { bytes } = loggedBuilder(size, size);
  const subject = new Subject(
    VHDX,
    bytes,
    (block) => block === 3 ? [LOG, ...HEADERS].map((offset) => ({ offset, length: 3 * 4096 })) : [],
  );
  // Another entry of the same log lies behind the damaged one.
  const gap = new VhdxBuilder(bytes.slice());
  putEntries(gap, 5 * 4096, { sequence: 10n, tail: 4096, flushed: size, last: size });
  const first = gap.bytes.slice();
  first[LOG + 4096 + 20]! ^= 1;
  const cases: Record<string, Uint8Array<ArrayBuffer>> = {
    "without the log": zeroed(bytes, { offset: LOG, length: MIB }),
    "an entry is missing": gap.bytes,
    "the entry is damaged, and another needs it": first,
    "without headers": HEADERS.map((offset) => ({ offset, length: 4096 })).reduce(zeroed, bytes),
  };
  for (const [what, damaged] of Object.entries(cases)) {
    const reading = subject.check(damaged, what, { mayLoseZeros: true });
    assert(
      reading !== undefined && reading.damages.findings.some(({ isUncertain }) => isUncertain),
      what,
    );
  }
});

pureTest(
  "openDamagedVhdx: entries of a log that are in their places are no data without a name",
  () => {
    const builder = dynamicBuilder();
    const size = builder.bytes.length;
    const page = builder.bytes.slice(BAT, BAT + 4096);
    putEntries(builder, 0, {
      sequence: 7n,
      flushed: size,
      last: size,
      changes: [{ offset: BAT, page }],
    });
    const subject = new Subject(VHDX, builder.bytes, (block) => [entry(block)]);
    for (
      const [what, places] of Object.entries({
        "both headers": HEADERS.map((offset) => ({ offset, length: 4096 })),
        "one header": [{ offset: HEADERS[0], length: 4096 }],
        "everything before the log": [{ offset: 0, length: MIB }],
      })
    ) {
      assertEquals(subject.check(places.reduce(zeroed, builder.bytes), what)?.lostBytes, 0, what);
    }
  },
);

pureTest(
  "openDamagedVhdx: a file full of holes, with a table of noise or none, is not read far",
  () => {
    // Of a smaller disk less is read.
    const [part, bound] = IS_FULL ? [1, 2 ** 32] : [16, 2 ** 29];
    const { bytes } = new VhdxBuilder({ virtualSize: 2 ** 33 / part });
    const head = bytes.slice(0, BAT);
    const noise = pattern(64 * 1024 / part, 5);
    const lost = REGION_TABLES.map((offset) => ({ offset, length: 0x10000 })).reduce(zeroed, head);
    for (const start of [head, lost]) {
      const pieces = [{ offset: 0, bytes: start }, { offset: BAT, bytes: noise }];
      const source = new HoleySource(2 ** 45, pieces);
      try {
        const image = openDamaged(VHDX, source, new Damages());
        for (const extent of chainExtents([image], 0, image.virtualSize)) {
          assert(extent.kind === "lost" || extent.kind === "zero" || extent.kind === "file");
        }
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
      }
      assert(source.bytesRead < bound, `${source.bytesRead} bytes`);
    }
  },
);

pureTest(
  "openDamagedVhdx: two region tables with wrong checksums are believed if they agree in all that they say",
  () => {
    const subject = dynamicSubject();
    const damaged = (edit: (builder: VhdxBuilder, entry: number) => void = () => {}) => {
      const builder = new VhdxBuilder(subject.file.slice());
      for (const table of REGION_TABLES) builder.u32(table + 4, 1);
      const first = REGION_TABLES[1] + 16;
      // The entry of the block table begins with these bytes.
      edit(builder, builder.view.getUint32(first, true) === 0x2dc27766 ? first : first + 32);
      const reading = subject.check(builder.bytes, "region tables");
      assertEquals(reading?.lostBytes, 0);
      return reading!.damages.findings.map(({ found }) => found);
    };
    const both = "two tables with wrong checksums";
    assertEquals(damaged(), [both]);
    assertEquals(
      damaged((builder, table) => builder.u64(table + 16, 9 * MIB)).includes(both),
      false,
    );
    assertEquals(
      damaged((builder, table) => builder.u32(table + 24, 2 * MIB)).includes(both),
      false,
    );
    const ofMetadata = (table: number) => 2 * (REGION_TABLES[1] + 32) - table;
    assertEquals(
      damaged((builder, table) => builder.u64(ofMetadata(table) + 16, 9 * MIB)).includes(both),
      false,
    );
  },
);

/** Zeros in place of all that says where the structures are. */
function withoutTables(builder: VhdxBuilder): Uint8Array<ArrayBuffer> {
  return REGION_TABLES.map((offset) => ({ offset, length: 0x10000 })).reduce(zeroed, builder.bytes);
}

/** What is said of a block of 1 MiB, whose parent is at hand. */
function blockOf(bytes: Uint8Array<ArrayBuffer>, block: number) {
  const extent = openDamaged(VHDX, new MemorySource(bytes)).extent(block * MIB, (block + 1) * MIB);
  return extent.kind === "lost" ? `lost: ${extent.reason}` : extent.kind;
}

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
    const damaged = HEADERS.map((offset) => ({ offset, length: PAGE })).reduce(
      zeroed,
      builder.bytes,
    );
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
    for (const offset of HEADERS) builder.bytes.fill(0, offset, offset + PAGE);
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
  "LogDoubts: if a log has more versions of a page than are compared, all is in doubt",
  () => {
    const outcome = (versions: number) => {
      const builder = dynamicBuilder();
      const entries = Array.from({ length: versions }, (_, i) => ({
        sequence: BigInt(i + 1),
        changes: [{ offset: FIRST_BLOCK, page: new Uint8Array(PAGE).fill(i + 1) }],
      }));
      putEntries(builder, 0, ...entries);
      for (const offset of HEADERS) builder.bytes.fill(0, offset, offset + PAGE);
      return blockOf(builder.bytes, 0);
    };
    assertEquals([outcome(16), outcome(17)], ["file", "lost: log"]);
  },
);

pureTest("FilePresence: of a page that the log alone has, there is what follows in it", () => {
  const builder = new VhdxBuilder();
  const page = pattern(PAGE, 3);
  putEntries(builder, 0, {
    sequence: 7n,
    flushed: FIRST_BLOCK + MIB,
    last: FIRST_BLOCK + MIB,
    changes: [
      batPage(PRESENT, FIRST_BLOCK / MIB),
      { offset: FIRST_BLOCK, page },
      { offset: FIRST_BLOCK + 3 * PAGE, page },
    ],
  });
  builder.headers((at) => builder.guid(at + 48, LOG_GUID));
  const image = openDamaged(VHDX, builder.source());
  const { kind, length } = image.extent(512, MIB);
  assertEquals([kind, length], ["file", PAGE - 512]);
  const rest = image.extent(PAGE, MIB);
  assertEquals([rest.kind, rest.length], ["lost", 2 * PAGE]);
  assertEquals(image.extent(3 * PAGE, MIB).kind, "file");
});

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
      for (const offset of HEADERS) whole.bytes.fill(0, offset, offset + PAGE);
      // Where a log was.
      whole.bat(0, PRESENT, 1);
      assertEquals(open(whole).virtualSize, 200_000 * MIB);
      assertUnknown(new VhdxBuilder(whole.bytes.slice(0, BAT + MIB + 1000)));
    });
  },
);

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

pureTest("FilePresence: what a replay lengthens a file by is zeros, and not lost", () => {
  const kindOf = (flushed: number) => {
    const builder = new VhdxBuilder();
    const changes = [batPage(PRESENT, FIRST_BLOCK / MIB)];
    putEntries(builder, 0, { sequence: 7n, flushed, last: FIRST_BLOCK + MIB, changes });
    builder.headers((at) => builder.guid(at + 48, LOG_GUID));
    return blockOf(builder.bytes, 0);
  };
  assertEquals(kindOf(FIRST_BLOCK), "file");
  assertEquals(kindOf(FIRST_BLOCK + MIB), "lost: cut-off");
});

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
    for (const offset of HEADERS) builder.bytes.fill(0, offset, offset + PAGE);
    const image = openDamaged(VHDX, builder.source());
    const { kind, length } = image.extent(0, 2 * MIB);
    assertEquals([kind, length], ["file", MIB]);
    assertEquals(blockOf(builder.bytes, 1), "lost: log");
  },
);

pureTest("salvageHeader(): if both headers are damaged, none is said to be used", () => {
  const damages = new Damages();
  const { file } = dynamicSubject();
  const damaged = HEADERS.map((offset) => ({ offset, length: PAGE })).reduce(zeroed, file);
  openDamaged(VHDX, new MemorySource(damaged), damages);
  assertEquals(damages.findings.map(({ consequence }) => consequence), [
    "The disk is read without headers, and without what its log may hold.",
  ]);
});

pureTest(
  "openDamagedVhdx: a child's table that is too short ends with a chunk that is whole",
  () => {
    const image = openDamaged(
      VHDX,
      new MemorySource(childSubject().file),
      new Damages({ size: 2 ** 40 }),
    );
    // A region of 1 MiB has room for 31 chunks of 4096 blocks with their bitmaps, and for a part of another.
    const end = 31 * 4096 * MIB;
    assertEquals(image.extent(end - MIB, end).kind, "parent");
    assertEquals(image.extent(end, end + MIB).kind, "lost");
  },
);

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
      for (const offset of HEADERS) builder.bytes.fill(0, offset, offset + PAGE);
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
