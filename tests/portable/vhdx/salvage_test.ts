/** Opening damaged VHDX images: what is left is read, what is lost is said to be, and nothing is invented. */
import { assert, assertEquals } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { chainExtents } from "../../../src/portable/image/extents.ts";
import { Damages } from "../../../src/portable/image/tolerant_image.ts";
import { pureTest } from "../../pure.ts";
import { IS_FULL, sampledBound, sampledRows } from "../../sampling.ts";
import { pattern } from "../../support.ts";
import { HoleySource, MemorySource } from "../file/memory_source.ts";
import { openDamaged, type Place, Subject, zeroed } from "../salvaging.ts";
import { batPage, LOG_GUID, PAGE, putEntries } from "./log_builder.ts";
import {
  ASSUMED,
  BITMAP_ENTRY,
  blockOf,
  childSubject,
  dynamicBuilder,
  dynamicSubject,
  entry,
  eraseHeaders,
  PRESENT,
  UNMAPPED,
} from "./damaged_vhdx.ts";
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
    "without headers": eraseHeaders(bytes.slice()),
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
