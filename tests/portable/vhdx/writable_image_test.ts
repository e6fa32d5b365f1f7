/** Writing VHDX images: what each write makes of the tables, the headers and the log. */
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { imageExtents, type ImageSpec } from "../../../src/portable/image/image.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { readCurrentHeader } from "../../../src/portable/vhdx/header.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { BAT, FIRST_BLOCK, MIB, REGION_TABLES, UNKNOWN_GUID, VhdxBuilder } from "./vhdx_builder.ts";
import { batPage, dirtyVhdx, LOG_GUID, putEntries } from "./log_builder.ts";
import { pureTest } from "../../pure.ts";

const SECTOR = 512;

function newFile(overrides: Partial<ImageSpec> = {}): SparseFile {
  return SparseFile.of(new VhdxBuilder(overrides).bytes);
}

/** An entry of the table: state, and place in MiB. */
function batEntry(file: SparseFile, index: number): [number, number] {
  const bytes = new Uint8Array(8);
  file.readAt(bytes, BAT + 8 * index);
  const value = new DataView(bytes.buffer).getBigUint64(0, true);
  return [Number(value & 7n), Number(value >> 20n)];
}

function assertCode(symbol: string, run: () => unknown): void {
  assertEquals(assertThrows(run, ImageError).symbol, symbol);
}

pureTest("a file that is opened for writing, read, and closed stays as it is", () => {
  const file = new RecordingSource(newFile());
  const image = openWritableVhdx(file);
  image.extent(0, 8 * MIB);
  image.write(new Uint8Array(2 * MIB), 0);
  image.trim(0, 8 * MIB);
  image.flush();
  image.finish();
  assertEquals(file.changes.filter(({ kind }) => kind !== "flush"), []);
});

pureTest("what a killed writer left is durable after a flush, or a close, without a change", () => {
  const killed = new RecordingSource(newFile());
  openWritableVhdx(killed).write(pattern(SECTOR), 0);
  for (const settle of ["flush", "finish"] as const) {
    const file = new RecordingSource(killed.base, killed.changes);
    openWritableVhdx(file)[settle]();
    assertEquals(file.changes.at(-1)?.kind, "flush");
  }
});

pureTest(
  "the first change of the data gives the disk another identifier, later ones do not",
  () => {
    const file = newFile();
    const image = openWritableVhdx(file);
    const before = image.identifier;
    image.write(pattern(SECTOR), 0);
    const after = image.identifier;
    assertNotEquals(after, before);
    image.write(pattern(SECTOR), MIB);
    image.finish();
    assertEquals([image.identifier, openVhdx(file).identifier], [after, after]);
  },
);

pureTest(
  "whatever is the first change of the data, the disk has another identifier before it",
  () => {
    const file = newFile({ subtype: "differencing" });
    const before = openWritableVhdx(file);
    before.write(pattern(MIB), 0);
    before.write(pattern(SECTOR), MIB);
    before.metadata!.set(UNKNOWN_GUID, pattern(9));
    before.finish();
    const { dataWriteGuid } = readCurrentHeader(file);
    const states = [0, 1, 2].map((block) => batEntry(file, block)[0]);
    assertEquals(states, [6, 7, 0]);
    const diskItem = {
      id: LOG_GUID,
      length: 7,
      isUser: true,
      isVirtualDisk: true,
      isRequired: false,
      read: () => pattern(7),
    };
    const changes: Record<string, (image: ReturnType<typeof openWritableVhdx>) => void> = {
      "a block that is present": (image) => image.write(pattern(SECTOR, 9), 0),
      "a sector that is present": (image) => image.write(pattern(SECTOR, 9), MIB),
      "another sector of the block": (image) => image.write(pattern(SECTOR, 9), MIB + 4096),
      "another block": (image) => image.write(pattern(SECTOR, 9), 2 * MIB),
      "a block that is trimmed": (image) => image.trim(0, MIB),
      "a block that becomes zeros": (image) => image.zeroBlocks(0, MIB),
      "an item of a user": ({ metadata }) => metadata!.set(UNKNOWN_GUID, pattern(5)),
      "an item that goes": ({ metadata }) => assert(metadata!.delete(UNKNOWN_GUID)),
      "the items of the disk": ({ metadata }) => metadata!.setDiskItems([diskItem]),
      "the identifier of the disk": (image) => image.setVirtualDiskId!(UNKNOWN_GUID),
      "the physical sector size": (image) => image.setPhysicalSectorSize!(512),
      "another parent": (image) =>
        image.rebase!({ identifier: UNKNOWN_GUID, relativePath: "a", absolutePath: undefined }),
    };
    for (const [name, change] of Object.entries(changes)) {
      const changed = file.fork();
      const recorded = new RecordingSource(changed);
      const image = openWritableVhdx(recorded);
      change(image);
      image.flush();
      assertNotEquals(readCurrentHeader(recorded).dataWriteGuid, dataWriteGuid, name);
      // The first write is that of a header.
      const first = recorded.changes.find(({ kind }) => kind !== "flush");
      assertEquals(first?.kind === "write" && first.offset < 0x30000, true, name);
    }
  },
);

pureTest("nothing is written before the header says that the file is being written", () => {
  const file = new RecordingSource(newFile());
  const image = openWritableVhdx(file);
  image.write(pattern(SECTOR), 0);
  const [header, flush] = file.changes;
  assert(header?.kind === "write" && (header.offset === 0x10000 || header.offset === 0x20000));
  assertEquals(flush?.kind, "flush");
});

pureTest("many small writes one after the other cost few flushes", () => {
  const file = new RecordingSource(newFile({ virtualSize: 64 * MIB }));
  const image = openWritableVhdx(file);
  for (let i = 0; i < 1024; i++) image.write(pattern(65536), i * 65536);
  image.finish();
  assert(file.changes.filter(({ kind }) => kind === "flush").length <= 10);
});

pureTest("a clean close leaves an empty log and two headers that agree", () => {
  const file = newFile();
  const image = openWritableVhdx(file);
  image.write(pattern(SECTOR), 0);
  image.flush();
  assertNotEquals(readCurrentHeader(file).logGuid, NIL_GUID);
  image.finish();
  assertEquals(readCurrentHeader(file).logGuid, NIL_GUID);
  const bytes = file.bytes();
  assertBytesEqual(bytes.slice(0x10010, 0x11000), bytes.slice(0x20010, 0x21000));
});

/** State before (with a place or without), what is written, state after. */
const FIRST_WRITES: readonly [string, Partial<ImageSpec>, number, boolean, number][] = [
  ["part of an absent block", {}, 0, false, 6],
  ["all of an absent block", {}, 0, true, 6],
  ["part of an undefined block", {}, 1, false, 6],
  ["part of a zero block", {}, 2, false, 6],
  ["part of an unmapped block", {}, 3, false, 6],
  ["part of a parent's block", { subtype: "differencing" }, 0, false, 7],
  ["all of a parent's block", { subtype: "differencing" }, 0, true, 6],
  ["part of a child's undefined block", { subtype: "differencing" }, 1, false, 6],
  ["part of a child's zero block", { subtype: "differencing" }, 2, false, 6],
  ["part of a child's unmapped block", { subtype: "differencing" }, 3, false, 6],
  ["part of a fixed disk's zero block", { subtype: "fixed" }, 2, false, 6],
];

pureTest("write() gives a block its state", async (t) => {
  for (const [what, spec, before, whole, after] of FIRST_WRITES) {
    await t.step(`${what}: ${after}`, () => {
      const builder = new VhdxBuilder(spec);
      builder.bat(0, before, 0);
      // Room that was used before: what it holds must not show.
      builder.append(new Uint8Array(2 * MIB).fill(0xee));
      const file = SparseFile.of(builder.bytes);
      const image = openWritableVhdx(file);
      const bytes = pattern(whole ? MIB : SECTOR);
      image.write(bytes, whole ? 0 : SECTOR);
      image.finish();
      assertEquals(batEntry(file, 0)[0], after);
      const parent = openVhdx(SparseFile.of(written(new Uint8Array(8 * MIB).fill(0x77))));
      const read = readImage([openVhdx(file), parent], 0, MIB);
      const expected = new Uint8Array(MIB).fill(after === 7 ? 0x77 : 0);
      expected.set(bytes, whole ? 0 : SECTOR);
      assertBytesEqual(read, expected);
    });
  }
});

/** A disk with these bytes. */
function written(bytes: Uint8Array): Uint8Array {
  const file = newFile();
  const image = openWritableVhdx(file);
  image.write(bytes, 0);
  image.finish();
  return file.bytes();
}

pureTest("a block keeps the space of its old contents when it is written again", () => {
  const builder = new VhdxBuilder();
  builder.append(new Uint8Array(MIB).fill(0xee));
  builder.bat(0, 3, FIRST_BLOCK / MIB);
  const file = SparseFile.of(builder.bytes);
  const image = openWritableVhdx(file);
  image.write(pattern(SECTOR), 0);
  image.finish();
  assertEquals(batEntry(file, 0), [6, FIRST_BLOCK / MIB]);
  assertBytesEqual(readImage([image], SECTOR, MIB - SECTOR), new Uint8Array(MIB - SECTOR));
});

pureTest(
  "payloadToRead(): a place that an absent block names is another's once it has been written",
  () => {
    const builder = new VhdxBuilder();
    const place = builder.append(MIB) / MIB;
    builder.bat(2, 6, builder.append(pattern(MIB, 2)) / MIB).bat(5, 0, place);
    const file = SparseFile.of(builder.bytes);
    const image = openWritableVhdx(file);
    // Reading it has the entries compared.
    assertBytesEqual(readImage([image], 2 * MIB, MIB), pattern(MIB, 2));
    image.write(pattern(MIB, 7), 7 * MIB);
    assertEquals(image.extent(5 * MIB, 6 * MIB).kind, "zero");
    assertBytesEqual(readImage([image], 7 * MIB, MIB), pattern(MIB, 7));
    image.finish();
    assertEquals(batEntry(file, 7), [6, place]);
  },
);

pureTest(
  "payloadToRead(): the place that an absent block names may be another's whose entry is far away",
  () => {
    const [near, far] = [5, 140_000];
    const builder = new VhdxBuilder({ virtualSize: (far + 1) * MIB });
    const place = builder.append(pattern(MIB, 3)) / MIB;
    builder.bat(near, 0, place).bat(far + Math.floor(far / 4096), 6, place);
    const file = SparseFile.of(builder.bytes);
    assertEquals(openVhdx(file).extent(near * MIB, (near + 1) * MIB).kind, "zero");
    const image = openWritableVhdx(file);
    image.write(pattern(MIB, 4), near * MIB);
    image.finish();
    const reader = openVhdx(file);
    assertBytesEqual(readImage([reader], near * MIB, MIB), pattern(MIB, 4));
    assertBytesEqual(readImage([reader], far * MIB, MIB), pattern(MIB, 3));
  },
);

pureTest("bits that a block left behind do not count when it is partially present again", () => {
  const file = newFile({ subtype: "differencing" });
  const image = openWritableVhdx(file);
  image.write(pattern(4 * SECTOR), 8 * SECTOR);
  image.flush();
  // As a merge or another writer leaves it: not present, with stale bits in the bitmap.
  image.finish();
  const bytes = new Uint8Array(8);
  file.writeAt(bytes, BAT);
  const again = openWritableVhdx(file);
  again.write(pattern(SECTOR), 0);
  again.finish();
  assertEquals(again.extent(0, MIB), {
    kind: "file",
    offset: 0,
    length: SECTOR,
    fileOffset: placeOf(file),
  });
  assertEquals(again.extent(SECTOR, MIB), { kind: "parent", offset: SECTOR, length: MIB - SECTOR });
});

function placeOf(file: SparseFile): number {
  return batEntry(file, 0)[1] * MIB;
}

pureTest("a block whose sectors have all been written is fully present", () => {
  const file = newFile({ subtype: "differencing" });
  const image = openWritableVhdx(file);
  image.write(pattern(MIB - SECTOR), SECTOR);
  image.flush();
  assertEquals(batEntry(file, 0)[0], 7);
  image.write(pattern(SECTOR), 0);
  image.finish();
  assertEquals(batEntry(file, 0)[0], 6);
});

pureTest("trimmed blocks are unmapped, hide the parent, and give their space to others", () => {
  for (const subtype of ["dynamic", "differencing"] as const) {
    const file = newFile({ subtype });
    const image = openWritableVhdx(file);
    image.write(pattern(2 * MIB), 0);
    image.flush();
    const { size } = file;
    image.trim(SECTOR, 3 * MIB - SECTOR);
    assertEquals(image.extent(MIB, 2 * MIB).kind, "zero");
    assertEquals(image.extent(0, MIB).kind, "file");
    image.flush();
    assertEquals(batEntry(file, 1), [3, 0]);
    assertEquals(batEntry(file, 2), subtype === "dynamic" ? [0, 0] : [3, 0]);
    image.write(pattern(MIB), 5 * MIB);
    image.finish();
    assertEquals(file.size, size);
  }
});

pureTest("space that was trimmed is not used again before the trim is durable", () => {
  const file = newFile();
  const image = openWritableVhdx(file);
  image.write(pattern(MIB), 0);
  image.flush();
  const [, place] = batEntry(file, 0);
  image.trim(0, MIB);
  image.write(pattern(MIB), MIB);
  image.finish();
  assertNotEquals(batEntry(file, 1)[1], place);
});

pureTest("a fixed disk keeps what is trimmed", () => {
  const image = openWritableVhdx(newFile({ subtype: "fixed" }));
  image.write(pattern(MIB), 0);
  image.trim(0, 8 * MIB);
  assertBytesEqual(readImage([image], 0, MIB), pattern(MIB));
});

pureTest("the last block of a disk is whole where the disk ends", () => {
  const size = 3 * MIB + 4096;
  const file = newFile({ subtype: "differencing", virtualSize: size });
  const image = openWritableVhdx(file);
  image.write(pattern(4096), 3 * MIB);
  image.flush();
  assertEquals(batEntry(file, 3)[0], 6);
  image.trim(3 * MIB, 4096);
  image.finish();
  assertEquals(batEntry(file, 3), [3, 0]);
});

pureTest("a file in which two blocks share a place is not written to", () => {
  const builder = new VhdxBuilder();
  builder.append(2 * MIB);
  builder.bat(0, 6, FIRST_BLOCK / MIB).bat(1, 6, FIRST_BLOCK / MIB);
  const file = new RecordingSource(SparseFile.of(builder.bytes));
  const image = openWritableVhdx(file);
  assertCode("ERROR_FILE_CORRUPT", () => image.write(pattern(SECTOR), 0));
  // However often it is tried, what is told is the entry that names a place which another block has.
  for (const offset of [4 * MIB, 5 * MIB]) {
    const error = assertThrows(() => image.write(pattern(SECTOR), offset), ImageError);
    assertEquals([error.symbol, error.options.detail?.offset], ["ERROR_FILE_CORRUPT", BAT + 8]);
  }
  image.finish();
  assertEquals(file.changes.filter(({ kind }) => kind !== "flush"), []);
});

pureTest(
  "a block that shares its place with one far away in the table is found before anything is written",
  () => {
    // Of what lies so far apart, readers compare no places.
    const [near, far] = [5, 140_000];
    const builder = new VhdxBuilder({ virtualSize: (far + 1) * MIB });
    const place = builder.append(MIB) / MIB;
    const index = far + Math.floor(far / 4096);
    builder.bat(near, 6, place).bat(index, 6, place);
    const file = new RecordingSource(SparseFile.of(builder.bytes));
    const image = openWritableVhdx(file);
    const error = assertThrows(() => image.write(pattern(SECTOR), 4 * MIB), ImageError);
    assertEquals(error.symbol, "ERROR_FILE_CORRUPT");
    assertEquals(error.options.detail?.offset, BAT + 8 * index);
    assertEquals(file.changes.filter(({ kind }) => kind !== "flush"), []);
  },
);

pureTest("a file with data of a block that is said to be absent is not written to", () => {
  for (const state of [0, 2]) {
    const builder = new VhdxBuilder().bat(1, state, FIRST_BLOCK / MIB);
    builder.append(pattern(MIB));
    const file = new RecordingSource(SparseFile.of(builder.bytes));
    const image = openWritableVhdx(file);
    // A new block could get that place.
    assertCode("ERROR_FILE_CORRUPT", () => image.write(pattern(SECTOR), 4 * MIB));
    image.finish();
    assertEquals(file.changes.filter(({ kind }) => kind !== "flush"), []);
    // A place with nothing in it is one like any other.
    builder.bytes.fill(0, FIRST_BLOCK);
    const empty = SparseFile.of(builder.bytes);
    const other = openWritableVhdx(empty);
    other.write(pattern(SECTOR), 4 * MIB);
    other.finish();
    assertEquals(batEntry(empty, 4), [6, FIRST_BLOCK / MIB]);
  }
});

pureTest("a file whose header cannot be followed by another is not opened for writing", () => {
  const builder = new VhdxBuilder();
  builder.headers((header) => builder.u64(header + 8, 2n ** 64n - 1n));
  assertEquals(openVhdx(builder.source()).format, "vhdx");
  assertCode("ERROR_FILE_CORRUPT", () => openWritableVhdx(SparseFile.of(builder.bytes)));
});

pureTest("a log that was left behind is replayed to the file", () => {
  const builder = dirtyVhdx();
  putEntries(builder, 0, { sequence: 5n, last: 6 * MIB, changes: [batPage(6, 4)] });
  const file = SparseFile.of(builder.bytes);
  const before = readCurrentHeader(file);
  openWritableVhdx(file).finish();
  const after = readCurrentHeader(file);
  assertEquals([before.logGuid, after.logGuid], [LOG_GUID, NIL_GUID]);
  assertEquals(after.dataWriteGuid, before.dataWriteGuid);
  assertNotEquals(after.fileWriteGuid, before.fileWriteGuid);
  assertEquals([batEntry(file, 0), file.size], [[6, 4], 6 * MIB]);
});

pureTest("region tables that differ are made equal", () => {
  for (const damagedTable of REGION_TABLES) {
    const builder = new VhdxBuilder();
    builder.u32(damagedTable + 8, 77);
    const file = SparseFile.of(builder.bytes);
    openWritableVhdx(file).finish();
    const bytes = file.bytes();
    const [first, second] = REGION_TABLES.map((at) => bytes.slice(at, at + 0x10000));
    assertBytesEqual(first!, second!);
    assertEquals(openVhdx(file).identifier, openVhdx(builder.source()).identifier);
  }
});

pureTest("a file without a log gets one when it needs one", () => {
  const builder = new VhdxBuilder();
  builder.headers((header) => builder.u32(header + 68, 0).u64(header + 72, 0));
  const file = SparseFile.of(builder.bytes);
  const image = openWritableVhdx(file);
  image.write(pattern(MIB), 0);
  image.flush();
  assertEquals(readCurrentHeader(file).logLength, MIB);
  assertBytesEqual(readImage([openVhdx(file)], 0, MIB), pattern(MIB));
  image.finish();
});

pureTest("a log of any length goes around", () => {
  const builder = new VhdxBuilder();
  const log = builder.append(3 * MIB);
  builder.headers((header) => builder.u32(header + 68, 3 * MIB).u64(header + 72, log));
  const file = SparseFile.of(builder.bytes);
  const image = openWritableVhdx(file);
  for (let i = 0; i < 500; i++) {
    image.write(pattern(SECTOR, i), (i % 8) * MIB);
    image.flush();
    image.trim((i % 8) * MIB, MIB);
    image.flush();
    if (i % 25 === 0) {
      const kinds = [...imageExtents(openVhdx(file), 0, 8 * MIB)].map(({ kind }) => kind);
      assertEquals(new Set(kinds), new Set(["zero"]));
    }
  }
});

pureTest("a writable image says of itself what one for reading does", () => {
  for (const subtype of ["dynamic", "differencing", "fixed"] as const) {
    const spec = { subtype, blockSize: 2 * MIB, logicalSectorSize: 4096 } as const;
    const file = newFile(spec);
    const [image, writable] = [openVhdx(file), openWritableVhdx(file)];
    const facts = (each: typeof image) => [
      each.format,
      each.subtype,
      each.virtualSize,
      each.blockSize,
      each.logicalSectorSize,
      each.physicalSectorSize,
      each.identifier,
      each.virtualDiskId,
      each.parent,
      each.is4kAligned?.(),
    ];
    assertEquals(facts(writable), facts(image));
    assertEquals(image.blockSize, 2 * MIB);
  }
});
